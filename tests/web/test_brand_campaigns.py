"""Campaigns at a brand's browser: drafts, submission, what is shown, and calling off."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import clock
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.funding.deposit import Deposit
from marketplace.funding.refund import Refund
from marketplace.web import brand_words
from tests.make import make_campaign
from tests.web.browsers import Browser, brand_browser, creator_browser, only, rows, together

NEW = "/brand/campaigns/new"
HOSTILE = "<script>alert(1)</script> \"'&"


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


@pytest.fixture
def rival(app: Flask) -> Browser:
    return brand_browser(app, "Halcyon Outdoors")


def terms(**changes: object) -> dict[str, Any]:
    """A complete campaign as somebody types it."""
    today = clock.now().date()
    typed = {
        "form_key": new_id(),
        "title": "Slow mornings",
        "brief": "One Reel.\r\nNo unboxing.",
        "currency": "EUR",
        "flat_fee": "145,50",
        "places": "2",
        "budget": "291",
        "opens_on": today,
        "closes_on": today + timedelta(days=30),
    }
    return typed | changes


def made(brand: Browser, **options: Any) -> str:
    """The address of a campaign that was made by the domain."""
    with brand.team() as team:
        return f"/brand/campaigns/{make_campaign(team, **options).id}"


def field(page: str, name: str) -> str:
    """What stands in a field of a page."""
    found = re.search(rf'<input [^>]*name="{name}"[^>]*value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


# --- Drafts


def test_a_new_brand_is_told_to_create_its_first_campaign(brand: Browser) -> None:
    page = brand.get("/brand").text
    assert "Create your first campaign" in page
    assert NEW in page
    assert "$0.00" in page


def test_a_title_alone_makes_a_draft(app: Flask, brand: Browser) -> None:
    reply = brand.post(NEW, form_key=new_id(), title="Slow mornings", action="draft")
    campaign = only(app, Campaign)
    assert reply.status_code == 303
    assert reply.location == f"/brand/campaigns/{campaign.id}"
    assert (campaign.status, campaign.brand_id) == (CampaignStatus.DRAFT, brand.id)
    assert "Your draft is saved." in brand.get(reply.location).text
    assert "Slow mornings" in brand.get("/brand").text


def test_a_draft_without_a_title_is_not_kept(app: Flask, brand: Browser) -> None:
    reply = brand.post(NEW, **terms(title="  "), action="draft")
    assert reply.status_code == 422
    assert "Please fill this in." in reply.text
    assert field(reply.text, "flat_fee") == "145,50"
    assert rows(app, Campaign) == []


def test_a_draft_keeps_what_can_be_read_and_the_page_what_was_typed(
    app: Flask, brand: Browser
) -> None:
    reply = brand.post(NEW, **terms(places="a dozen"), action="draft")
    campaign = only(app, Campaign)
    assert reply.status_code == 422
    assert "saved without what is marked" in reply.text
    assert "Nothing was saved" not in reply.text
    assert field(reply.text, "places") == "a dozen"
    assert (campaign.places, campaign.flat_fee_minor, campaign.currency) == (None, 14_550, "EUR")
    assert campaign.brief == "One Reel.\nNo unboxing."
    assert f"/brand/campaigns/{campaign.id}/edit" in reply.text


def test_what_cannot_be_read_leaves_the_draft_as_it_was(app: Flask, brand: Browser) -> None:
    url = made(brand)
    reply = brand.post(f"{url}/edit", **terms(places="many", title="Better"), action="draft")
    campaign = only(app, Campaign)
    assert reply.status_code == 422
    assert (campaign.title, campaign.places) == ("Better", 3)


def test_an_unreadable_amount_does_not_live_on_in_another_currency(
    app: Flask, brand: Browser
) -> None:
    url = made(brand, currency="USD")
    brand.post(f"{url}/edit", **terms(currency="GBP", flat_fee="much"), action="draft")
    campaign = only(app, Campaign)
    assert (campaign.currency, campaign.flat_fee_minor, campaign.budget_minor) == (
        "GBP",
        None,
        29_100,
    )


def test_an_emptied_field_is_empty_in_the_draft(app: Flask, brand: Browser) -> None:
    url = made(brand)
    reply = brand.post(f"{url}/edit", **terms(flat_fee="", brief="", closes_on=""), action="draft")
    campaign = only(app, Campaign)
    assert reply.status_code == 303
    assert (campaign.flat_fee_minor, campaign.brief, campaign.closes_on) == (None, "", None)


def test_the_edit_page_shows_a_draft_as_it_was_typed(brand: Browser) -> None:
    page = brand.get(made(brand, flat_fee_minor=14_550) + "/edit").text
    assert field(page, "title") == "Slow mornings"
    assert field(page, "flat_fee") == "145.50"
    assert field(page, "places") == "3"
    assert re.search(r'<option value="USD" selected>', page)


# --- Submission


def test_save_and_submit_submits_what_is_complete(app: Flask, brand: Browser) -> None:
    reply = brand.post(NEW, **terms(), action="submit")
    campaign = only(app, Campaign)
    assert reply.location == f"/brand/campaigns/{campaign.id}"
    assert campaign.status == CampaignStatus.AWAITING_FUNDS
    page = brand.get(reply.location).text
    assert "€291.00 is missing" in page
    assert "Waits for you to fund it by" in page


def test_save_and_submit_says_beside_each_field_what_is_wrong_and_saves_nothing(
    app: Flask, brand: Browser
) -> None:
    typed = terms(brief="", places="zero", budget="", closes_on="2001-01-01")
    reply = brand.post(NEW, **typed, action="submit")
    assert reply.status_code == 422
    assert "Nothing was saved" in reply.text
    assert "say what you want from creators" in reply.text
    assert "A whole number from 1 to 1000." in reply.text
    assert "say how many creators" not in reply.text, "what cannot be read is not missing"
    assert "say how much you want to spend" in reply.text
    assert field(reply.text, "places") == "zero"
    assert field(reply.text, "flat_fee") == "145,50"
    assert rows(app, Campaign) == []


def test_a_budget_below_the_fees_of_all_places_is_refused_with_the_least(brand: Browser) -> None:
    reply = brand.post(NEW, **terms(budget="290.99"), action="submit")
    assert reply.status_code == 422
    assert "at least €291.00" in reply.text


BAD = (
    ("title", "x" * 121),
    ("brief", "x" * 5_001),
    ("flat_fee", "9" * 30),
    ("flat_fee", "1.005"),
    ("flat_fee", "-5"),
    ("places", "9" * 18),
    ("places", "1e3"),
    ("budget", "1000000.00"),
    ("budget", "0.99"),
    ("opens_on", "0001-01-01"),
    ("closes_on", "9999-12-31"),
    ("closes_on", "2026-13-01"),
    ("currency", "XXX"),
    ("currency", "<b>"),
    ("form_key", "again"),
)


@pytest.mark.parametrize("action", ["draft", "submit"])
def test_bad_and_huge_values_are_refused_with_a_sentence(brand: Browser, action: str) -> None:
    for name, value in BAD:
        reply = brand.post(NEW, **terms(**{name: value}), action=action)
        assert reply.status_code == 422, (name, value)
        assert 'role="alert"' in reply.text, (name, value)


def test_a_draft_is_submitted_from_its_page(app: Flask, brand: Browser) -> None:
    url = made(brand)
    assert brand.post(f"{url}/submit").location == url
    assert only(app, Campaign).status == CampaignStatus.AWAITING_FUNDS
    assert brand.post(f"{url}/submit").status_code == 303, "a second click does no harm"


def test_a_draft_with_gaps_leads_from_its_page_to_the_fields(app: Flask, brand: Browser) -> None:
    brand.post(NEW, form_key=new_id(), title="Slow mornings", action="draft")
    campaign = only(app, Campaign)
    reply = brand.post(f"/brand/campaigns/{campaign.id}/submit")
    assert reply.status_code == 422
    assert "say what you pay each creator" in reply.text
    assert field(reply.text, "title") == "Slow mornings"


def test_the_terms_of_a_submitted_campaign_stand(app: Flask, brand: Browser) -> None:
    url = made(brand, status="awaiting_funds")
    assert brand.get(f"{url}/edit").location == url
    assert brand.post(f"{url}/edit", **terms(title="Other"), action="draft").location == url
    assert only(app, Campaign).title == "Slow mornings"
    assert "This has moved on meanwhile" in brand.get(url).text


# --- Twice


@pytest.mark.parametrize("action", ["draft", "submit"])
def test_one_form_sent_twice_makes_one_campaign(app: Flask, brand: Browser, action: str) -> None:
    typed = terms()
    first = brand.post(NEW, **typed, action=action)
    second = brand.post(NEW, **typed, action=action)
    assert first.location == second.location
    assert only(app, Campaign)


@pytest.mark.parametrize("action", ["draft", "submit"])
def test_two_clicks_at_one_moment_make_one_campaign(
    app: Flask, brand: Browser, action: str
) -> None:
    typed, other = terms(), brand.again()
    replies = together(
        lambda: brand.post(NEW, **typed, action=action),
        lambda: other.post(NEW, **typed, action=action),
    )
    campaign = only(app, Campaign)
    assert {reply.location for reply in replies} == {f"/brand/campaigns/{campaign.id}"}


def test_a_form_that_came_back_by_the_browsers_button_changes_its_draft(
    app: Flask, brand: Browser
) -> None:
    typed = terms()
    brand.post(NEW, **typed, action="draft")
    brand.post(NEW, **typed | {"title": "Second thoughts"}, action="draft")
    assert only(app, Campaign).title == "Second thoughts"


def test_the_form_key_of_another_brand_changes_nothing_of_theirs(
    app: Flask, brand: Browser, rival: Browser
) -> None:
    typed = terms()
    brand.post(NEW, **typed, action="draft")
    reply = rival.post(NEW, **typed | {"title": "Mine now"}, action="draft")
    assert only(app, Campaign).title == "Slow mornings"
    assert rival.get(reply.location).status_code == 404


# --- What is shown


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("draft", "fill in what is missing"),
        ("awaiting_funds", "Waits for you to fund it by"),
        ("open", "then it closes, and what is left comes back to you"),
        ("closed", "Closed"),
        ("canceled", "no longer wanted"),
    ],
)
def test_a_campaign_says_where_it_stands_and_what_it_waits_for(
    brand: Browser, status: str, said: str
) -> None:
    page = brand.get(made(brand, status=status)).text
    assert said in page
    assert "Draft begun" in page
    assert "escrow" not in page.lower()


def test_the_list_shows_how_much_of_each_budget_is_there(brand: Browser) -> None:
    made(brand, status="open", title="Full")
    made(brand, status="awaiting_funds", title="Empty")
    page = brand.get("/brand").text
    assert "$300.00 of $300.00" in page
    assert "$0.00 of $300.00" in page


def test_every_status_and_event_has_words(app: Flask) -> None:
    for model in (Campaign, Deposit, Refund):
        table = model.__tablename__
        for (status, event), target in model.MOVES.items():
            assert (table, event) in brand_words.EVENTS
            assert {(table, status), (table, target)} <= set(brand_words.STATUSES)
        assert (table, "create") in brand_words.EVENTS
        for status in model.WAITS:
            assert (table, status) in brand_words.WAITS


def test_a_hostile_title_is_only_text(brand: Browser) -> None:
    url = made(brand, status="open", title=HOSTILE)
    transaction = re.search(r"/brand/transactions/[0-9a-f-]+", brand.get(url).text)
    assert transaction
    for path in ("/brand", url, "/brand/money", "/brand/deposits", transaction[0]):
        page = brand.get(path).text
        assert "<script>alert" not in page, path
        assert "&lt;script&gt;alert(1)" in page, path


# --- Calling off


def test_a_cancelation_needs_a_reason(app: Flask, brand: Browser) -> None:
    url = made(brand, status="open")
    reply = brand.post(f"{url}/cancel", reason=" ")
    assert reply.status_code == 422
    assert "Please fill this in." in reply.text
    assert only(app, Campaign).status == CampaignStatus.OPEN


def test_a_canceled_campaign_gives_its_money_back_and_says_why(app: Flask, brand: Browser) -> None:
    url = made(brand, status="open")
    assert brand.post(f"{url}/cancel", reason="The kits are late.").location == url
    page = brand.get(url).text
    assert "$300.00 is back in your balance" in page
    assert "The kits are late." in page
    assert "· you" in page
    assert brand.post(f"{url}/cancel", reason="Again").status_code == 303
    assert "moved on meanwhile" not in brand.get(url).text, "a second click does no harm"
    assert only(app, Campaign).status == CampaignStatus.CANCELED


def test_a_closed_campaign_cannot_be_canceled(app: Flask, brand: Browser) -> None:
    url = made(brand, status="closed")
    brand.post(f"{url}/cancel", reason="Too late")
    assert "This has moved on meanwhile" in brand.get(url).text
    assert only(app, Campaign).status == CampaignStatus.CLOSED


# --- Whose


@pytest.mark.parametrize("path", ["", "/edit"])
def test_another_brands_campaign_does_not_exist(brand: Browser, rival: Browser, path: str) -> None:
    assert rival.get(made(brand) + path).status_code == 404
    assert rival.get(f"/brand/campaigns/{new_id()}{path}").status_code == 404


@pytest.mark.parametrize("act", ["edit", "submit", "top-up", "fund", "cancel"])
def test_nobody_acts_on_another_brands_campaign(
    app: Flask, brand: Browser, rival: Browser, act: str
) -> None:
    url = made(brand)
    reply = rival.post(f"{url}/{act}", **terms(title="Mine"), reason="Mine", action="submit")
    assert reply.status_code == 404
    campaign = only(app, Campaign)
    assert (campaign.status, campaign.title) == (CampaignStatus.DRAFT, "Slow mornings")


def test_a_form_without_its_token_is_refused(app: Flask, brand: Browser) -> None:
    reply = brand.client.post(NEW, data={**terms(), "action": "draft"})
    assert reply.status_code == 400
    assert rows(app, Campaign) == []


def test_the_pages_of_brands_are_for_brands(app: Flask, brand: Browser) -> None:
    creator = creator_browser(app)
    assert creator.get("/brand").status_code == 403
    assert app.test_client().get("/brand").status_code == 302
    assert brand.get("/creator").status_code == 403
