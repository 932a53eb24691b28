"""What a processor says of a payout that it took, and what follows for the money.

    accepted   it is on its way, or lies there until its receiver claims it: ask on
    paid       it arrived: the money is the creator's, though it may have failed before
    failed     it did not arrive: the money is available again
    never_claimed   the same, and its creator must look at the destination first

Each may be told any number of times, in any order. `returning` has what was paid and came back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace import statuses
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Draft
from marketplace.payouts import claiming, late_arrival, notices
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Mismatch, Payout, PayoutStatus, give_back, move_held
from marketplace.processors import outbox
from marketplace.processors.base import Op, Snapshot
from marketplace.processors.polled import CHECKS_MAX
from marketplace.statuses import SYSTEM

DAILY = timedelta(days=1)
_ENDED_UNPAID = (PayoutStatus.FAILED, PayoutStatus.RETURNED)
_TAKEN = (PayoutStatus.SENDING, PayoutStatus.UNCLAIMED, PayoutStatus.PAID, *_ENDED_UNPAID)


def paid(payout: Payout, transfer: Snapshot, at: datetime) -> None:
    """The transfer exists: the money is the creator's. The caller has locked the payout.

    Raises:
        Mismatch: the transfer has another amount or another account, or the payout has ended.
    """
    journal.post_many(settle(payout, transfer, at))


def settle(payout: Payout, transfer: Snapshot, at: datetime) -> list[Draft]:
    """Note that the transfer exists; return what to post for it, nothing if it was known."""
    destination = _require_ours(payout, transfer)
    if payout.status in (PayoutStatus.PAID, PayoutStatus.RETURNED):
        if payout.transfer_ref != transfer.remote_id:
            raise Mismatch(f"payout {payout.id} has two transfers at the processor")
        return []
    processor, owner, cause = destination.processor, payout.creator_owner, payout.cause
    _require_sent(payout)
    if statuses.allows(payout, "pay"):
        _go_on(payout, "pay", transfer, at)
        payout.transfer_ref = transfer.remote_id
        drafts = [postings.payout_paid(processor, owner, payout.amount, cause, at)]
    elif statuses.allows(payout, "arrive"):
        drafts = [late_arrival.arrived(payout, processor, transfer.remote_id, at)]
    else:
        raise Mismatch(f"payout {payout.id} is {payout.status}, yet a transfer exists")
    payout.check_no_more()
    if transfer.fee and transfer.fee_ref:
        fee_ref = transfer.fee_ref
        drafts.append(postings.processor_fee_charged(processor, transfer.fee, fee_ref, cause, at))
    return drafts


def accepted(payout: Payout, transfer: Snapshot, at: datetime) -> None:
    """The processor has it, and it has not arrived. The caller has locked the payout.

    Raises:
        Mismatch: it is not what we asked for, or we asked for nothing.
    """
    _require_ours(payout, transfer)
    _require_sent(payout)
    if statuses.allows(payout, "accept"):
        _go_on(payout, "accept", transfer, at)
    if payout.status not in _TAKEN:
        raise Mismatch(f"payout {payout.id} is {payout.status}, yet a transfer is under way")
    if transfer.state == "unclaimed" and statuses.allows(payout, "await_claim"):
        _go_on(payout, "await_claim", transfer, at, _why(transfer))
        claiming.waits(payout, at)
    if payout.status == PayoutStatus.UNCLAIMED or payout.checks > CHECKS_MAX:
        payout.next_check_at = at + DAILY
    elif payout.status == PayoutStatus.SENDING and not payout.checks:
        payout.check_soon(at)


def failed(payout: Payout, transfer: Snapshot, at: datetime) -> None:
    """It did not arrive and never was the creator's. The caller has locked the payout.

    Raises:
        Mismatch: it is not what we asked for, or the payout has ended otherwise.
    """
    _end_unpaid(payout, transfer, "fail", at)


def never_claimed(payout: Payout, transfer: Snapshot, at: datetime) -> None:
    """Its receiver did not fetch it in time. The caller has locked the payout.

    Raises:
        Mismatch: it is not what we asked for, or the payout has ended otherwise.
    """
    _end_unpaid(payout, transfer, "return", at)


def _end_unpaid(payout: Payout, transfer: Snapshot, event: str, at: datetime) -> None:
    _require_ours(payout, transfer)
    if payout.status in (*_ENDED_UNPAID, PayoutStatus.CANCELED):
        return
    _require_sent(payout)
    if not statuses.allows(payout, event) or payout.status == PayoutStatus.PAID:
        raise Mismatch(f"payout {payout.id} is {payout.status}, yet its transfer came to nothing")
    payout.failure = _why(transfer)
    payout.check_no_more()
    _go_on(payout, event, transfer, at, payout.failure)
    told = notices.came_back if event == "return" else notices.did_not_arrive
    told(payout.creator_id, payout.amount, at)
    give_back(payout, at)


def _go_on(payout: Payout, event: str, transfer: Snapshot, at: datetime, why: str = "") -> None:
    """It moves as the processor says; what a person was to find out about it is known by that."""
    outbox.found(Op.TRANSFER, payout.id, transfer.remote_id)
    move_held(payout, event, at, SYSTEM, why)


def _require_sent(payout: Payout) -> None:
    """What was held or called off before it was sent, nobody can have made."""
    waits = payout.status in (PayoutStatus.HELD, PayoutStatus.CANCELED)
    if waits and not outbox.was_sent(Op.TRANSFER, payout.id):
        raise Mismatch(f"payout {payout.id} was never sent, yet a transfer exists")


def _why(transfer: Snapshot) -> str:
    return "; ".join(transfer.requirements) or transfer.state


def _require_ours(payout: Payout, transfer: Snapshot) -> Destination:
    """The destination, if the transfer has the payout's amount and goes there.

    One that was only just taken, or refused as a whole, may not say either.
    """
    destination = db.session.get_one(Destination, payout.destination_id)
    told = (transfer.amount, transfer.account) != (None, None)
    silent = transfer.state in ("pending", "failed") and not told
    if transfer.amount != payout.amount and not silent:
        raise Mismatch(f"payout {payout.id} is {payout.amount}, the transfer {transfer.amount}")
    if transfer.account != destination.remote_account and not silent:
        raise Mismatch(f"the transfer of payout {payout.id} went to {transfer.account}")
    return destination
