"""A hold on a creator: nothing leaves to them until an operator lifts it.

What a run reserves meanwhile is none of theirs; what was reserved before is held when it would
leave. The creator reads the reason, and by when somebody decides: a hold is never silent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock, lock_all
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus
from marketplace.statuses import Moves, Stateful, Wait, Waits

# Whoever holds somebody's money says within a month what becomes of it.
REVIEW_WITHIN = timedelta(days=30)


class CreatorHoldStatus(StrEnum):
    """Where a hold stands: active ──lift──▶ lifted. Another one is another row."""

    ACTIVE = "active"
    LIFTED = "lifted"


class CreatorHold(Stateful):
    """One block of a creator's payouts, with its reason, owner and day of review."""

    __tablename__ = "creator_hold"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'lifted')", name="status"),
        CheckConstraint("reason <> ''", name="reason_given"),
        Index(
            "uq_creator_hold_active",
            "creator_id",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
    )

    MOVES: ClassVar[Moves] = {(CreatorHoldStatus.ACTIVE, "lift"): CreatorHoldStatus.LIFTED}
    WAITS: ClassVar[Waits] = {
        CreatorHoldStatus.ACTIVE: Wait(on="operator", due=lambda it: it.review_at, then="lift"),
    }

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"))
    reason: Mapped[str]  # the creator reads it
    review_at: Mapped[datetime]
    placed_by: Mapped[str]  # its owner, 'user:<hex>'


def active(creator_id: UUID) -> CreatorHold | None:
    """The hold on this creator, if there is one."""
    statement = select(CreatorHold).where(
        CreatorHold.creator_id == creator_id, CreatorHold.status == CreatorHoldStatus.ACTIVE
    )
    return db.session.scalars(statement).one_or_none()


def place(
    creator_id: UUID, reason: str, review_at: datetime, actor: str, at: datetime
) -> CreatorHold:
    """Hold everything that would leave to this creator.

    Raises:
        BadInput: there is a hold already, or the review is not within `REVIEW_WITHIN`.
    """
    lock(Creator, creator_id)  # no run decides meanwhile
    if active(creator_id) is not None:
        raise BadInput("hold", {"reason": says("There is a hold already.")})
    if not at < review_at <= at + REVIEW_WITHIN:
        days = REVIEW_WITHIN.days
        raise BadInput(
            "review", {"review_on": says("A day to come, within %(days)s days.", days=days)}
        )
    hold = CreatorHold(
        id=new_id(),
        creator_id=creator_id,
        status=CreatorHoldStatus.ACTIVE,
        reason=reason,
        review_at=review_at,
        placed_by=actor,
    )
    statuses.born(hold, at, actor)
    db.session.flush()
    return hold


def lift(hold: CreatorHold, actor: str, reason: str, at: datetime) -> None:
    """Let money leave to the creator again; what waits because of it goes on at once.

    The caller has locked the hold.

    Raises:
        WrongState: it was lifted meanwhile.
    """
    statuses.advance(hold, "lift", at, actor, reason)
    waiting = lock_all(
        Payout,
        Payout.creator_id == hold.creator_id,
        Payout.status == PayoutStatus.HELD,
        Payout.hold_reason == HoldReason.OPERATOR,
        order_by=Payout.id,
    )
    for payout in waiting:
        payout.review_at = at
