"""An address at PayPal as a destination: named by its creator, confirmed by the link of a mail.

PayPal has no account of ours to open and nothing to onboard: it pays whoever the address belongs
to. So the address must be right, and theirs, before anything goes there.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import notices
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.processors.paypal import PayPal

PROCESSOR = PayPal.name
CONFIRM = "paypal.address"  # the one thing that is required of its owner


def name(creator_id: UUID, address: str, actor: str, at: datetime) -> Destination:
    """Write down where this creator wants to be paid; a second ask returns the first."""
    creator = lock(Creator, creator_id)  # two clicks at once: the second waits, then finds
    assert creator is not None
    existing = destinations.current(creator_id)
    if existing is not None:
        return existing
    destination = Destination(
        id=new_id(),
        creator_id=creator_id,
        processor=PROCESSOR,
        status=DestinationStatus.ONBOARDING,
        remote_account=address.lower(),
        requirements=[CONFIRM],
        created_at=at,
    )
    statuses.born(destination, at, actor)
    db.session.flush()
    notices.asked_for(creator, at)
    return destination


def replace(creator_id: UUID, address: str, actor: str, at: datetime) -> Destination:
    """Be paid at this address from now on: the old destination is retired.

    A second ask returns the first, as long as that waits to be confirmed.

    Raises:
        WrongState: the old one is still being opened.
    """
    lock(Creator, creator_id)
    if not waits(destinations.current(creator_id)):
        destinations.retire(creator_id, actor, at)
    return name(creator_id, address, actor, at)


def waits(destination: Destination | None) -> bool:
    """Is this an address that nobody has confirmed yet?"""
    return (
        destination is not None
        and destination.processor == PROCESSOR
        and destination.status == DestinationStatus.ONBOARDING
    )


def confirm(destination: Destination, at: datetime) -> None:
    """Whoever reads the mail of this address says that it is theirs. The caller has locked it.

    A second click changes nothing.
    """
    if waits(destination):
        destination.requirements = []
        destinations.begin_cooling(destination, at)
        statuses.advance(destination, "activate", at, statuses.SYSTEM)


def withdraw(destination: Destination, actor: str, at: datetime) -> None:
    """Its creator names another one instead; only while it is not confirmed. Locked by the caller.

    Raises:
        WrongState: it is confirmed, or gone already.
    """
    statuses.advance(destination, "withdraw", at, actor)
