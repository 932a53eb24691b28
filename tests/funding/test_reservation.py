"""A reservation: a brand's money set aside for one campaign, and given back whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketplace.campaigns.campaign import Campaign
from marketplace.errors import InsufficientFunds
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.money import Money
from tests.make import BrandTeam, make_brand, make_campaign
from tests.within import refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    """A brand with 300.00 USD that are reserved for nothing."""
    team = make_brand()
    make_campaign(team, status="closed")
    return team


@pytest.fixture
def campaign(team: BrandTeam) -> Campaign:
    return make_campaign(team)


@pytest.mark.usefixtures("broken_on_purpose")  # money is reserved for a mere draft
def test_money_is_reserved_up_to_what_there_is_and_released_whole(
    team: BrandTeam, campaign: Campaign
) -> None:
    brand, owner = team.brand.ledger_owner, campaign.ledger_owner
    reservation.reserve(brand, owner, usd(20_000), campaign.cause, AT)
    db.session.commit()
    reservation.reserve(brand, owner, usd(10_000), campaign.cause, AT)  # each has a key of its own
    db.session.commit()
    with refused(InsufficientFunds):
        reservation.reserve(brand, owner, usd(1), campaign.cause, AT)

    assert reservation.reserved(owner, "USD") == usd(30_000)
    assert reservation.available(brand, "USD") == usd(0)
    assert reservation.release(brand, owner, "USD", campaign.cause, AT) == usd(30_000)
    db.session.commit()
    assert reservation.reserved(owner, "USD") == usd(0)
    assert reservation.available(brand, "USD") == usd(30_000)


def test_an_empty_reservation_gives_back_nothing_and_posts_nothing(
    team: BrandTeam, campaign: Campaign
) -> None:
    brand, owner = team.brand.ledger_owner, campaign.ledger_owner
    assert reservation.release(brand, owner, "USD", campaign.cause, AT) == usd(0)
    db.session.commit()
    assert reservation.available(brand, "USD") == usd(30_000)


def test_money_of_another_currency_is_not_there(team: BrandTeam, campaign: Campaign) -> None:
    with refused(InsufficientFunds):
        reservation.reserve(
            team.brand.ledger_owner, campaign.ledger_owner, Money(1, "EUR"), campaign.cause, AT
        )
