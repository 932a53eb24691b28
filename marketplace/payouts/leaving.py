"""How a payout leaves: asked of the processor once its run is sent, and looked at once more then.

enqueue     the intent: one transfer, under a key of its own
may_send    the last look, under the payout's lock, in the commit before the call
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select

from marketplace import statuses
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import creator_hold, shortfall
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import (
    HOLD_RETRY,
    HoldReason,
    Payout,
    PayoutStatus,
    put_on_hold,
)
from marketplace.payouts.run import LEAVING, PayoutRun
from marketplace.processors import outbox, registry
from marketplace.processors.bank import Bank
from marketplace.processors.base import TransferIntent
from marketplace.statuses import SYSTEM

_MAY_BE_SENT = (PayoutStatus.RESERVED, PayoutStatus.SENDING, PayoutStatus.UNKNOWN)


def enqueue(payout: Payout, destination: Destination, at: datetime) -> None:
    """Ask the processor for the transfer, under a key of its own.

    The bank is not asked: the payout waits for the next file of its run. A rail that was switched
    off since the run is asked nothing either: an operator must act before anything can leave.
    """
    assert destination.remote_account
    if not registry.offers(destination.processor):
        put_on_hold(payout, HoldReason.REVIEW, f"{destination.processor} is switched off", at)
        return
    if destination.processor == Bank.name:
        return
    payout.asked_at = at
    outbox.enqueue(
        destination.processor,
        TransferIntent(
            subject_type="payout",
            subject_id=payout.id,
            amount=payout.amount,
            remote_account=destination.remote_account,
            description="Creator payout",
        ),
    )


def to_bank() -> ColumnElement[bool]:
    """SQL: does this payout go to a bank account?"""
    accounts = select(Destination.id).where(Destination.processor == Bank.name)
    return Payout.destination_id.in_(accounts)


def may_send(payout: Payout, at: datetime) -> bool:
    """May an attempt be sent that never was? The caller has locked the payout.

    The creator and the destination are looked at once more: since the run, something may have come
    up. So they are before a further attempt: what came before it is known not to have been made.
    """
    if payout.status not in _MAY_BE_SENT:
        return False
    if db.session.get_one(PayoutRun, payout.run_id, populate_existing=True).status not in LEAVING:
        return False
    # Whoever places a hold or replaces the destination meanwhile waits until this has left.
    lock(Creator, payout.creator_id)
    held = creator_hold.active(payout.creator_id)
    if held is not None:
        put_on_hold(payout, HoldReason.OPERATOR, held.reason, at)
        payout.review_at = max(held.review_at, at + HOLD_RETRY)
        return False
    if shortfall.of(payout.currency) is not None:
        not_covered = f"our cash does not cover what is owed in {payout.currency}"
        put_on_hold(payout, HoldReason.PROCESSOR_FUNDS, not_covered, at)
        return False
    destination = db.session.get_one(Destination, payout.destination_id, populate_existing=True)
    why = destination.closed_for(at)
    if why is None and unseen_return(destination) is not None:
        why = "an earlier payout to it came back"
    if why is not None:
        put_on_hold(payout, HoldReason.DESTINATION, why, at)
        return False
    if payout.status == PayoutStatus.RESERVED:
        statuses.advance(payout, "send", at, SYSTEM)
    return True


def unseen_return(destination: Destination) -> Payout | None:
    """The oldest payout that came back from there and whose creator has not confirmed it since."""
    came_back = select(Payout).filter_by(
        destination_id=destination.id, status=PayoutStatus.RETURNED, return_seen_at=None
    )
    return db.session.scalars(came_back.order_by(Payout.id).limit(1)).one_or_none()
