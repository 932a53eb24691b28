"""A destination: the creator's account at the processor, to which payouts go.

Where money goes is never edited: another account is another row, and the old one is *replaced*.
Each new one cools off before it is paid, the first one too: whoever took over a log-in meets an
owner who has been told by mail, and three days in which to say so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import notices
from marketplace.processors import outbox
from marketplace.processors.base import RecipientIntent, Snapshot
from marketplace.processors.polled import Polled
from marketplace.statuses import Moves, Stateful, Wait, Waits

PROCESSOR = "stripe"

# From when a destination can receive for the first time until it is paid.
COOLING = timedelta(hours=72)


class DestinationStatus(StrEnum):
    """Where a destination stands. What the processor says moves it, never a visit to our page.

    requested ──open──▶ onboarding ──activate──▶ active
        │                    │  ▲                 │  ▲
      refuse              restrict │            restrict activate
        ▼                    ▼  activate          ▼  │
     refused ◀─withdraw─  restricted ◀────────────┘──┘

    onboarding, active and restricted ──replace──▶ replaced

    An address at PayPal begins as onboarding: its owner confirms it by the link of a mail, or
    withdraws it and names another. So does a bank account, which an operator accepts or refuses.
    """

    REQUESTED = "requested"
    ONBOARDING = "onboarding"
    ACTIVE = "active"
    RESTRICTED = "restricted"
    REFUSED = "refused"
    REPLACED = "replaced"


class Destination(Polled, Stateful):
    """One account at one processor. Its remote account is written once."""

    __tablename__ = "destination"
    __table_args__ = (
        CheckConstraint(
            "status IN ('requested', 'onboarding', 'active', 'restricted', 'refused', 'replaced')",
            name="status",
        ),
        CheckConstraint(
            "(status <> 'requested' OR remote_account IS NULL)"
            " AND (status IN ('requested', 'refused') OR remote_account IS NOT NULL)",
            name="remote_account_once_opened",
        ),
        # An address at PayPal or a bank account may be that of a household: several may name it.
        Index(
            "uq_destination_remote_account",
            "remote_account",
            unique=True,
            postgresql_where=text("processor NOT IN ('paypal', 'bank')"),
        ),
        CheckConstraint("status <> 'active' OR usable_at IS NOT NULL", name="active_is_usable"),
        # One destination per creator and processor, but for those that were refused or replaced.
        Index(
            "uq_destination_current",
            "creator_id",
            "processor",
            unique=True,
            postgresql_where=text("status NOT IN ('refused', 'replaced')"),
        ),
    )

    MOVES: ClassVar[Moves] = {
        (DestinationStatus.REQUESTED, "open"): DestinationStatus.ONBOARDING,
        (DestinationStatus.REQUESTED, "refuse"): DestinationStatus.REFUSED,
        (DestinationStatus.ONBOARDING, "activate"): DestinationStatus.ACTIVE,
        (DestinationStatus.ONBOARDING, "withdraw"): DestinationStatus.REFUSED,
        (DestinationStatus.ONBOARDING, "refuse"): DestinationStatus.REFUSED,
        (DestinationStatus.ONBOARDING, "restrict"): DestinationStatus.RESTRICTED,
        (DestinationStatus.ACTIVE, "restrict"): DestinationStatus.RESTRICTED,
        (DestinationStatus.RESTRICTED, "activate"): DestinationStatus.ACTIVE,
        (DestinationStatus.ONBOARDING, "replace"): DestinationStatus.REPLACED,
        (DestinationStatus.ACTIVE, "replace"): DestinationStatus.REPLACED,
        (DestinationStatus.RESTRICTED, "replace"): DestinationStatus.REPLACED,
    }
    WAITS: ClassVar[Waits] = {
        DestinationStatus.REQUESTED: Wait(on="processor", due=lambda it: None, then="open"),
        # A bank account waits for an operator: see `requirements`.
        DestinationStatus.ONBOARDING: Wait(on="creator", due=lambda it: None, then="activate"),
        DestinationStatus.RESTRICTED: Wait(on="creator", due=lambda it: None, then="activate"),
    }

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"))
    processor: Mapped[str]
    # At PayPal the address to which it pays; of a bank account what may be shown of it.
    remote_account: Mapped[str | None]
    requirements: Mapped[list[str]] = mapped_column(ARRAY(String), default=list)
    refusal: Mapped[str | None]
    created_at: Mapped[datetime]
    usable_at: Mapped[datetime | None]  # when it could receive for the first time

    def cools_until(self, at: datetime) -> datetime | None:
        """Until when it is not paid though it can receive; None if it has cooled off by `at`."""
        until = self.usable_at + COOLING if self.usable_at else None
        return until if until and until > at else None

    def closed_for(self, at: datetime) -> str | None:
        """Why nothing may go there now; None if something may."""
        if self.status == DestinationStatus.REPLACED:
            return "the creator has replaced the destination"
        if self.status != DestinationStatus.ACTIVE:
            return "the destination cannot receive money"
        if self.cools_until(at):
            return "the destination is new and cools off"
        return None

    def opens_by_itself(self, at: datetime) -> bool:
        """Is it closed for nothing that its creator must do: was it replaced, or does it cool?"""
        cools = self.status == DestinationStatus.ACTIVE and self.cools_until(at) is not None
        return cools or self.status == DestinationStatus.REPLACED


def current(creator_id: UUID) -> Destination | None:
    """The destination that payouts of this creator go to, in whatever status."""
    statement = select(Destination).where(
        Destination.creator_id == creator_id,
        Destination.status.not_in((DestinationStatus.REFUSED, DestinationStatus.REPLACED)),
    )
    return db.session.scalars(statement).one_or_none()


def connect(creator_id: UUID, email: str, currency: str, actor: str, at: datetime) -> Destination:
    """Ask the processor to open an account for this creator; a second ask returns the first."""
    creator = lock(Creator, creator_id)  # two clicks at once: the second waits, then finds
    assert creator is not None
    existing = current(creator_id)
    if existing is not None:
        return existing
    destination = Destination(
        id=new_id(),
        creator_id=creator_id,
        processor=PROCESSOR,
        status=DestinationStatus.REQUESTED,
        requirements=[],
        created_at=at,
    )
    statuses.born(destination, at, actor)
    db.session.flush()
    outbox.enqueue(
        PROCESSOR,
        RecipientIntent(
            subject_type="destination",
            subject_id=destination.id,
            email=email,
            name=creator.name,
            country=creator.country,
            currency=currency,
        ),
    )
    notices.asked_for(creator, at)
    return destination


def replace(creator_id: UUID, email: str, currency: str, actor: str, at: datetime) -> Destination:
    """Be paid to another account from now on: the old destination is retired, a new one begins.

    Raises:
        WrongState: the old one is still being opened.
    """
    retire(creator_id, actor, at)
    return connect(creator_id, email, currency, actor, at)


def retire(creator_id: UUID, actor: str, at: datetime) -> None:
    """Nothing more goes to the present destination, if there is one.

    Raises:
        WrongState: it is still being opened.
    """
    lock(Creator, creator_id)  # no run decides meanwhile
    found = current(creator_id)
    old = lock(Destination, found.id) if found else None
    if old is not None:
        statuses.advance(old, "replace", at, actor)
        old.check_no_more()
        db.session.flush()


def visited(destination: Destination, at: datetime) -> None:
    """The creator goes to the processor's onboarding page: ask soon how it went."""
    destination.check_soon(at)


def refused(destination: Destination, why: str, at: datetime) -> None:
    """The processor does not open an account for this creator."""
    if destination.status == DestinationStatus.REQUESTED:
        destination.refusal = why
        statuses.advance(destination, "refuse", at, statuses.SYSTEM, why)


def converge(destination: Destination, snapshot: Snapshot, at: datetime) -> None:
    """Bring a destination to what the processor says of it now. The caller has locked it."""
    if destination.status == DestinationStatus.REQUESTED:
        destination.remote_account = snapshot.remote_id
        statuses.advance(destination, "open", at, statuses.SYSTEM)
    destination.requirements = list(snapshot.requirements)
    if snapshot.state == "active":
        destination.check_no_more()
    event = {"active": "activate", "restricted": "restrict"}.get(snapshot.state)
    if event and statuses.allows(destination, event):
        if event == "activate":
            begin_cooling(destination, at)
        statuses.advance(destination, event, at, statuses.SYSTEM, "; ".join(snapshot.requirements))


def begin_cooling(destination: Destination, at: datetime) -> None:
    """It can receive; if that is for the first time, it cools off from now on."""
    if destination.usable_at is None:
        destination.usable_at = at
        notices.usable(destination.creator_id, at + COOLING, at)
