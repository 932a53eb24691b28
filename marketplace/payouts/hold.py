"""The end of a hold: a payout that the processor refused is asked for once more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from marketplace import statuses
from marketplace.database.lock import lock_next
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.payouts import creator_hold, shortfall
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.leaving import enqueue, unseen_return
from marketplace.payouts.payout import (
    HOLD_RETRY,
    HoldReason,
    Payout,
    PayoutStatus,
    cancel,
    move_held,
)
from marketplace.payouts.run import LEAVING, PayoutRun
from marketplace.processors import outbox, registry
from marketplace.processors.base import Op
from marketplace.statuses import SYSTEM

REPLACED = says("Your account was replaced. A later run pays to the new one.")
RAIL_OFF = says("Its rail is switched off here: switch it on first, or cancel the payout.")

# Reasons that may be gone by themselves; a review is ended by an operator.
_RETRIED = (HoldReason.PROCESSOR_FUNDS, HoldReason.DESTINATION, HoldReason.OPERATOR)


def release(payout: Payout, actor: str, at: datetime, reason: str = "") -> None:
    """End a hold and ask the processor anew: its last answer was definitive, a new key is safe.

    In a run that is not sent yet the payout takes its place again.

    Raises:
        BadInput: its rail is switched off.
        WrongState: it is not held.
    """
    destination = db.session.get_one(Destination, payout.destination_id)
    if statuses.allows(payout, "release") and not registry.offers(destination.processor):
        raise BadInput("rail off", {"decision": RAIL_OFF})
    move_held(payout, "release", at, actor, reason)
    if db.session.get_one(PayoutRun, payout.run_id).status in LEAVING:
        enqueue(payout, destination, at)


def look_up(payout: Payout, remote_id: str, actor: str, reason: str, at: datetime) -> None:
    """An operator found at the processor what was made of it: it is asked for by that number.

    What the answer says of the money follows by itself; if nothing of ours has that number, the
    payout is held again. The caller has locked it.

    Raises:
        WrongState: no call for it waits for a person.
    """
    in_review = payout.hold_reason == HoldReason.REVIEW
    if not in_review or not outbox.look_up(Op.TRANSFER, payout.id, remote_id):
        raise WrongState("payout", payout.status, "look up")
    move_held(payout, "look_up", at, actor, f"{remote_id}: {reason}")


def release_due(at: datetime) -> bool:
    """Try one held payout again whose reason may be gone by itself; False if there is none.

    What was to go to a destination that was replaced since is called off: a later run pays it.
    """
    payout = lock_next(
        Payout,
        Payout.status == PayoutStatus.HELD,
        Payout.hold_reason.in_(_RETRIED),
        Payout.review_at <= at,
        order_by=Payout.review_at,
    )
    if payout is None:
        return False
    destination = db.session.get_one(Destination, payout.destination_id)
    if destination.status == DestinationStatus.REPLACED:
        cancel(payout, SYSTEM, REPLACED, at)
    elif _may_go_on(payout, destination, at):
        release(payout, SYSTEM, at)
    else:
        payout.review_at = at + HOLD_RETRY
    return True


def _may_go_on(payout: Payout, destination: Destination, at: datetime) -> bool:
    """Is nothing left of what would hold it again at once?"""
    return (
        registry.offers(destination.processor)
        and creator_hold.active(payout.creator_id) is None
        and shortfall.of(payout.currency) is None
        and destination.closed_for(at) is None
        and unseen_return(destination) is None
    )


def next_review() -> datetime | None:
    """When the next held payout is tried again."""
    return db.session.scalar(
        select(func.min(Payout.review_at)).where(
            Payout.status == PayoutStatus.HELD, Payout.hold_reason.in_(_RETRIED)
        )
    )
