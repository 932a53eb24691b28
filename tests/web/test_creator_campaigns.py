"""Looking for work at a creator's browser: what one is eligible for, and what else is missing."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask
from markupsafe import escape

from marketplace.campaigns.campaign import CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.program.rules import Criteria
from tests.agreeing import ask_for_place, make_agreement
from tests.make import make_campaign, make_member
from tests.web.browsers import Browser, brand_browser, creator_browser


@pytest.fixture
def newcomer(app: Flask) -> Browser:
    """Not in the program."""
    return creator_browser(app)


@pytest.fixture
def creator(app: Flask) -> Browser:
    """A member of the program with 25,000 followers and 150,000 authentic views, in France."""
    browser = creator_browser(app)
    with browser.creator() as creator:
        make_member(creator)
    return browser


def made(brand: Browser, **options: object) -> str:
    with brand.team() as team:
        return f"/creator/campaigns/{make_campaign(team, **options).id}"  # type: ignore[arg-type]


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


def test_a_creator_finds_open_campaigns_with_what_they_pay(
    brand: Browser, creator: Browser
) -> None:
    url = made(brand, status="open", title="Slow mornings", flat_fee_minor=14_550)
    page = creator.get("/creator/campaigns").text
    assert "Slow mornings" in page
    assert "Northwind Coffee" in page
    assert "$130.95" in page, "what is left after the platform fee"
    assert "Funded" in page
    assert url in page
    detail = creator.get(url).text
    assert "Show the kit in use." in detail
    assert "The whole budget of $436.50 is set aside" in detail
    for said in ("$145.50", "Platform fee of 10%", "$14.55", "$130.95"):
        assert said in detail, said


@pytest.mark.parametrize("status", sorted(set(CampaignStatus) - {CampaignStatus.OPEN}))
def test_a_campaign_that_is_not_open_does_not_exist_for_creators(
    brand: Browser, creator: Browser, status: str
) -> None:
    url = made(brand, status=status, title="Not yet")
    assert "Not yet" not in creator.get("/creator/campaigns").text
    assert creator.get(url).status_code == 404
    assert creator.get(f"/creator/campaigns/{new_id()}").status_code == 404


BOTH = {"Slow mornings", "Trail lunch"}
SEARCHES: dict[str, set[str]] = {
    "q=": BOTH,
    "q=SLOW": {"Slow mornings"},
    "q=kit+lunch": {"Trail lunch"},
    "q=northwind": BOTH,
    "q=%25": set(),
    "q=_": set(),
    "q=%5C": set(),
    "min=100": {"Slow mornings"},
    "min=99,99": {"Slow mornings"},
    "min=100.01": set(),
    "min=40&q=lunch": {"Trail lunch"},
}


def test_campaigns_are_found_by_words_and_pay(brand: Browser, creator: Browser) -> None:
    made(brand, status="open", title="Slow mornings", flat_fee_minor=10_000)
    made(brand, status="open", title="Trail lunch", flat_fee_minor=5_000)
    for query, found in SEARCHES.items():
        page = creator.get(f"/creator/campaigns?{query}").text
        assert {title for title in BOTH if title in page} == found, query
        assert ("Nothing matches" in page) == (not found), query


def test_a_minimum_that_cannot_be_read_is_said_and_does_not_count(
    brand: Browser, creator: Browser
) -> None:
    made(brand, status="open", title="Slow mornings")
    for typed in ("lots", "1e5", "9" * 30, "<b>"):
        reply = creator.get("/creator/campaigns", query_string={"min": typed})
        assert reply.status_code == 200
        assert "could not be read" in reply.text
        assert "Slow mornings" in reply.text
        assert f'value="{escape(typed)}"' in reply.text, "what was typed is kept"


def test_what_was_searched_for_is_only_text(creator: Browser) -> None:
    page = creator.get("/creator/campaigns", query_string={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page
    assert "&#34;&gt;&lt;script&gt;" in page


def test_a_hostile_title_brief_or_name_is_only_text(app: Flask, creator: Browser) -> None:
    url = made(brand_browser(app, "<img src=x>"), status="open", title="<script>alert(1)</script>")
    for path in ("/creator/campaigns", url):
        page = creator.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x>" not in page
        assert "&lt;img src=x&gt;" in page


def test_when_nothing_is_open_the_page_says_what_to_do_meanwhile(creator: Browser) -> None:
    page = creator.get("/creator/campaigns").text
    assert "No campaign is open now" in page
    assert "/creator/payouts" in page


def test_many_campaigns_come_page_by_page_with_the_filter_kept(
    brand: Browser, creator: Browser
) -> None:
    for number in range(26):
        made(brand, status="open", title=f"Mornings {number}", places=1)
    first = creator.get("/creator/campaigns?q=mornings").text
    assert first.count('class="card picture"') == 24
    assert "q=mornings" in first
    assert "before=" in first


# ---- eligible, or almost

OUT_OF_REACH = Criteria(min_followers=60_000, countries=("DE", "AT"), categories=("food",))


def parts(page: str) -> tuple[str, str]:
    """What stands under 'You are eligible', and under 'Almost'."""
    before, found, almost = page.partition("Almost: what is missing")
    return before.partition("You are eligible")[2], found + almost


def test_open_campaigns_are_split_by_what_the_rules_say(brand: Browser, creator: Browser) -> None:
    made(brand, status="open", title="For anybody")
    made(brand, status="open", title="For me", criteria=Criteria(min_followers=25_000))
    made(brand, status="open", title="For stars", criteria=OUT_OF_REACH)
    eligible, almost = parts(creator.get("/creator/campaigns").text)
    assert "For anybody" in eligible
    assert "For me" in eligible
    assert "For stars" not in eligible
    assert "For stars" in almost
    assert "For me" not in almost


def test_each_missing_rule_says_what_is_asked_what_there_is_and_what_is_missing(
    brand: Browser, creator: Browser
) -> None:
    url = made(brand, status="open", criteria=OUT_OF_REACH)
    _, almost = parts(creator.get("/creator/campaigns").text)
    assert "35,000 missing" in almost
    assert "<strong>60,000 followers</strong>" in almost
    assert "Lives in: Germany, Austria" in almost
    assert "you have: France" in almost
    assert "you have: not known" in almost
    detail = creator.get(url).text
    assert "Something is missing for this campaign" in detail
    for said in ("60,000 followers", "35,000 missing", "Germany, Austria", "Food"):
        assert said in detail, said


def test_who_meets_every_rule_reads_that_too(brand: Browser, creator: Browser) -> None:
    url = made(brand, status="open", criteria=Criteria(min_followers=20_000))
    detail = creator.get(url).text
    assert "You are eligible for this campaign." in detail
    assert 'class="met"' in detail


def test_who_is_not_in_the_program_is_told_that_first(brand: Browser, newcomer: Browser) -> None:
    url = made(brand, status="open", title="For anybody")
    page = newcomer.get("/creator/campaigns").text
    eligible, almost = parts(page)
    assert "First: the creator program" in page
    assert eligible == ""
    assert "For anybody" in almost
    assert "For members of the creator program." in almost
    assert "First: the creator program" in newcomer.get(url).text


def test_all_that_is_out_of_reach_has_a_page_of_its_own(brand: Browser, creator: Browser) -> None:
    for number in range(8):
        made(brand, status="open", title=f"Stars {number}", places=1, criteria=OUT_OF_REACH)
    page = creator.get("/creator/campaigns").text
    assert page.count('class="card picture"') == 6
    assert "All 8 of them" in page
    every = creator.get("/creator/campaigns?show=almost").text
    assert every.count('class="card picture"') == 8


def test_a_commission_shows_its_rate_and_who_pays_the_platform_fee(
    brand: Browser, creator: Browser
) -> None:
    url = made(brand, status="open", flat_fee_minor=None, commission_bps=1_250)
    assert "12.5%" in creator.get("/creator/campaigns").text
    detail = creator.get(url).text
    assert "12.5%" in detail
    assert "available 30 days after the order" in detail
    assert "the brand pays the platform fee of 2.9% on top" in detail


def test_the_list_marks_what_the_creator_agreed_to_applied_to_or_is_invited_to(
    brand: Browser, creator: Browser
) -> None:
    titles = {"Agreed": "", "Applied": "", "Invited": "", "Untouched": ""}
    for title in titles:
        titles[title] = made(brand, status="open", title=title).rsplit("/", 1)[1]
    with creator.creator() as person:
        make_agreement(UUID(titles["Agreed"]), person)
        ask_for_place(UUID(titles["Applied"]), person)
        ask_for_place(UUID(titles["Invited"]), person, invited=True)
    page = creator.get("/creator/campaigns").text
    for said in ("You agreed to it", "You applied; the brand", "The brand invites you"):
        assert page.count(said) == 1
    agreed = page[page.index("Agreed") :]
    assert agreed.index("You agreed to it") < agreed.index("</li>")
    other = creator_browser(creator.app)
    with other.creator() as person:
        make_member(person)
    assert "You agreed to it" not in other.get("/creator/campaigns").text
