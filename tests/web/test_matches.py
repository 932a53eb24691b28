"""Who suits whom, at the browsers of brands and creators."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask

from tests.make import make_campaign, make_creator, make_member
from tests.web.browsers import Browser, brand_browser, creator_browser


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


@pytest.fixture
def campaign_id(brand: Browser) -> UUID:
    with brand.team() as team:
        return make_campaign(team, status="open", title="Slow mornings").id


@pytest.fixture
def three(app: Flask) -> None:
    """Two members, one of them large, and one who is none."""
    with app.app_context():
        make_member(make_creator("large").creator, followers=90_000)
        make_member(make_creator("small").creator, followers=20_000)
        make_creator("nobody")


def listed(brand: Browser, campaign_id: UUID, query: str = "") -> set[str]:
    page = brand.get(f"/brand/campaigns/{campaign_id}/creators{query}")
    assert page.status_code == 200
    return {it for it in ("large", "small", "nobody") if f"@{it}<" in page.text}


@pytest.mark.usefixtures("three")
def test_members_are_listed_until_they_are_asked(brand: Browser, campaign_id: UUID) -> None:
    assert listed(brand, campaign_id) == {"large", "small"}
    brand.post(
        f"/brand/campaigns/{campaign_id}/applicants",
        form_key="01a20000-0000-7000-8000-000000000001",
        handle="large",
    )
    assert listed(brand, campaign_id) == {"small"}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=@SMALL", {"small"}),
        ("?followers=50000", {"large"}),
        ("?category=travel", set()),
        ("?followers=many&category=nothing&page=x", {"large", "small"}),
        (f"?followers={'9' * 40}&page={'9' * 40}", {"large", "small"}),
        ("?page=2", set()),
    ],
)
def test_filters_narrow_what_can_be_read(
    brand: Browser, campaign_id: UUID, query: str, expected: set[str]
) -> None:
    assert listed(brand, campaign_id, query) == expected


def test_a_creator_sees_what_suits_them_until_they_apply(
    app: Flask, brand: Browser, campaign_id: UUID
) -> None:
    creator = creator_browser(app, "ines")
    assert "Campaigns that suit you" not in creator.get("/creator").text, "no member"
    with creator.creator() as it:
        make_member(it)
    assert "Slow mornings" in creator.get("/creator").text
    creator.post(
        f"/creator/campaigns/{campaign_id}/apply",
        form_key="01a20000-0000-7000-8000-000000000002",
    )
    assert "Campaigns that suit you" not in creator.get("/creator").text
