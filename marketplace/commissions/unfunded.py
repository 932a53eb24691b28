"""Sales whose campaign lacks money: paid once it is there, or from the brand's balance."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import distinct_on

from marketplace import statuses
from marketplace.commissions.booking import accrue_or_wait, book, is_covered, owed
from marketplace.commissions.room import Room
from marketplace.commissions.sale import Sale, SaleStatus
from marketplace.database.lock import lock
from marketplace.earnings.earning import accrue
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.ledger.chart import AccountKind


def fund_next(room: Room, at: datetime) -> bool:
    """Accrue a sale that lacked money and no longer does; False if there is none."""
    for id in list(db.session.scalars(_perhaps_covered())):
        sale = lock(Sale, id)
        assert sale is not None
        if sale.status == SaleStatus.UNFUNDED and is_covered([sale], room):
            accrue_or_wait([sale], room, at)
            return True
    return False


def _perhaps_covered() -> Select[UUID]:
    """The oldest unfunded sale of each campaign whose reservation is as large."""
    held = balances.stored(AccountKind.RESERVED)
    return (
        select(Sale.id)
        .ext(distinct_on(Sale.paid_from))
        .join(held, (held.c.owner == Sale.paid_from) & (held.c.currency == Sale.currency))
        .where(
            Sale.status == SaleStatus.UNFUNDED,
            held.c.balance_minor >= Sale.commission_minor + Sale.platform_fee_minor,
        )
        .order_by(Sale.paid_from, Sale.id)
    )


def pay_from_balance(sale: Sale, actor: str, at: datetime) -> None:
    """The brand pays an unfunded sale from unreserved money. The caller has locked it.

    Raises:
        WrongState: it lacks nothing any more.
        InsufficientFunds: the brand does not have that much.
    """
    if sale.status != SaleStatus.UNFUNDED:
        raise WrongState("sale", sale.status, "pay")
    sale.paid_from = f"brand:{sale.brand_id.hex}"
    earnings = accrue([owed(sale)], actor, at)
    statuses.advance(sale, "accrue", at, actor)
    book([sale], earnings)
