"""What a brand pays in for one thing, a campaign or a challenge: its checkout, its reservation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, select

from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import standing
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.ledger import postings
from marketplace.money import Money, zero
from marketplace.processors.base import Snapshot


def open_deposit(paid_for: ColumnElement[bool]) -> Deposit | None:
    """The checkout of what is paid for that may still be paid, if there is one.

    Args:
        paid_for: a condition on `Deposit`.
    """
    statement = (
        select(Deposit)
        .where(paid_for, Deposit.status.in_((DepositStatus.CREATED, DepositStatus.PENDING)))
        .order_by(Deposit.created_at.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def received(
    deposit: Deposit,
    payment: Snapshot,
    at: datetime,
    *,
    brand_owner: str,
    reserved_owner: str,
    missing: Money,
    once_covered: Callable[[], None],
) -> None:
    """A deposit was paid: reserve what was missing, and say so once nothing is missing any more.

    What is too much stays with the brand unreserved, and so does all of it while the brand is
    suspended. The caller has locked what is paid for.

    Raises:
        Mismatch: the payment is not the one we asked for.
    """
    assert deposit.brand_id is not None
    suspended = standing.of(deposit.brand_id).suspended
    reserve = zero(deposit.currency) if suspended else min(missing, deposit.amount)
    also = []
    if reserve and deposit.status != DepositStatus.SUCCEEDED:
        key = f"campaign_reserved:{deposit.id.hex}"
        also.append(
            postings.campaign_reserved(brand_owner, reserved_owner, reserve, key, deposit.cause, at)
        )
        if reserve == missing:
            once_covered()
    deposits.received(deposit, payment, at, brand_owner=brand_owner, also=also)
