"""Applying, agreeing, handing in and reviewing, at both sides' browsers."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.deliverable import Deliverable, Submission
from marketplace.commissions.code import PromoCode
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning
from marketplace.extensions import Base, db
from marketplace.parties.user import User
from marketplace.program.rules import Criteria
from marketplace.web import agreement_words
from tests.agreeing import LINK, ask_for_place, make_agreement
from tests.make import make_campaign
from tests.make import make_member as join_program
from tests.web.browsers import Browser, brand_browser, creator_browser, only, rows, together

HOSTILE = "<script>alert(1)</script> \"'&"


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


@pytest.fixture
def creator(app: Flask) -> Browser:
    """A member of the program."""
    browser = creator_browser(app, "ines")
    with browser.creator() as it:
        join_program(it)
    return browser


def opened(brand: Browser, **options: object) -> UUID:
    """An open campaign of this brand."""
    with brand.team() as team:
        return make_campaign(team, status="open", **options).id  # type: ignore[arg-type]


def agreed(campaign_id: UUID, creator: Browser, work: str = "due") -> UUID:
    with creator.creator() as it:
        return make_agreement(campaign_id, it, work=work).id


def asked(campaign_id: UUID, creator: Browser, *, invited: bool = False) -> UUID:
    with creator.creator() as it:
        return ask_for_place(campaign_id, it, invited=invited).id


# --- Applying


def test_a_member_applies_and_the_brand_accepts(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    campaign_id = opened(brand)
    page = creator.get(f"/creator/campaigns/{campaign_id}").text
    assert "You are eligible for this campaign." in page
    assert "3 places are left." in page

    reply = creator.post(
        f"/creator/campaigns/{campaign_id}/apply", form_key=new_id(), message="I brew slowly."
    )
    assert reply.status_code == 303
    page = creator.get(reply.location).text
    assert "You applied" in page
    assert "Withdraw" in page
    application = only(app, Application)

    assert "1 applicant waits for your answer" in brand.get(f"/brand/campaigns/{campaign_id}").text
    assert "Answer Person" in brand.get("/brand").text
    page = brand.get(f"/brand/applications/{application.id}").text
    assert "I brew slowly." in page
    assert "25,000" in page
    assert "150,000" in page

    reply = brand.post(f"/brand/applications/{application.id}/accept")
    agreement = only(app, Agreement)
    assert reply.location == f"/brand/work/{agreement.id}"
    assert "$90.00" in brand.get(reply.location).text
    assert "You are in" in creator.get(f"/creator/campaigns/{campaign_id}").text
    assert "Work due" in creator.get("/creator/work").text


def test_a_form_that_is_sent_twice_applies_once(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    url, key = f"/creator/campaigns/{opened(brand)}/apply", new_id()
    other = creator.again()
    replies = together(
        lambda: creator.post(url, form_key=key), lambda: other.post(url, form_key=key)
    )
    assert {reply.status_code for reply in replies} == {303}
    assert len(rows(app, Application)) == 1


def test_who_is_not_in_the_program_is_told_so(app: Flask, brand: Browser) -> None:
    stranger = creator_browser(app)
    url = f"/creator/campaigns/{opened(brand)}"
    page = stranger.get(url).text
    assert "First: the creator program" in page
    assert "/apply" not in page
    reply = stranger.post(f"{url}/apply", form_key=new_id())
    assert "Only members of the program" in stranger.get(reply.location).text
    assert rows(app, Application) == []


def test_who_misses_a_rule_is_refused_with_what_is_missing(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    campaign_id = opened(brand, criteria=Criteria(min_followers=40_000))
    url = f"/creator/campaigns/{campaign_id}"
    reply = creator.post(f"{url}/apply", form_key=new_id())
    page = creator.get(reply.location).text
    assert "not met: 1 of 1" in page
    assert "15,000" in page
    assert rows(app, Application) == []


def test_a_creator_withdraws(app: Flask, brand: Browser, creator: Browser) -> None:
    id = asked(opened(brand), creator)
    creator.post(f"/creator/work/applications/{id}/withdraw")
    assert only(app, Application).status == "withdrawn"
    creator.post(f"/creator/work/applications/{id}/withdraw")
    assert "moved on meanwhile" in creator.get(f"/creator/work/applications/{id}").text


def test_a_decline_needs_a_reason_and_the_creator_reads_it(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    id = asked(opened(brand), creator)
    reply = brand.post(f"/brand/applications/{id}/decline", reason=" ")
    assert reply.status_code == 422
    brand.post(f"/brand/applications/{id}/decline", reason=f"Not now {HOSTILE}")
    assert only(app, Application).status == "declined"
    page = creator.get(f"/creator/work/applications/{id}").text
    assert "Not now &lt;script&gt;" in page
    assert "<script>alert" not in page


def test_the_last_place_is_taken_once_and_the_other_is_told(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    campaign_id = opened(brand, places=1)
    first = asked(campaign_id, creator)
    with app.app_context():
        second = ask_for_place(campaign_id).id
    other = brand.again()
    together(
        lambda: brand.post(f"/brand/applications/{first}/accept"),
        lambda: other.post(f"/brand/applications/{second}/accept"),
    )
    assert len(rows(app, Agreement)) == 1
    waiting = next(it for it in rows(app, Application) if it.status == "submitted")
    reply = brand.post(f"/brand/applications/{waiting.id}/accept")
    assert "Every place of this campaign is taken." in brand.get(reply.location).text


# --- Inviting


def test_a_brand_invites_by_handle_and_the_creator_accepts(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    campaign_id = opened(brand)
    url = f"/brand/campaigns/{campaign_id}/applicants"
    reply = brand.post(url, form_key=new_id(), handle="@Ines", message="We like your hands.")
    assert reply.status_code == 303
    invitation = only(app, Application)
    assert "Invitations" in creator.get("/creator/work").text
    assert "You are invited" in creator.get(f"/creator/campaigns/{campaign_id}").text
    page = creator.get(f"/creator/work/applications/{invitation.id}").text
    assert "We like your hands." in page
    reply = creator.post(f"/creator/work/applications/{invitation.id}/accept")
    assert reply.location == f"/creator/work/{only(app, Agreement).id}"


def test_an_invitation_to_nobody_or_to_who_may_not_is_refused_beside_the_field(
    app: Flask, brand: Browser
) -> None:
    creator_browser(app, "stranger")
    url = f"/brand/campaigns/{opened(brand)}/applicants"
    reply = brand.post(url, form_key=new_id(), handle="nobody.here")
    assert reply.status_code == 422
    assert "Nobody has this handle." in reply.text
    reply = brand.post(url, form_key=new_id(), handle="stranger")
    assert "Only members of the program" in reply.text
    assert rows(app, Application) == []


@pytest.mark.parametrize("invited", [False, True])
def test_nobody_answers_for_the_other_side(
    app: Flask, brand: Browser, creator: Browser, invited: bool
) -> None:
    id = asked(opened(brand), creator, invited=invited)
    asker, path = (brand, "/brand") if invited else (creator, "/creator/work")
    for act in ("accept", "decline"):
        asker.post(f"{path}/applications/{id}/{act}", reason="no")
    other, path = (creator, "/creator/work") if invited else (brand, "/brand")
    other.post(f"{path}/applications/{id}/withdraw")
    assert only(app, Application).status == ("invited" if invited else "submitted")


def test_an_invitation_is_declined_or_taken_back(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    campaign_id = opened(brand)
    creator.post(f"/creator/work/applications/{asked(campaign_id, creator, invited=True)}/decline")
    id = asked(campaign_id, creator, invited=True)
    brand.post(f"/brand/applications/{id}/withdraw")
    assert [it.status for it in rows(app, Application)] == ["declined", "withdrawn"]


# --- Work


def test_a_link_is_submitted_revised_and_approved(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    id = agreed(opened(brand), creator)
    mine, theirs = f"/creator/work/{id}", f"/brand/work/{id}"
    reply = creator.post(f"{mine}/submit", link=LINK, note="Filmed at dawn.")
    assert reply.status_code == 303
    assert "Review the work of" in brand.get("/brand").text
    assert "Waiting for your review" in brand.get("/brand/work").text
    page = brand.get(theirs).text
    assert f'href="{LINK}" rel="noopener noreferrer nofollow ugc"' in page
    assert "Approves itself in" in page
    assert "Ask for a revision: 1 of 2" in page

    assert brand.post(f"{theirs}/revise", notes="").status_code == 422
    brand.post(f"{theirs}/revise", notes="Closer to the cup, please.")
    assert "Closer to the cup, please." in creator.get(mine).text
    creator.post(f"{mine}/submit", link=f"{LINK}?v=2")
    brand.post(f"{theirs}/approve")
    earning = only(app, Earning)
    assert earning.net_minor == 9_000
    page = creator.get(mine).text
    assert "Approved: $90.00 is yours." in page
    assert [it.number for it in rows(app, Submission)] == [1, 2]

    reply = creator.get(f"/creator/earnings/{earning.id}", follow_redirects=True)
    assert mine in reply.text
    assert "Slow mornings" in creator.get("/creator").text
    assert "Slow mornings" in creator.get("/creator/statement").text


def test_a_third_revision_is_refused_in_words(app: Flask, brand: Browser, creator: Browser) -> None:
    id = agreed(opened(brand), creator, "submitted")
    for _ in range(2):
        brand.post(f"/brand/work/{id}/revise", notes="Closer.")
        creator.post(f"/creator/work/{id}/submit", link=LINK)
    page = brand.get(f"/brand/work/{id}").text
    assert "The revisions that are included are used up." in page
    reply = brand.post(f"/brand/work/{id}/revise", notes="Closer.")
    assert reply.status_code == 422
    assert "used up; you can still approve" in reply.text
    assert only(app, Deliverable).status == "submitted"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "social.example/video",
        "javascript:alert(1)",
        "ftp://social.example/video",
        "https://",
        "https://localhost",
        "https://user:secret@social.example/",
        "https://social.example:port/",
        "https://social.example/a b",
        "https://[::1",
        "https://social.example/" + "a" * 500,
    ],
)
def test_what_is_no_public_link_is_refused(
    app: Flask, brand: Browser, creator: Browser, link: str
) -> None:
    id = agreed(opened(brand), creator)
    reply = creator.post(f"/creator/work/{id}/submit", link=link)
    assert reply.status_code == 422
    assert only(app, Deliverable).status == "due"


def test_who_comes_after_silence_has_approved_is_told(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    id = agreed(opened(brand), creator, "submitted")
    with app.app_context():
        assert deliverables.approve_due(clock.now() + timedelta(days=9))
        db.session.commit()
    reply = brand.post(f"/brand/work/{id}/approve")
    page = brand.get(reply.location).text
    assert "moved on meanwhile" in page
    assert "the brand was silent for three business days" in page
    assert len(rows(app, Earning)) == 1


def test_overdue_work_is_shown_and_can_be_given_up_after_three_days(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    id = agreed(opened(brand), creator)
    url = f"/brand/work/{id}"
    try:
        clock.set_offset(timedelta(days=16))
        assert "you may end the agreement" in _as_of(app, 16, brand, url)
        brand.post(f"{url}/give-up")
        assert only(app, Agreement).status == "active"
        assert "End the agreement" in _as_of(app, 19, brand, url)
        brand.post(f"{url}/give-up")
        assert only(app, Agreement).status == "canceled"
        assert "the work did not come in time" in creator.get(f"/creator/work/{id}").text
    finally:
        clock.set_offset(timedelta(0))


def _as_of(app: Flask, days: int, browser: Browser, url: str) -> str:
    """The page as it is some days from now."""
    from marketplace import demo_clock

    with app.app_context():
        demo_clock.set_to(clock.wall_now() + timedelta(days=days))
        db.session.commit()
    return browser.get(url).text


def test_the_work_of_others_does_not_exist(app: Flask, brand: Browser, creator: Browser) -> None:
    id = agreed(opened(brand), creator)
    rival, stranger = brand_browser(app, "Halcyon Outdoors"), creator_browser(app)
    assert rival.get(f"/brand/work/{id}").status_code == 404
    assert stranger.get(f"/creator/work/{id}").status_code == 404
    assert stranger.post(f"/creator/work/{id}/submit", link=LINK).status_code == 404


def test_empty_pages_say_what_to_do(brand: Browser, creator: Browser) -> None:
    assert "Nothing waits for you" in brand.get("/brand/work").text
    assert "Discover campaigns" in creator.get("/creator/work").text


def test_every_status_and_event_has_words_for_both_sides() -> None:
    models: tuple[type[Base], ...] = (Application, Agreement, Deliverable)
    for model in models:
        table = model.__tablename__
        for (status, event), target in model.MOVES.items():  # type: ignore[attr-defined]
            assert (table, event) in agreement_words.EVENTS
            assert {(table, status), (table, target)} <= set(agreement_words.STATUSES)
        for status in model.WAITS:  # type: ignore[attr-defined]
            assert (table, status) in agreement_words.BRAND_WAITS
            assert (table, status) in agreement_words.CREATOR_WAITS


def test_what_a_colleague_did_carries_their_name_on_their_side_alone(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    id = agreed(opened(brand), creator, "submitted")
    colleague = brand.colleague()
    name = next(it.name for it in rows(app, User) if it.id == colleague.user_id)
    colleague.post(f"/brand/work/{id}/approve")
    assert f"· {name}" in brand.get(f"/brand/work/{id}").text
    assert "· you" in colleague.get(f"/brand/work/{id}").text
    page = creator.get(f"/creator/work/{id}").text
    assert name not in page
    assert "· Northwind Coffee" in page


def test_the_agreement_page_speaks_french(app: Flask, brand: Browser, creator: Browser) -> None:
    id = agreed(opened(brand), creator, "submitted")
    creator.post("/language", language="fr", next="/creator/work")
    page = creator.get(f"/creator/work/{id}").text
    assert re.search(r'<html lang="fr"', page)


# --- Codes


def test_an_agreement_with_a_commission_gives_its_creator_a_code(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    campaign_id = opened(brand, commission_bps=1_500)
    application_id = asked(campaign_id, creator)
    brand.post(f"/brand/applications/{application_id}/accept")
    agreement, code = only(app, Agreement), only(app, PromoCode)
    assert (code.agreement_id, code.rate_bps) == (agreement.id, 1_500)
    assert code.code in creator.get("/creator/sales").text
