"""A campaign's budget: paid in, or taken from what the brand has here, exactly once."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.campaigns import budget
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, InsufficientFunds, WrongState
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit, DepositStatus, Mismatch
from marketplace.money import Money
from marketplace.processors.base import Snapshot
from tests.make import BrandTeam, make_brand, make_campaign, make_deposit, pay, payment_of
from tests.within import at_once, locked, refused, within

__all__ = ["within"]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


@pytest.fixture
def campaign(team: BrandTeam) -> Campaign:
    """It waits for 300.00 USD."""
    return make_campaign(team, status="awaiting_funds")


def books(team: BrandTeam, campaign: Campaign) -> tuple[Money, Money]:
    """What is reserved for the campaign, and what the brand has unreserved."""
    reserved = reservation.reserved(campaign.ledger_owner, "USD")
    available = reservation.available(team.brand.ledger_owner, "USD")
    db.session.rollback()
    return reserved, available


def top_up(team: BrandTeam, campaign: Campaign) -> Deposit:
    deposit = budget.top_up(
        campaign,
        payer_id=team.user.id,
        payer_email=team.user.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/brand",
        at=clock.now(),
    )
    db.session.commit()
    return deposit


def test_a_top_up_asks_for_what_is_missing(team: BrandTeam, campaign: Campaign) -> None:
    pay(make_deposit(team, campaign, usd(10_000)))
    assert budget.missing(campaign) == usd(20_000)
    deposit = top_up(team, campaign)
    assert (deposit.amount, deposit.status) == (usd(20_000), DepositStatus.CREATED)
    assert (deposit.brand_id, deposit.campaign_id) == (team.brand.id, campaign.id)
    assert budget.open_deposit(campaign) == deposit


@pytest.mark.parametrize("status", ["draft", "in_review", "rejected", "open", "closed", "canceled"])
def test_only_a_campaign_that_awaits_funds_is_topped_up(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    with refused(WrongState, match="top up"):
        top_up(team, campaign)


def test_one_checkout_is_open_at_a_time(team: BrandTeam, campaign: Campaign) -> None:
    first = top_up(team, campaign)
    with refused(BadInput, match="open already"):
        top_up(team, campaign)
    deposits.rejected(first, "no", clock.now())
    db.session.commit()
    assert budget.open_deposit(campaign) is None
    assert top_up(team, campaign).id != first.id


def test_a_budget_too_large_for_a_card_is_refused_naming_the_bounds(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="awaiting_funds", flat_fee_minor=100_000_000, places=1)
    with refused(BadInput) as refusal:
        top_up(team, campaign)
    assert refusal.value.fields["amount"] == "at least 1.00 USD, at most 999999.99 USD"


def test_a_paid_top_up_reserves_the_budget_and_opens_the_campaign(
    team: BrandTeam, campaign: Campaign
) -> None:
    pay(top_up(team, campaign))
    assert campaign.status == CampaignStatus.OPEN
    assert books(team, campaign) == (usd(30_000), usd(0))


def test_a_part_reserves_that_part_and_opens_nothing(team: BrandTeam, campaign: Campaign) -> None:
    pay(make_deposit(team, campaign, usd(29_999)))
    assert campaign.status == CampaignStatus.AWAITING_FUNDS
    assert books(team, campaign) == (usd(29_999), usd(0))


def test_what_is_too_much_stays_with_the_brand(team: BrandTeam, campaign: Campaign) -> None:
    pay(make_deposit(team, campaign, usd(30_500)))
    assert campaign.status == CampaignStatus.OPEN
    assert books(team, campaign) == (usd(30_000), usd(500))


def test_money_that_comes_after_a_cancelation_stays_with_the_brand(
    team: BrandTeam, campaign: Campaign
) -> None:
    deposit = top_up(team, campaign)
    campaigns.cancel(campaign, "user:1", "no longer wanted", clock.now())
    db.session.commit()
    pay(deposit)
    assert campaign.status == CampaignStatus.CANCELED
    assert books(team, campaign) == (usd(0), usd(30_000))


def test_two_deposits_for_one_budget_reserve_it_once(team: BrandTeam, campaign: Campaign) -> None:
    first, second = make_deposit(team, campaign), make_deposit(team, campaign)
    pay(first)
    pay(second)
    assert books(team, campaign) == (usd(30_000), usd(30_000))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": usd(30_001)},
        {"amount": usd(29_999)},
        {"amount": Money(30_000, "EUR")},
        {"amount": None},
        {"our_ref": "0" * 32},
        {"our_ref": None},
    ],
    ids=str,
)
def test_another_payment_is_a_mismatch_and_posts_nothing(
    team: BrandTeam, campaign: Campaign, wrong: dict[str, object]
) -> None:
    deposit = top_up(team, campaign)
    with refused(Mismatch):
        budget.topped_up(deposit, payment_of(deposit, **wrong), clock.now())
    assert campaign.status == CampaignStatus.AWAITING_FUNDS


# ---- from the balance


def test_a_balance_funds_what_is_missing(team: BrandTeam, campaign: Campaign) -> None:
    make_campaign(team, status="closed")  # its 300.00 are free again
    budget.fund_from_balance(campaign, "user:1", clock.now())
    db.session.commit()
    assert campaign.status == CampaignStatus.OPEN
    assert books(team, campaign) == (usd(30_000), usd(0))


def test_a_balance_that_is_short_funds_nothing(team: BrandTeam, campaign: Campaign) -> None:
    make_campaign(team, status="closed", flat_fee_minor=9_999)
    with refused(InsufficientFunds):
        budget.fund_from_balance(campaign, "user:1", clock.now())


def test_another_brands_balance_funds_nothing(team: BrandTeam, campaign: Campaign) -> None:
    make_campaign(make_brand("Halcyon Outdoors"), status="closed")
    with refused(InsufficientFunds):
        budget.fund_from_balance(campaign, "user:1", clock.now())


@pytest.mark.parametrize("status", ["draft", "in_review", "rejected", "open", "closed", "canceled"])
def test_only_a_campaign_that_awaits_funds_takes_them(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    with refused(WrongState):
        budget.fund_from_balance(campaign, "user:1", clock.now())


def test_a_campaign_canceled_after_it_was_funded_twice_over_keeps_nothing(
    team: BrandTeam, campaign: Campaign
) -> None:
    """A reservation made from the balance and one from a deposit have keys of their own."""
    pay(make_deposit(team, campaign, usd(20_000)))
    make_campaign(team, status="closed", flat_fee_minor=5_000, places=2)
    budget.fund_from_balance(campaign, "user:1", clock.now())
    db.session.commit()
    assert books(team, campaign) == (usd(30_000), usd(0))
    campaigns.cancel(campaign, "user:1", "no longer wanted", clock.now())
    db.session.commit()
    assert books(team, campaign) == (usd(0), usd(30_000))


def test_two_campaigns_that_take_one_balance_at_once_get_it_once(
    app: Flask, team: BrandTeam, campaign: Campaign
) -> None:
    make_campaign(team, status="closed")
    ids = [campaign.id, make_campaign(team, status="awaiting_funds").id]

    def fund(id: UUID) -> str:
        budget.fund_from_balance(locked(Campaign, id), "user:1", clock.now())
        return "funded"

    results = at_once(app, *(partial(fund, id) for id in ids))
    assert results.count("funded") == 1
    assert [type(result) for result in results if result != "funded"] == [InsufficientFunds]


def arrive(deposit_id: UUID, payment: Snapshot) -> None:
    budget.topped_up(locked(Deposit, deposit_id), payment, clock.now())


def cancel(campaign_id: UUID) -> None:
    campaigns.cancel(locked(Campaign, campaign_id), "user:1", "changed my mind", clock.now())


def test_a_payment_and_a_cancelation_at_once_lose_no_money(app: Flask, team: BrandTeam) -> None:
    for _ in range(5):
        campaign = make_campaign(team, status="awaiting_funds")
        deposit = top_up(team, campaign)
        payment, deposit_id, campaign_id = payment_of(deposit), deposit.id, campaign.id
        before = reservation.available(team.brand.ledger_owner, "USD")
        db.session.rollback()
        results = at_once(app, partial(arrive, deposit_id, payment), partial(cancel, campaign_id))
        assert results == [None, None]
        db.session.refresh(campaign)
        assert campaign.status == CampaignStatus.CANCELED
        reserved, available = books(team, campaign)
        assert (reserved, available - before) == (usd(0), usd(30_000))
