"""Our copy of what a processor says moved our money there: read again and again, kept once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db
from marketplace.payouts.payout import Payout
from marketplace.processors.base import CAME_TO_NOTHING, Snapshot
from marketplace.processors.listing import Movement


class BalanceTransaction(Base):
    """One movement, exactly as it was listed. Never changed."""

    __tablename__ = "balance_transaction"
    __table_args__ = (
        UniqueConstraint("processor", "remote_id"),
        Index("ix_balance_transaction_created_at", "processor", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    processor: Mapped[str]
    remote_id: Mapped[str]
    type: Mapped[str]
    amount_minor: Mapped[int]  # negative: away from us
    fee_minor: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime]  # on the processor's clock
    source: Mapped[str | None]  # the charge, refund or transfer that moved it
    object_kind: Mapped[str | None]  # what to fetch about it, as an event would name it
    object_id: Mapped[str | None]


def moved_by(fetched: Snapshot) -> Sequence[Movement]:
    """What a fetched object moved. What came to nothing moved something only if it had succeeded
    before, and then a payout of ours names it."""
    if fetched.state in CAME_TO_NOTHING:
        named = select(Payout.id).where(Payout.transfer_ref == fetched.remote_id)
        if db.session.scalar(named) is None:
            return ()
    return fetched.movements


def mirror(processor: str, movements: Sequence[Movement]) -> int:
    """Keep those that are new; return how many."""
    if not movements:
        return 0
    rows = [
        {
            "processor": processor,
            "remote_id": it.remote_id,
            "type": it.type,
            "amount_minor": it.amount.minor,
            "fee_minor": it.fee.minor,
            "currency": it.amount.currency,
            "created_at": it.created_at,
            "source": it.source,
            "object_kind": it.object_kind,
            "object_id": it.object_id,
        }
        for it in movements
    ]
    kept = insert(BalanceTransaction).on_conflict_do_nothing().returning(BalanceTransaction.id)
    return len(db.session.scalars(kept, rows).all())
