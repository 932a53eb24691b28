"""A creator: who earns, in which country and time zone, and how often they want to be paid."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db
from marketplace.parties.user import User

RHYTHMS = ("weekly", "monthly")


class Creator(Base):
    """A person who earns. The handle is how imports and pages name them."""

    __tablename__ = "creator"
    __table_args__ = (
        CheckConstraint("handle = lower(handle)", name="handle_lower_case"),
        CheckConstraint("payout_rhythm IN ('weekly', 'monthly')", name="payout_rhythm"),
        # Whose schedule it is, read from the index alone: a run asks it of every balance above 0.
        Index(
            "ix_creator_schedule",
            "id",
            postgresql_include=["payout_rhythm", "time_zone", "payout_rhythm_at"],
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"), unique=True)
    handle: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    country: Mapped[str]  # ISO 3166-1 alpha-2
    time_zone: Mapped[str]
    payout_rhythm: Mapped[str] = mapped_column(default="monthly")
    payout_rhythm_at: Mapped[datetime]  # since when: runs that were due before do not count
    created_at: Mapped[datetime]

    @property
    def ledger_owner(self) -> str:
        return f"creator:{self.id.hex}"

    def choose_rhythm(self, rhythm: str, at: datetime) -> None:
        """Be paid weekly or monthly from the next run on.

        Raises:
            BadInput: neither of the two.
        """
        if rhythm not in RHYTHMS:
            raise BadInput("rhythm", {"payout_rhythm": says("choose weekly or monthly")})
        if rhythm != self.payout_rhythm:
            self.payout_rhythm, self.payout_rhythm_at = rhythm, at

    def move_to(self, time_zone: str, at: datetime) -> None:
        """Be paid at 09:00 of another time zone from the next run on; it is another schedule."""
        if time_zone != self.time_zone:
            self.time_zone, self.payout_rhythm_at = time_zone, at


def join(user: User, handle: str, country: str, time_zone: str, at: datetime) -> Creator:
    """Begin as a creator.

    Raises:
        BadInput: somebody has this handle.
    """
    handle = handle.strip().lower()
    if by_handle(handle) is not None:
        raise BadInput("handle", {"handle": says("This handle is taken.")})
    creator = Creator(
        user_id=user.id,
        handle=handle,
        name=user.name,
        country=country,
        time_zone=time_zone,
        payout_rhythm_at=at,
        created_at=at,
    )
    db.session.add(creator)
    db.session.flush()
    return creator


def by_handle(handle: str) -> Creator | None:
    """The creator of this handle, in any case of letters."""
    return db.session.scalars(
        select(Creator).where(Creator.handle == handle.strip().lower())
    ).one_or_none()


def of_user(user: User) -> Creator | None:
    """The creator this person is, if they are one."""
    return db.session.scalars(select(Creator).where(Creator.user_id == user.id)).one_or_none()
