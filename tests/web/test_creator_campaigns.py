"""Looking for work at a creator's browser: open campaigns alone, filtered by words and pay."""

from __future__ import annotations

import pytest
from flask import Flask
from markupsafe import escape

from marketplace.database.identifier import new_id
from tests.make import make_campaign
from tests.web.browsers import Browser, brand_browser, creator_browser


@pytest.fixture
def creator(app: Flask) -> Browser:
    return creator_browser(app)


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
    assert "$145.50" in page
    assert "Funded" in page
    assert url in page
    detail = creator.get(url).text
    assert "Show the kit in use." in detail
    assert "The whole budget of $436.50 is set aside" in detail
    assert "appl" not in detail.lower(), "nothing is promised that is not there"


@pytest.mark.parametrize("status", ["draft", "awaiting_funds", "closed", "canceled"])
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
