"""The closing of a creator's account: no new work from then on, and closed once all is paid.

Nobody loses anything by it: what is owed matures and is paid as ever, below the threshold too, and
the log-in still reads everything. Closed for good: whoever comes back begins anew.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import business_days, statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.statuses import Moves, Stateful, Wait, Waits

SETTLE_BUSINESS_DAYS = 3


class ClosingStatus(StrEnum):
    """Where an account that closes stands.

    closing ──strand──▶ unpayable ──close──▶ closed     (nothing is owed any more)
       │  ◀───resume───     │ what is owed is too little to be sent: an operator pays it
       └────────close───────┴──────────────▶ closed
    """

    CLOSING = "closing"
    UNPAYABLE = "unpayable"
    CLOSED = "closed"


class AccountClosing(Stateful):
    """That one creator's account closes, and why. There is one per creator at most."""

    __tablename__ = "account_closing"
    __table_args__ = (
        CheckConstraint("status IN ('closing', 'unpayable', 'closed')", name="status"),
        CheckConstraint("reason <> ''", name="reason_given"),
        Index("ix_account_closing_open", "id", postgresql_where=text("status <> 'closed'")),
    )

    MOVES: ClassVar[Moves] = {
        (ClosingStatus.CLOSING, "strand"): ClosingStatus.UNPAYABLE,
        (ClosingStatus.CLOSING, "close"): ClosingStatus.CLOSED,
        (ClosingStatus.UNPAYABLE, "resume"): ClosingStatus.CLOSING,
        (ClosingStatus.UNPAYABLE, "close"): ClosingStatus.CLOSED,
    }
    WAITS: ClassVar[Waits] = {
        ClosingStatus.CLOSING: Wait(on="worker", due=lambda it: None, then="close"),
        ClosingStatus.UNPAYABLE: Wait(on="operator", due=lambda it: it.settle_by, then="close"),
    }

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), unique=True)
    reason: Mapped[str]  # the creator reads it

    @property
    def settle_by(self) -> datetime:
        """Of one that is unpayable: until when an operator pays the rest another way."""
        return business_days.after(self.status_at, SETTLE_BUSINESS_DAYS, "UTC")


def of(creator_id: UUID) -> AccountClosing | None:
    """The closing of this creator's account, begun or done; None if it is open."""
    statement = select(AccountClosing).where(AccountClosing.creator_id == creator_id)
    return db.session.scalars(statement).one_or_none()


def begin(creator_id: UUID, reason: str, actor: str, at: datetime) -> AccountClosing:
    """Close this account: from now on no new work.

    Raises:
        BadInput: it closes already.
    """
    lock(Creator, creator_id)  # no run decides meanwhile
    if of(creator_id) is not None:
        raise BadInput("closing", {"reason": says("This account closes already.")})
    begun = AccountClosing(
        id=new_id(), creator_id=creator_id, reason=reason, status=ClosingStatus.CLOSING
    )
    statuses.born(begun, at, actor)
    db.session.flush()
    return begun


def require_open(creator_id: UUID) -> None:
    """Refuse new work for an account that closes.

    Raises:
        BadInput: it closes, or is closed.
    """
    if of(creator_id) is not None:
        raise BadInput(says("This account is closing: it takes on no new work."))
