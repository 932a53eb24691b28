"""Codes of agreements: given with one, paid from what is free, over with it."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.campaigns import commitments, ending
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.campaign import Campaign
from marketplace.commissions import booking, unfunded
from marketplace.commissions import code as codes
from marketplace.commissions.code import PromoCode
from marketplace.commissions.sale import Sale
from marketplace.earnings.terms import Terms
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.storefronts.order import News
from marketplace.storefronts.storefront import Storefront
from marketplace.webhooks import orders
from marketplace.worker.codes import end_next
from tests.agreeing import brand_actor, make_agreement, work_of
from tests.commissions.making import make_storefront, order
from tests.make import BrandTeam, make_brand, make_campaign
from tests.within import at_once, locked, within

__all__ = ["within"]

USD_100 = 10_000


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


@pytest.fixture
def campaign(team: BrandTeam) -> Campaign:
    """Open with 300.00 USD: a flat fee of 100.00 and a commission of 15 %."""
    return make_campaign(
        team, status="open", flat_fee_minor=USD_100, places=2, budget_minor=30_000,
        commission_bps=1_500,
    )  # fmt: skip


def code_of(agreement: Agreement) -> PromoCode:
    terms, campaign = agreement.commission_terms, agreement.campaign
    assert terms
    assert agreement.commission_bps
    made = codes.issue(
        agreement.id, agreement.creator_id, campaign.brand_id, campaign.ledger_owner,
        agreement.commission_bps, Terms(**terms), "USD", clock.now(),
    )  # fmt: skip
    db.session.commit()
    return made


def sell(team: BrandTeam, code: PromoCode, price: str) -> Sale:
    shop = make_storefront(team)
    booking.take([(shop, order(price, codes=(code.code,)))], orders.room, clock.now())
    db.session.commit()
    return db.session.query(Sale).one()


def test_sales_leave_the_flat_fees_of_work_and_of_places_alone(
    team: BrandTeam, campaign: Campaign
) -> None:
    first = make_agreement(campaign.id)
    assert commitments.free(locked(Campaign, campaign.id)) == Money(20_000, "USD")
    assert commitments.free_of(campaign.ledger_owner) == Money(10_000, "USD")
    # 15 % of 700.00 is 105.00: it is there, but a second creator may still take a place.
    sale = sell(team, code_of(first), "700.00")
    assert sale.status == "unfunded"
    assert not unfunded.fund_next(orders.room, clock.now())
    db.session.rollback()
    assert make_agreement(campaign.id).status == "active"
    assert not unfunded.fund_next(orders.room, clock.now())


def test_two_workers_do_not_spend_what_is_free_for_one_sale_twice(
    app: Flask, team: BrandTeam, campaign: Campaign
) -> None:
    code, shop = code_of(make_agreement(campaign.id)), make_storefront(team)
    assert commitments.free_of(campaign.ledger_owner) == Money(10_000, "USD")
    # 61.74 each with the platform fee: one is covered, two are not; the reservation has 300.00.
    news = [order("400.00", ref=str(n), codes=(code.code,)) for n in range(2)]
    shop_id = shop.id

    def told(one: News) -> None:
        shop = db.session.get_one(Storefront, shop_id)
        booking.take([(shop, one)], orders.room, clock.now())

    db.session.rollback()
    at_once(app, *[partial(told, one) for one in news])
    ends = sorted(sale.status for sale in db.session.query(Sale))
    assert ends == ["accrued", "unfunded"]


def test_a_sale_of_a_campaign_that_is_over_waits_for_the_brand(
    team: BrandTeam, campaign: Campaign
) -> None:
    code = code_of(make_agreement(campaign.id, work="submitted"))
    ending.cancel(locked(Campaign, campaign.id), "user:1", "no longer wanted", clock.now())
    db.session.commit()
    assert sell(team, code, "49.90").status == "unfunded"


def _end_codes() -> int:
    ended = 0
    while end_next(clock.now()):
        db.session.commit()
        ended += 1
    return ended


def test_a_code_ends_when_its_campaign_does(campaign: Campaign) -> None:
    code = code_of(make_agreement(campaign.id, work="submitted"))
    assert _end_codes() == 0
    over = locked(Campaign, campaign.id)
    ending.cancel(over, "user:1", "no longer wanted", clock.now())
    db.session.commit()
    assert _end_codes() == 1
    assert code.ended_at == over.status_at
    assert _end_codes() == 0


def test_a_code_ends_when_its_agreement_is_called_off_and_no_other_does(campaign: Campaign) -> None:
    first, second = make_agreement(campaign.id), make_agreement(campaign.id)
    code, other = code_of(first), code_of(second)
    work: UUID = work_of(first.id).id
    ending.give_up(work, brand_actor(campaign.id), work_of(first.id).ends_at)
    db.session.commit()
    assert _end_codes() == 1
    assert code.ended_at is not None
    assert other.ended_at is None
