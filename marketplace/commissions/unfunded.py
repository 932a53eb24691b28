"""Sales whose campaign lacks money: paid once it is there, or from the brand's balance."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, select

from marketplace import statuses
from marketplace.commissions.booking import accrue_or_wait, book, owed
from marketplace.commissions.room import Room
from marketplace.commissions.sale import Sale, SaleStatus
from marketplace.database.lock import lock_next
from marketplace.earnings.earning import accrue
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.funding import standing
from marketplace.ledger import balances
from marketplace.ledger.chart import AccountKind
from marketplace.money import Money, zero


def fund_next(room: Room, at: datetime) -> bool:
    """Accrue the oldest sale that its campaign can pay for now; False if there is none."""
    for owner in list(db.session.scalars(_owners())):
        assert owner is not None
        free = room(owner)
        if free is None:
            continue
        sale = lock_next(
            Sale,
            Sale.status == SaleStatus.UNFUNDED,
            Sale.paid_from == owner,
            Sale.commission_minor + Sale.platform_fee_minor <= free.minor,
            order_by=Sale.id,
        )
        if sale is not None:
            accrue_or_wait([sale], room, at)
            return True
    return False


def _owners() -> Select[str | None]:
    """Campaigns whose reservation is as large as one of their unfunded sales."""
    held = balances.stored(AccountKind.RESERVED)
    return (
        select(Sale.paid_from)
        .distinct()
        .join(held, (held.c.owner == Sale.paid_from) & (held.c.currency == Sale.currency))
        .where(
            Sale.status == SaleStatus.UNFUNDED,
            held.c.balance_minor >= Sale.commission_minor + Sale.platform_fee_minor,
        )
        .order_by(Sale.paid_from)
    )


def lacking(owner: str, free: Money) -> Money:
    """What the unfunded sales of a campaign, named as the ledger does, lack where it has `free`."""
    waiting = db.session.scalar(
        select(func.sum(Sale.commission_minor + Sale.platform_fee_minor)).where(
            Sale.status == SaleStatus.UNFUNDED, Sale.paid_from == owner
        )
    )
    short = Money(int(waiting or 0), free.currency) - free
    return max(short, zero(free.currency))


def pay_from_balance(sale: Sale, actor: str, at: datetime) -> None:
    """The brand pays an unfunded sale from unreserved money. The caller has locked it.

    Raises:
        WrongState: it lacks nothing any more.
        BadInput: the brand is suspended.
        InsufficientFunds: the brand does not have that much.
    """
    standing.require_good(sale.brand_id)
    if sale.status != SaleStatus.UNFUNDED:
        raise WrongState("sale", sale.status, "pay")
    sale.paid_from = f"brand:{sale.brand_id.hex}"
    earnings = accrue([owed(sale)], actor, at)
    statuses.advance(sale, "accrue", at, actor)
    book([sale], earnings)
