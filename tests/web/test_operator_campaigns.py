"""The review of campaigns at an operator's browser, and what brands are told by mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.program.rules import Criteria
from tests.make import make_campaign, make_creator, make_member
from tests.web.browsers import Browser, brand_browser, rows
from tests.web.operating import Operating, operating

__all__ = ["operating"]

QUEUE = "/operator/campaigns"


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


def made(brand: Browser, **options: object) -> UUID:
    with brand.team() as team:
        return make_campaign(team, **options).id  # type: ignore[arg-type]


def seen(operating: Operating, id: UUID) -> str:
    """Since when it is in review, as the page's form says it."""
    status_at = operating.within(lambda: db.session.get_one(Campaign, id).status_at)
    return status_at.isoformat()


def status_of(operating: Operating, id: UUID) -> str:
    return operating.within(lambda: db.session.get_one(Campaign, id).status)


def mails(app: Flask) -> list[Mail]:
    return rows(app, Mail)


def test_the_queue_shows_who_waits_since_when_and_until_when(
    brand: Browser, operating: Operating
) -> None:
    made(brand, status="in_review", title="First")
    made(brand, status="in_review", title="Second")
    made(brand, status="open", title="Decided")
    page = operating.see(QUEUE)
    assert page.index("First") < page.index("Second"), "who waits longest comes first"
    assert "Decided" not in page
    assert "Late" not in page
    assert "Northwind Coffee" in page
    assert "Decided" in operating.see(f"{QUEUE}?status=open")
    assert "First" in operating.see(f"{QUEUE}?status=nonsense")
    overview = operating.see("/operator")
    assert "Campaigns in review" in overview


def test_what_nobody_answered_in_time_is_marked_late(brand: Browser, operating: Operating) -> None:
    id = made(brand, status="in_review")

    def eight_days_ago() -> None:
        db.session.get_one(Campaign, id).status_at = clock.now() - timedelta(days=8)
        db.session.commit()

    operating.within(eight_days_ago)
    assert "Late" in operating.see(QUEUE)
    assert "Late" in operating.see(f"{QUEUE}/{id}")


def test_an_empty_queue_says_so(operating: Operating) -> None:
    assert "Nothing to review" in operating.see(QUEUE)


def test_the_page_of_one_campaign_has_all_that_a_decision_needs(
    app: Flask, brand: Browser, operating: Operating
) -> None:
    with app.app_context():
        make_member(make_creator().creator, followers=30_000)
    wanted = Criteria(min_followers=20_000, countries=("FR",))
    id = made(brand, status="in_review", criteria=wanted, commission_bps=1_000, budget_minor=50_000)
    page = operating.see(f"{QUEUE}/{id}")
    for said in ("Show the kit in use.", "at least 20,000", "France", "10%", "$500.00", "$90.00"):
        assert said in page, said
    assert '<p class="num">1</p>' in page


def test_approval_lets_the_brand_fund_it_and_tells_it_by_mail(
    app: Flask, brand: Browser, operating: Operating
) -> None:
    id = made(brand, status="in_review")
    reply = operating.send(f"{QUEUE}/{id}/decide", decision="approve", seen=seen(operating, id))
    assert reply.location == QUEUE
    assert status_of(operating, id) == CampaignStatus.AWAITING_FUNDS
    (mail,) = mails(app)
    assert mail.subject == "Your campaign is approved"
    assert f"/brand/campaigns/{id}" in mail.body
    assert "Waits for you to fund it by" in brand.get(f"/brand/campaigns/{id}").text


@pytest.mark.parametrize(
    ("decision", "status", "subject", "told"),
    [
        ("request_changes", "draft", "Your campaign needs changes", "Changes were asked for: "),
        ("reject", "rejected", "Your campaign is rejected", "It was rejected: "),
    ],
)
def test_a_refusal_carries_its_reason_to_the_brand(
    app: Flask,
    brand: Browser,
    operating: Operating,
    decision: str,
    status: str,
    subject: str,
    told: str,
) -> None:
    id = made(brand, status="in_review")
    form: dict[str, Any] = {"decision": decision, "seen": seen(operating, id)}
    refused = operating.send(f"{QUEUE}/{id}/decide", **form, reason=" ")
    assert refused.status_code == 422
    assert "say why: the brand reads it" in refused.text
    assert status_of(operating, id) == CampaignStatus.IN_REVIEW
    assert mails(app) == []

    operating.send(f"{QUEUE}/{id}/decide", **form, reason="Name the <kit>.")
    assert status_of(operating, id) == status
    (mail,) = mails(app)
    assert mail.subject == subject
    assert "Name the <kit>." in mail.body
    page = brand.get(f"/brand/campaigns/{id}").text
    assert f"{told}Name the &lt;kit&gt;." in page


def test_terms_that_changed_since_they_were_seen_are_not_approved(
    app: Flask, brand: Browser, operating: Operating
) -> None:
    id = made(brand, status="in_review")
    before = seen(operating, id)
    operating.send(
        f"{QUEUE}/{id}/decide", decision="request_changes", seen=before, reason="Name the kit."
    )
    brand.post(f"/brand/campaigns/{id}/submit")
    assert status_of(operating, id) == CampaignStatus.IN_REVIEW
    reply = operating.send(f"{QUEUE}/{id}/decide", decision="approve", seen=before)
    assert reply.location == f"{QUEUE}/{id}"
    assert status_of(operating, id) == CampaignStatus.IN_REVIEW
    assert "This has moved on meanwhile" in operating.see(f"{QUEUE}/{id}")


def test_a_second_click_sends_no_second_mail(
    app: Flask, brand: Browser, operating: Operating
) -> None:
    id = made(brand, status="in_review")
    form: dict[str, Any] = {"decision": "approve", "seen": seen(operating, id)}
    for _ in range(2):
        assert operating.send(f"{QUEUE}/{id}/decide", **form).status_code == 303
    assert len(mails(app)) == 1


def test_a_mail_is_in_the_language_of_its_reader(
    app: Flask, brand: Browser, operating: Operating
) -> None:
    with brand.team() as team:
        team.user.locale = "fr"
        db.session.commit()
    id = made(brand, status="in_review")
    operating.send(f"{QUEUE}/{id}/decide", decision="approve", seen=seen(operating, id))
    (mail,) = mails(app)
    assert mail.body.startswith("Bonjour")
