"""Money of ours that an operator moved from one processor to another, so that both can pay."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.errors import KeyConflict
from marketplace.extensions import Base, db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause
from marketplace.money import Money


class ProcessorFunding(Base):
    """One such move, as the operator who made it wrote it down. Never changed."""

    __tablename__ = "processor_funding"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("from_processor <> to_processor", name="somewhere_else"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    from_processor: Mapped[str]
    to_processor: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reference: Mapped[str] = mapped_column(unique=True)  # the bank's, or the receiving processor's
    moved_by: Mapped[str]
    moved_at: Mapped[datetime]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


def move(
    from_processor: str,
    to_processor: str,
    amount: Money,
    reference: str,
    actor: str,
    at: datetime,
) -> ProcessorFunding:
    """Write down that the money arrived there; the same reference again is the same move.

    Raises:
        KeyConflict: the reference is known, of another amount or between others.
    """
    known = known_by(reference)
    if known is not None:
        if (known.from_processor, known.to_processor, known.amount) != (
            from_processor,
            to_processor,
            amount,
        ):
            raise KeyConflict(f"{reference} is known: {known.amount} to {known.to_processor}")
        return known
    moved = ProcessorFunding(
        id=new_id(),
        from_processor=from_processor,
        to_processor=to_processor,
        amount_minor=amount.minor,
        currency=amount.currency,
        reference=reference,
        moved_by=actor,
        moved_at=at,
    )
    db.session.add(moved)
    db.session.flush()
    cause = Cause("processor_funding", moved.id)
    journal.post(postings.processor_funded(from_processor, to_processor, amount, cause, at))
    return moved


def known_by(reference: str) -> ProcessorFunding | None:
    """The move with this reference."""
    return db.session.scalars(select(ProcessorFunding).filter_by(reference=reference)).one_or_none()
