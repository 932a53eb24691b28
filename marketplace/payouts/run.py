"""The payout run: who is paid in this period, and for everybody else why not.

opening     per schedule and time zone: the run that is due, once; a line per balance, each
            decided by the gate: the money is reserved, or the blockers are written down
approval    all lines decided: locked; below a limit approved at once, above it by an operator
dispatch    approved: each payout is asked of the processor, until all have an answer
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import business_days
from marketplace.extensions import Base
from marketplace.statuses import Moves, Stateful, Wait, Waits

APPROVAL_BUSINESS_DAYS = 3


class RunStatus(StrEnum):
    """Where a run stands.

    locking ──lock──▶ locked ──approve──▶ approved ──send──▶ sending ──finish──▶ done
                        └────reject────▶ rejected          (all its money is available again)
    """

    LOCKING = "locking"
    LOCKED = "locked"
    APPROVED = "approved"
    SENDING = "sending"
    DONE = "done"
    REJECTED = "rejected"


# Payouts of such a run may leave.
LEAVING = (RunStatus.SENDING, RunStatus.DONE)


class PayoutRun(Stateful):
    """One period of one schedule in one time zone."""

    __tablename__ = "payout_run"
    __table_args__ = (
        UniqueConstraint("rhythm", "time_zone", "period"),
        CheckConstraint(
            "status IN ('locking', 'locked', 'approved', 'sending', 'done', 'rejected')",
            name="status",
        ),
    )

    MOVES: ClassVar[Moves] = {
        (RunStatus.LOCKING, "lock"): RunStatus.LOCKED,
        (RunStatus.LOCKED, "approve"): RunStatus.APPROVED,
        (RunStatus.LOCKED, "reject"): RunStatus.REJECTED,
        (RunStatus.APPROVED, "send"): RunStatus.SENDING,
        (RunStatus.SENDING, "finish"): RunStatus.DONE,
    }
    WAITS: ClassVar[Waits] = {
        RunStatus.LOCKING: Wait(on="worker", due=lambda it: it.due_at, then="lock"),
        RunStatus.LOCKED: Wait(on="operator", due=lambda it: it.approval_due_at, then="approve"),
        RunStatus.APPROVED: Wait(on="worker", due=lambda it: it.status_at, then="send"),
        RunStatus.SENDING: Wait(on="processor", due=lambda it: None, then="finish"),
    }

    rhythm: Mapped[str]
    time_zone: Mapped[str]
    period: Mapped[str]
    due_at: Mapped[datetime]

    @property
    def approval_due_at(self) -> datetime:
        """Until when an operator decides about a locked run."""
        return business_days.after(self.status_at, APPROVAL_BUSINESS_DAYS, self.time_zone)


class PayoutRunLine(Base):
    """One creator's balance in one run: waiting, then a payout or the blockers."""

    __tablename__ = "payout_run_line"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'included', 'excluded')", name="state"),
        CheckConstraint("(state = 'included') = (payout_id IS NOT NULL)", name="included_pays"),
        Index("ix_payout_run_line_waiting", "run_id", postgresql_where=text("state = 'waiting'")),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_run.id"), primary_key=True)
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="waiting")
    payout_id: Mapped[UUID | None] = mapped_column(ForeignKey("payout.id"), unique=True)
    blockers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
