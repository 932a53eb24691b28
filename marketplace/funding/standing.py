"""Whether a brand may commit money: not while a payment of its is contested, nor while it owes.

A brand that may not is suspended, with all its campaigns: nothing new is agreed, reserved, sold or
sent back. What was agreed before keeps its reservation and is paid as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.funding.dispute import CONTESTED, Dispute
from marketplace.ledger import balances
from marketplace.ledger.chart import AccountKind
from marketplace.money import Money


@dataclass(frozen=True)
class Standing:
    """What stands against a brand; nothing does if it is in good standing."""

    contested: Sequence[Dispute] = ()  # oldest first
    debts: Sequence[Money] = ()

    @property
    def suspended(self) -> bool:
        return bool(self.contested or self.debts)


def of(brand_id: UUID) -> Standing:
    """What stands against a brand now."""
    contested = (
        select(Dispute)
        .where(Dispute.brand_id == brand_id, Dispute.status.in_(CONTESTED))
        .order_by(Dispute.id)
    )
    return Standing(tuple(db.session.scalars(contested)), tuple(debts(brand_id)))


def debts(brand_id: UUID) -> list[Money]:
    """What a brand owes, by currency."""
    held = balances.stored(AccountKind.BRAND_DEBT)
    rows = db.session.execute(
        select(held.c.currency, held.c.balance_minor)
        .where(held.c.owner == f"brand:{brand_id.hex}", held.c.balance_minor > 0)
        .order_by(held.c.currency)
    )
    return [Money(row.balance_minor, row.currency) for row in rows]


def require_good(brand_id: UUID) -> None:
    """Refuse what a suspended brand may not do.

    Raises:
        BadInput: it is suspended.
    """
    if of(brand_id).suspended:
        raise BadInput(
            says(
                "Suspended: a payment of the brand is disputed, or it owes money. Nothing new can"
                " be agreed or reserved before that is over."
            )
        )
