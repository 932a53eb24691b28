"""A dispute: a cardholder tells their bank that they did not agree to a payment to us.

The bank may only ask (an inquiry), or take the money back at once and give it back if we convince
it (a chargeback). `chargeback` follows what the processor says of it; here is where it stands.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.processors.polled import Polled
from marketplace.statuses import Moves, Stateful, Wait, Waits


class DisputeStatus(StrEnum):
    """Where a dispute stands.

    inquiry ──escalate──▶ needs_response ──answer──▶ under_review ──win──▶ won
       │ (answer, win and       │  │                      └─────lose────▶ lost ──win──▶ won
       │  lose as from there)   │  └──win──▶ won
     close                    lose
       ▼                        ▼
    closed                    lost     (nobody answered in time, or we gave it up)
    """

    INQUIRY = "inquiry"  # the bank asks; nothing was taken
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"  # an inquiry that came to nothing


# It is not decided, and the money is not ours meanwhile.
CONTESTED = (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW)


class Dispute(Polled, Stateful):
    """One dispute of one deposit, what it took from whom, and what came back."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint(
            "status IN ('inquiry', 'needs_response', 'under_review', 'won', 'lost', 'closed')",
            name="status",
        ),
        CheckConstraint(
            "withdrawn_minor >= 0 AND (withdrawn_ref IS NULL) = (withdrawn_minor = 0)",
            name="withdrawn_names_its_source",
        ),
        CheckConstraint("debt_minor BETWEEN 0 AND withdrawn_minor", name="debt_within_withdrawn"),
        CheckConstraint(
            "reinstated_minor BETWEEN 0 AND withdrawn_minor"
            " AND (reinstated_ref IS NULL) = (reinstated_minor = 0)",
            name="reinstated_within_withdrawn",
        ),
    )

    MOVES: ClassVar[Moves] = {
        (DisputeStatus.INQUIRY, "escalate"): DisputeStatus.NEEDS_RESPONSE,
        (DisputeStatus.INQUIRY, "answer"): DisputeStatus.UNDER_REVIEW,
        (DisputeStatus.INQUIRY, "win"): DisputeStatus.WON,
        (DisputeStatus.INQUIRY, "lose"): DisputeStatus.LOST,
        (DisputeStatus.INQUIRY, "close"): DisputeStatus.CLOSED,
        (DisputeStatus.NEEDS_RESPONSE, "answer"): DisputeStatus.UNDER_REVIEW,
        (DisputeStatus.NEEDS_RESPONSE, "win"): DisputeStatus.WON,
        (DisputeStatus.NEEDS_RESPONSE, "lose"): DisputeStatus.LOST,
        (DisputeStatus.UNDER_REVIEW, "win"): DisputeStatus.WON,
        (DisputeStatus.UNDER_REVIEW, "lose"): DisputeStatus.LOST,
        (DisputeStatus.LOST, "win"): DisputeStatus.WON,
    }
    WAITS: ClassVar[Waits] = {
        DisputeStatus.INQUIRY: Wait(on="operator", due=lambda it: it.answer_by, then="close"),
        DisputeStatus.NEEDS_RESPONSE: Wait(on="operator", due=lambda it: it.answer_by, then="lose"),
        DisputeStatus.UNDER_REVIEW: Wait(on="bank", due=lambda it: None, then="win"),
    }

    deposit_id: Mapped[UUID] = mapped_column(ForeignKey("deposit.id"), index=True)
    # None: the deposit filled a pool, so that the marketplace itself bears it.
    brand_id: Mapped[UUID | None] = mapped_column(ForeignKey("brand.id"), index=True)
    dispute_ref: Mapped[str] = mapped_column(unique=True)  # the processor's
    amount_minor: Mapped[int]  # what is disputed: all of the charge, or a part
    currency: Mapped[str]
    reason: Mapped[str]  # the bank's word
    answer_by: Mapped[datetime | None]  # until when evidence is taken
    created_at: Mapped[datetime]
    withdrawn_minor: Mapped[int] = mapped_column(default=0)
    withdrawn_ref: Mapped[str | None] = mapped_column(unique=True)
    debt_minor: Mapped[int] = mapped_column(default=0)  # of that, what was not there to take
    reinstated_minor: Mapped[int] = mapped_column(default=0)
    reinstated_ref: Mapped[str | None] = mapped_column(unique=True)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def debt(self) -> Money:
        return Money(self.debt_minor, self.currency)

    @property
    def cause(self) -> Cause:
        return Cause("dispute", self.id)

    @property
    def brand_owner(self) -> str:
        assert self.brand_id is not None, "a pool is no brand's"
        return f"brand:{self.brand_id.hex}"


def taken_of(deposit: Deposit) -> Money:
    """What disputes took of a deposit and did not give back."""
    minor = db.session.scalar(
        select(func.sum(Dispute.withdrawn_minor - Dispute.reinstated_minor)).where(
            Dispute.deposit_id == deposit.id
        )
    )
    return Money(int(minor or 0), deposit.currency)


def standing_against(deposit: Deposit) -> Dispute | None:
    """The dispute for which nothing of a deposit may be sent back: contested, or lost."""
    statement = select(Dispute).where(
        Dispute.deposit_id == deposit.id,
        Dispute.status.in_((*CONTESTED, DisputeStatus.LOST)),
    )
    return db.session.scalars(statement.order_by(Dispute.id).limit(1)).one_or_none()
