"""Sales of a suspended brand wait, and are paid by themselves once it is over."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select

from marketplace import clock
from marketplace.campaigns import commitments
from marketplace.commissions import booking, unfunded
from marketplace.commissions.sale import Sale, SaleStatus
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.funding import debt
from marketplace.funding.deposit import Deposit
from marketplace.money import Money
from marketplace.processors.base import (
    Snapshot,
)
from marketplace.processors.listing import Moved
from marketplace.webhooks import converge
from tests.commissions.making import Shop, keeps, make_campaign_shop, order, refund
from tests.within import locked, refused, within

__all__ = ["within"]


@pytest.fixture
def shop() -> Shop:
    """A campaign that pays for sales, 1,000.00 USD reserved for it."""
    return make_campaign_shop()


def dispute(shop: Shop, state: str) -> None:
    """100.00 USD of what paid for the campaign are disputed."""
    campaign_id = UUID(hex=shop.owner.removeprefix("campaign:"))
    deposit = db.session.scalars(select(Deposit).filter_by(campaign_id=campaign_id)).one()
    amount = Money(10_000, "USD")
    moved = [Moved("txn_taken", -amount, Money(1_500, "USD"))]
    moved += [Moved("txn_back", amount, Money(0, "USD"))] if state == "won" else []
    told = Snapshot(
        *("dispute", "du_1", None, state, False),
        amount,
        charge_ref=deposit.charge_ref,
        moved=moved,
        reason="fraudulent",
    )
    converge.apply(told, clock.now())
    db.session.commit()


def sells(shop: Shop, ref: str) -> Sale:
    news = order("100.00", ref, codes=(shop.code.code,))
    booking.take([(shop.storefront, news)], commitments.free_of, clock.now())
    db.session.commit()
    return db.session.scalars(select(Sale).filter_by(order_ref=ref)).one()


def test_a_sale_waits_while_its_brand_is_suspended_and_is_paid_afterwards(shop: Shop) -> None:
    assert sells(shop, "1").status == SaleStatus.ACCRUED
    dispute(shop, "needs_response")
    sale = sells(shop, "2")
    assert (sale.status, keeps(sale)) == (SaleStatus.UNFUNDED, 0)
    assert not unfunded.fund_next(commitments.free_of, clock.now())
    with refused(BadInput, match="Suspended"):
        unfunded.pay_from_balance(locked(Sale, sale.id), "user:1", clock.now())

    dispute(shop, "won")

    while debt.repay_next(clock.now()):
        db.session.commit()
    assert unfunded.fund_next(commitments.free_of, clock.now())
    db.session.commit()
    assert (locked(Sale, sale.id).status, keeps(sale)) == (SaleStatus.ACCRUED, 1_500)


def test_what_was_earned_stays_and_a_refund_still_takes_its_share(shop: Shop) -> None:
    sale = sells(shop, "1")
    dispute(shop, "needs_response")
    assert keeps(sale) == 1_500
    booking.take([(shop.storefront, refund("50.00", "r1", "1"))], commitments.free_of, clock.now())
    db.session.commit()
    assert keeps(sale) == 750
