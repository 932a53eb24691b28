"""More money for a campaign that is open: its budget rises by just that, once, and sales accrue."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.campaigns import budget, commitments, ending
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.commissions import unfunded
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, InsufficientFunds, KeyConflict, WrongState
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit
from marketplace.money import Money
from marketplace.processors.base import Snapshot
from marketplace.statuses import history
from marketplace.webhooks import orders
from tests.books import broken_invariants
from tests.commissions.making import give, keeps, make_campaign_shop, order, tell
from tests.make import BrandTeam, make_brand, make_campaign, make_deposit, pay, payment_of
from tests.within import at_once, locked, refused, within

__all__ = ["within"]

FROZEN = (
    "brief",
    "criteria",
    "flat_fee_minor",
    "commission_bps",
    "places",
    "opens_on",
    "closes_at",
)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


@pytest.fixture
def campaign(team: BrandTeam) -> Campaign:
    """It is open, and 300.00 USD are reserved for it."""
    return make_campaign(team, status="open")


def add(campaign: Campaign, minor: int, form_key: UUID | None = None) -> bool:
    fresh = more(campaign.id, minor, form_key or new_id())
    db.session.commit()
    return fresh


def by_card(team: BrandTeam, campaign: Campaign, minor: int) -> Deposit:
    deposit = budget.add_by_card(
        locked(Campaign, campaign.id),
        usd(minor),
        payer_id=team.user.id,
        payer_email=team.user.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/brand",
        at=clock.now(),
    )
    db.session.commit()
    return deposit


def books(team: BrandTeam, campaign: Campaign) -> tuple[int, int, int]:
    """The budget, what is reserved of it, and what the brand has unreserved."""
    db.session.refresh(campaign)
    assert campaign.budget_minor is not None
    reserved = reservation.reserved(campaign.ledger_owner, "USD").minor
    available = reservation.available(team.brand.ledger_owner, "USD").minor
    assert broken_invariants(db.session.connection()) == []
    db.session.rollback()
    return campaign.budget_minor, reserved, available


def test_a_balance_adds_to_the_budget_what_leaves_it_and_all_else_stands(
    team: BrandTeam, campaign: Campaign
) -> None:
    give(team, 5_000)
    frozen = [getattr(campaign, name) for name in FROZEN]
    open_since = campaign.status_at
    assert add(campaign, 1_234)
    assert books(team, campaign) == (31_234, 31_234, 3_766)
    assert [getattr(campaign, name) for name in FROZEN] == frozen
    assert (campaign.status, campaign.status_at) == (CampaignStatus.OPEN, open_since)
    last = history(campaign)[-1]
    assert (last.event, last.actor, last.reason) == ("add_money", "user:1", "12.34 USD")


def test_one_form_adds_once_and_nothing_else(team: BrandTeam, campaign: Campaign) -> None:
    give(team, 2_000)
    form_key = new_id()
    assert add(campaign, 2_000, form_key)
    assert not add(campaign, 2_000, form_key), "even once the balance is used up"
    with refused(KeyConflict):
        add(campaign, 1, form_key)
    assert books(team, campaign) == (32_000, 32_000, 0)


def test_more_than_the_balance_is_not_added(team: BrandTeam, campaign: Campaign) -> None:
    give(team, 2_000)
    with refused(InsufficientFunds):
        add(campaign, 2_001)


@pytest.mark.parametrize("minor", [0, -100])
def test_no_other_amount_than_one_above_zero_is_added(
    team: BrandTeam, campaign: Campaign, minor: int
) -> None:
    give(team, 2_000)
    with refused(ValueError):
        add(campaign, minor)


NOT_OPEN = ["draft", "in_review", "rejected", "awaiting_funds", "closed", "canceled"]


@pytest.mark.parametrize("status", NOT_OPEN)
def test_only_an_open_campaign_takes_more(team: BrandTeam, status: str) -> None:
    give(team, 2_000)
    campaign = make_campaign(team, status=status)
    with refused(WrongState, match="add money"):
        add(campaign, 1_000)
    with refused(WrongState, match="add money"):
        by_card(team, campaign, 1_000)


def test_a_paid_checkout_adds_what_it_brought_once(team: BrandTeam, campaign: Campaign) -> None:
    deposit = by_card(team, campaign, 1_500)
    assert books(team, campaign) == (30_000, 30_000, 0), "nothing before it is paid"
    for _ in range(2):
        pay(deposit)
    assert books(team, campaign) == (31_500, 31_500, 0)


def test_one_checkout_that_adds_is_open_at_a_time(team: BrandTeam, campaign: Campaign) -> None:
    first = by_card(team, campaign, 1_500)
    assert budget.open_deposit(campaign) == first
    with refused(BadInput, match="open already"):
        by_card(team, campaign, 1_000)
    pay(first)
    assert by_card(team, campaign, 1_000) != first


def test_a_card_brings_no_less_than_it_can(team: BrandTeam, campaign: Campaign) -> None:
    with refused(BadInput) as refusal:
        by_card(team, campaign, 99)
    assert refusal.value.fields["amount"] == "at least 1.00 USD, at most 999999.99 USD"


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_a_payment_that_comes_after_the_end_is_the_brands_unreserved(
    team: BrandTeam, campaign: Campaign, end: str
) -> None:
    deposit = by_card(team, campaign, 1_500)
    row = locked(Campaign, campaign.id)
    if end == "close":
        ending.close(row, clock.now())
    else:
        ending.cancel(row, "user:1", "no longer wanted", clock.now())
    db.session.commit()
    pay(deposit)
    assert books(team, campaign) == (30_000, 0, 31_500)


def test_a_checkout_from_before_it_opened_raises_no_budget_and_bars_no_other(
    team: BrandTeam,
) -> None:
    campaign = make_campaign(team, status="awaiting_funds")
    early = make_deposit(team, campaign)
    give(team, 30_000)
    budget.fund_from_balance(locked(Campaign, campaign.id), "user:1", clock.now())
    db.session.commit()
    assert budget.open_deposit(campaign) is None
    pay(by_card(team, campaign, 1_000))
    pay(early)
    assert books(team, campaign) == (31_000, 31_000, 30_000)


def test_what_was_added_comes_back_with_the_rest(team: BrandTeam, campaign: Campaign) -> None:
    give(team, 2_000)
    add(campaign, 2_000)
    ending.close(locked(Campaign, campaign.id), clock.now())
    db.session.commit()
    assert books(team, campaign) == (32_000, 0, 32_000)


# ---- unfunded sales


def test_sales_that_waited_accrue_once_what_they_lack_is_added() -> None:
    shop = make_campaign_shop(1_000)
    campaign = db.session.get_one(Campaign, UUID(hex=shop.owner.partition(":")[2]))
    sales = [
        tell(shop, order("100.00", ref, codes=(shop.code.code,))) for ref in ("1", "2")
    ]  # 15.00 and 0.44 each
    lacks = unfunded.lacking(shop.owner, commitments.free_of(shop.owner) or usd(0))
    assert lacks == usd(2 * 1_544 - 1_000)
    give(shop.team, lacks.minor)
    add(campaign, lacks.minor - 1)
    assert [orders.fund_next(clock.now()) for _ in range(2)] == [True, False]
    db.session.commit()
    add(campaign, 1)
    assert [orders.fund_next(clock.now()) for _ in range(2)] == [True, False]
    db.session.commit()
    assert [keeps(sale) for sale in sales] == [1_500, 1_500]
    assert unfunded.lacking(shop.owner, usd(0)) == usd(0)
    assert books(shop.team, campaign) == (3_088, 0, 0)


def test_what_is_free_lacks_nothing() -> None:
    shop = make_campaign_shop(1_000)
    assert unfunded.lacking(shop.owner, usd(1_000)) == usd(0)


# ---- at once


def more(id: UUID, minor: int, form_key: UUID) -> bool:
    return budget.add_from_balance(
        locked(Campaign, id), usd(minor), form_key=form_key, actor="user:1", at=clock.now()
    )


def arrive(deposit_id: UUID, payment: Snapshot) -> None:
    budget.topped_up(locked(Deposit, deposit_id), payment, clock.now())


def cancel(id: UUID) -> None:
    ending.cancel(locked(Campaign, id), "user:1", "changed my mind", clock.now())


def test_two_that_add_one_balance_at_once_add_it_once(app: Flask, team: BrandTeam) -> None:
    ids = [make_campaign(team, status="open").id for _ in range(2)]
    give(team, 1_000)
    results = at_once(app, *(partial(more, id, 1_000, new_id()) for id in ids))
    assert results.count(True) == 1
    assert [type(it) for it in results if it is not True] == [InsufficientFunds]
    assert broken_invariants(db.session.connection()) == []


def test_two_clicks_at_once_add_once(app: Flask, team: BrandTeam, campaign: Campaign) -> None:
    give(team, 2_000)
    click = partial(more, campaign.id, 1_000, new_id())
    assert sorted(at_once(app, click, click), key=str) == [False, True]
    assert books(team, campaign) == (31_000, 31_000, 1_000)


def test_a_payment_a_balance_and_an_end_at_once_lose_no_money(app: Flask, team: BrandTeam) -> None:
    for _ in range(5):
        campaign = make_campaign(team, status="open")
        give(team, 700)
        deposit = by_card(team, campaign, 1_500)
        before = reservation.available(team.brand.ledger_owner, "USD").minor
        results = at_once(
            app,
            partial(arrive, deposit.id, payment_of(deposit)),
            partial(cancel, campaign.id),
            partial(more, campaign.id, 700, new_id()),
        )
        assert results[:2] == [None, None]
        assert results[2] is True or isinstance(results[2], WrongState)
        _, reserved, available = books(team, campaign)
        assert (reserved, available - before) == (0, 31_500)
