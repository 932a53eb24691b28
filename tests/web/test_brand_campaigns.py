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
from marketplace.program.rules import Criteria
from marketplace.web import brand_words
from tests.make import make_campaign, make_creator, make_member
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
    assert campaign.status == CampaignStatus.IN_REVIEW
    page = brand.get(reply.location).text
    assert "Waits for the marketplace, which reviews it by" in page
    assert "Costs at most" in page


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
    ("commission", "0.99"),
    ("commission", "80.01"),
    ("commission", "1e1"),
    ("commission", "9" * 20),
    ("min_followers", "0"),
    ("min_followers", "9" * 19),
    ("min_views", "-1"),
    ("min_views", "9" * 18),
    ("min_engagement", "100.01"),
    ("min_engagement", "0"),
    ("countries", "Atlantis"),
    ("countries", "FR, EU"),
    ("countries", "x" * 2_001),
    ("categories", "lotteries"),
    ("categories", "<b>"),
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
    assert only(app, Campaign).status == CampaignStatus.IN_REVIEW
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


# --- For whom, and for what pay


def test_a_campaign_may_pay_a_commission_alone(app: Flask, brand: Browser) -> None:
    brand.post(NEW, **terms(flat_fee="", commission="12,5 %"), action="submit")
    campaign = only(app, Campaign)
    assert (campaign.status, campaign.flat_fee_minor) == (CampaignStatus.IN_REVIEW, None)
    assert campaign.commission_bps == 1_250
    page = brand.get(f"/brand/campaigns/{campaign.id}").text
    assert "12.5%" in page
    assert "the brand pays the platform fee of 2.9% on top" in page


def test_a_campaign_that_pays_nothing_is_not_submitted(app: Flask, brand: Browser) -> None:
    reply = brand.post(NEW, **terms(flat_fee=""), action="submit")
    assert reply.status_code == 422
    assert "a flat fee, a commission, or both" in reply.text
    assert rows(app, Campaign) == []


WANTED = {
    "min_followers": "20000",
    "min_views": "150000",
    "min_engagement": "2,5",
    "countries": "France, be; Côte d’Ivoire",
    "categories": "food",
}


def test_criteria_are_typed_as_simple_fields_and_kept(app: Flask, brand: Browser) -> None:
    brand.post(NEW, **terms(**WANTED), action="draft")
    campaign = only(app, Campaign)
    assert campaign.criteria == Criteria(
        min_followers=20_000,
        min_authentic_views_30d=150_000,
        min_engagement_bps=250,
        countries=("BE", "CI", "FR"),
        categories=("food",),
    )
    page = brand.get(f"/brand/campaigns/{campaign.id}/edit").text
    assert field(page, "min_followers") == "20000"
    assert field(page, "min_engagement") == "2.5"
    assert field(page, "countries") == "Belgium, Côte d’Ivoire, France"
    assert re.search(r'value="food" checked', page)
    shown = brand.get(f"/brand/campaigns/{campaign.id}").text
    assert "at least 20,000" in shown


def test_several_categories_are_ticked_boxes_of_one_name(app: Flask, brand: Browser) -> None:
    typed = {name: str(value) for name, value in terms().items()}
    sent = {"csrf_token": brand.token, **typed, "categories": ["food", "travel"], "action": "draft"}
    brand.client.post(NEW, data=sent)
    assert only(app, Campaign).criteria.categories == ("food", "travel")


def test_a_criterion_that_cannot_be_read_stays_as_it_was_and_in_sight(
    app: Flask, brand: Browser
) -> None:
    url = made(brand, criteria=Criteria(min_followers=5_000, countries=("FR",)))
    typed = terms(min_followers="many", countries="")
    reply = brand.post(f"{url}/edit", **typed, action="draft")
    assert reply.status_code == 422
    assert field(reply.text, "min_followers") == "many"
    assert only(app, Campaign).criteria == Criteria(min_followers=5_000)


@pytest.mark.parametrize(
    ("typed", "language", "code"),
    [
        ("germany", "en", "DE"),
        ("Allemagne", "fr", "DE"),
        ("germany", "fr", "DE"),
        ("etats-unis", "fr", "US"),
        ("us", "en", "US"),
    ],
)
def test_a_country_is_called_by_name_in_either_language_or_by_code(
    app: Flask, brand: Browser, typed: str, language: str, code: str
) -> None:
    brand.post("/language", language=language)
    brand.post(NEW, **terms(countries=typed), action="draft")
    assert only(app, Campaign).criteria.countries == (code,)


# --- The preview


PREVIEW = "/brand/campaigns/preview"


def member(app: Flask, followers: int) -> None:
    with app.app_context():
        make_member(make_creator().creator, followers=followers)


def counted(page: str) -> str:
    """The number of eligible creators that a page says."""
    found = re.search(r'<p class="num">([^<]*)</p>', page)
    assert found, "nothing is counted"
    return found[1]


def test_the_preview_counts_the_members_who_fit(app: Flask, brand: Browser) -> None:
    for followers in (12_000, 30_000, 80_000):
        member(app, followers)
    with app.app_context():
        make_creator()  # no member
    assert counted(brand.get(PREVIEW).text) == "3"
    assert counted(brand.get(f"{PREVIEW}?min_followers=30000").text) == "2"
    assert counted(brand.get(f"{PREVIEW}?countries=Germany").text) == "0"
    assert "Who is eligible can be counted once" in brand.get(f"{PREVIEW}?min_views=x").text


def test_the_preview_says_what_it_can_cost_and_what_a_creator_reads(brand: Browser) -> None:
    typed = "currency=EUR&flat_fee=145,50&places=2&budget=400&commission=10"
    page = brand.get(f"{PREVIEW}?{typed}").text
    for said in ("€291.00", "€109.00", "€400.00", "€14.55", "€130.95", "10%"):
        assert said in page, said
    page = brand.get(f"{PREVIEW}?currency=EUR&flat_fee=145,50&places=2&budget=400").text
    assert "Comes back to the brand in any case" in page
    assert "€109.00" in page


@pytest.mark.parametrize("value", ["9" * 18, "9" * 400, "-1", "1e9", "<script>"])
def test_no_number_is_too_absurd_for_the_preview(brand: Browser, value: str) -> None:
    names = [*WANTED, "flat_fee", "commission", "places", "budget", "currency"]
    for name in names:
        assert brand.get(f"{PREVIEW}?currency=EUR&{name}={value}").status_code == 200, name
    assert brand.get(f"{PREVIEW}?" + "&".join(f"{it}={value}" for it in names)).status_code == 200


def test_without_a_script_a_button_counts_and_saves_nothing(app: Flask, brand: Browser) -> None:
    member(app, 30_000)
    reply = brand.post(NEW, **terms(title="", min_followers="20000"), action="count")
    assert reply.status_code == 200
    assert counted(reply.text) == "1"
    assert field(reply.text, "flat_fee") == "145,50"
    assert field(reply.text, "min_followers") == "20000"
    assert rows(app, Campaign) == []
    url = made(brand)
    again = brand.post(f"{url}/edit", **terms(title="Other", places="many"), action="count")
    assert "A whole number from 1 to 1000." in again.text
    assert only(app, Campaign).title == "Slow mornings"
    closed = made(brand, status="in_review")
    assert brand.post(f"{closed}/edit", **terms(), action="count").location == closed


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
        ("in_review", "Waits for the marketplace, which reviews it by"),
        ("rejected", "It was rejected: not for our creators"),
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
