"""Membership: that a creator takes part, from an approved application on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.metrics import facts
from marketplace.metrics.profile import GOOD, SUSPENDED
from marketplace.statuses import Moves, Stateful, Wait, Waits

REASONS = ("inauthentic", "policy", "disputes", "identity", "other")


class MembershipStatus(StrEnum):
    """Where a membership stands.

    active ──suspend──▶ suspended
       ▲                    │
       └────────lift────────┘
    """

    ACTIVE = "active"
    SUSPENDED = "suspended"


class ProgramMembership(Stateful):
    """One creator in the program. A suspended one keeps what they earned, but starts nothing."""

    __tablename__ = "program_membership"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
        CheckConstraint(
            "(status = 'suspended') = (reason_code IS NOT NULL)", name="suspended_with_reason"
        ),
    )

    MOVES: ClassVar[Moves] = {
        (MembershipStatus.ACTIVE, "suspend"): MembershipStatus.SUSPENDED,
        (MembershipStatus.SUSPENDED, "lift"): MembershipStatus.ACTIVE,
    }
    WAITS: ClassVar[Waits] = {
        MembershipStatus.SUSPENDED: Wait(on="operator", due=lambda it: None, then="lift"),
    }

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), unique=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("program_application.id"), unique=True)
    reason_code: Mapped[str | None]  # of the suspension
    reason_text: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


def of_creator(creator_id: UUID) -> ProgramMembership | None:
    """The membership of this creator, suspended or not."""
    statement = select(ProgramMembership).where(ProgramMembership.creator_id == creator_id)
    return db.session.scalars(statement).one_or_none()


def is_member(creator_id: UUID) -> bool:
    """Does this creator take part now? A suspended one does not."""
    membership = of_creator(creator_id)
    return membership is not None and membership.status == MembershipStatus.ACTIVE


def begin(creator_id: UUID, application_id: UUID, actor: str, at: datetime) -> ProgramMembership:
    """The creator takes part from now on."""
    membership = ProgramMembership(
        id=new_id(),
        creator_id=creator_id,
        application_id=application_id,
        status=MembershipStatus.ACTIVE,
        created_at=at,
    )
    statuses.born(membership, at, actor)
    facts.set_standing(creator_id, member=True, standing=GOOD)
    db.session.flush()
    return membership


def suspend(
    membership: ProgramMembership, reason_code: str, reason_text: str, actor: str, at: datetime
) -> None:
    """Keep the creator from starting anything new, with a reason. The caller has locked it.

    Raises:
        BadInput: no such reason.
        WrongState: it is suspended already.
    """
    if reason_code not in REASONS:
        raise BadInput("reason_code", {"reason_code": says("Please choose one of the list.")})
    statuses.advance(membership, "suspend", at, actor, f"{reason_code}: {reason_text}")
    membership.reason_code, membership.reason_text = reason_code, reason_text
    facts.set_standing(membership.creator_id, member=False, standing=SUSPENDED)


def lift(membership: ProgramMembership, actor: str, reason: str, at: datetime) -> None:
    """The creator takes part again. The caller has locked the membership.

    Raises:
        WrongState: it is not suspended.
    """
    statuses.advance(membership, "lift", at, actor, reason)
    membership.reason_code, membership.reason_text = None, ""
    facts.set_standing(membership.creator_id, member=True, standing=GOOD)
