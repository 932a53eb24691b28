"""From what the processor says now to one call of the domain: webhooks, polls and answers end here.

    apply        a fetched object → the deposit, payout, refund or destination it belongs to
    before_send  may this request leave now?
    answered     what an answer to one of our requests means for its subject
    unfit        … if what was made is not what we asked for

Authentic is not valid: an object that does not fit our row is quarantined, never applied.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from marketplace.campaigns import budget
from marketplace.challenges import pool
from marketplace.database.lock import lock, lock_where
from marketplace.errors import MarketplaceError
from marketplace.funding import chargeback
from marketplace.funding import deposit as deposits
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit, DepositStatus, Purpose
from marketplace.funding.dispute import Dispute
from marketplace.funding.refund import Refund, RefundStatus
from marketplace.payouts import destination as destinations
from marketplace.payouts import leaving, refusal, returning, settling
from marketplace.payouts import payout as payouts
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.processors import outbox, registry
from marketplace.processors.base import IDEMPOTENCY_ERROR, Op, Outcome, Snapshot, Verdict
from marketplace.processors.outbox import ProcessorRequest

_ASKED = (payouts.PayoutStatus.SENDING, payouts.PayoutStatus.UNKNOWN)


class NotYet(MarketplaceError):
    """The object belongs to nothing that we know so far: try again later."""

    code = "not_yet"


class Quarantine(MarketplaceError):
    """The object is authentic but does not fit our row: nothing is applied, an operator looks."""

    code = "quarantine"


def apply(snapshot: Snapshot, at: datetime) -> str:
    """Bring our row to what the processor's object says now; return 'done' or 'ignored'.

    Raises:
        NotYet: the object is not ours, or not yet.
        Quarantine: amount, currency, payee, reference or mode (live or test) differ from ours.
    """
    converge = _CONVERGE.get(snapshot.kind)
    if converge is None:
        return "ignored"
    if snapshot.livemode != registry.livemode():
        raise Quarantine(f"{snapshot.kind} {snapshot.remote_id} is not of our mode, live or test")
    try:
        return converge(snapshot, at)
    except (deposits.Mismatch, payouts.Mismatch) as error:
        raise Quarantine(str(error)) from error


def _subject_id(snapshot: Snapshot) -> UUID:
    try:
        return UUID(hex=snapshot.our_ref or "")
    except ValueError as error:
        raise NotYet(f"{snapshot.kind} {snapshot.remote_id} names nothing of ours") from error


def _checkout(snapshot: Snapshot, at: datetime) -> str:
    deposit = lock(Deposit, _subject_id(snapshot))
    if deposit is None:
        raise NotYet(f"no deposit {snapshot.our_ref}")
    if snapshot.state == "expired":
        deposits.expired(deposit, at)
    elif deposit.status == DepositStatus.CREATED:
        deposits.opened(deposit, snapshot, at)
    return "done"


def _payment(snapshot: Snapshot, at: datetime) -> str:
    deposit = lock(Deposit, _subject_id(snapshot))
    if deposit is None:
        raise NotYet(f"no deposit {snapshot.our_ref}")
    if snapshot.state != "succeeded":
        return "ignored"  # declined or under way: the deposit waits on
    if deposit.purpose == Purpose.CAMPAIGN:
        budget.topped_up(deposit, snapshot, at)
    elif deposit.purpose == Purpose.CHALLENGE:
        pool.topped_up(deposit, snapshot, at)
    else:
        brand = f"brand:{deposit.brand_id.hex}" if deposit.brand_id else None
        deposits.received(deposit, snapshot, at, brand_owner=brand)
    return "done"


def _transfer(snapshot: Snapshot, at: datetime) -> str:
    payout = lock(Payout, _subject_id(snapshot))
    if payout is None:
        raise NotYet(f"no payout {snapshot.our_ref}")
    was_paid = payout.status == payouts.PayoutStatus.PAID
    if snapshot.state == "paid":
        settling.paid(payout, snapshot, at)
    elif snapshot.state in ("pending", "unclaimed"):
        settling.accepted(payout, snapshot, at)
    elif snapshot.state == "reversed" or (was_paid and snapshot.state in ("failed", "returned")):
        returning.returned(payout, snapshot, at)
    elif snapshot.state == "failed":
        settling.failed(payout, snapshot, at)
    elif snapshot.state == "returned":
        settling.never_claimed(payout, snapshot, at)
    else:  # a part of it came back, say: what follows from that, a person decides
        raise Quarantine(f"the transfer of payout {payout.id} is {snapshot.state}")
    return "done"


def _refund(snapshot: Snapshot, at: datetime) -> str:
    refund = lock(Refund, _subject_id(snapshot))
    if refund is None:
        raise NotYet(f"no refund {snapshot.our_ref}")
    refunds.converge(refund, snapshot, at)
    return "done"


def _dispute(snapshot: Snapshot, at: datetime) -> str:
    deposit = lock_where(Deposit, Deposit.charge_ref == snapshot.charge_ref)
    if deposit is None:
        raise NotYet(f"no deposit of charge {snapshot.charge_ref}")
    dispute = lock_where(Dispute, Dispute.dispute_ref == snapshot.remote_id)
    chargeback.converge(deposit, dispute, snapshot, at)
    return "done"


def _recipient(snapshot: Snapshot, at: datetime) -> str:
    destination = lock_where(Destination, Destination.remote_account == snapshot.remote_id)
    if destination is None:
        destination = lock(Destination, _subject_id(snapshot))
    if destination is None:
        raise NotYet(f"no destination {snapshot.remote_id}")
    if destination.remote_account not in (None, snapshot.remote_id):
        raise Quarantine(f"destination {destination.id} has another account")
    destinations.converge(destination, snapshot, at)
    return "done"


_CONVERGE: dict[str, Callable[[Snapshot, datetime], str]] = {
    "checkout": _checkout,
    "payment": _payment,
    "transfer": _transfer,
    "refund": _refund,
    "dispute": _dispute,
    "recipient": _recipient,
}


def before_send(request: ProcessorRequest, at: datetime) -> bool:
    """May this request leave now? A payout is claimed here, under its lock."""
    if request.subject_type != "payout":
        return True
    payout = lock(Payout, request.subject_id)
    return payout is not None and leaving.may_send(payout, at)


def answered(request: ProcessorRequest, outcome: Outcome, at: datetime) -> None:
    """Tell the subject of a request what came of it. BUSY means nothing: the same again later.

    Raises:
        Quarantine: what was made does not fit our row, or is for another one.
    """
    if outcome.verdict is Verdict.DONE:
        assert outcome.snapshot is not None, "DONE comes with what was made"
        if outcome.snapshot.our_ref != request.subject_id.hex:
            raise Quarantine(f"what was made is for {outcome.snapshot.our_ref}")
        apply(outcome.snapshot, at)
    elif outcome.verdict is Verdict.REJECTED:
        _rejected(request, outcome, at)
    elif outcome.verdict is Verdict.UNKNOWN and request.subject_type == "payout":
        payout = lock(Payout, request.subject_id)
        assert payout is not None
        payouts.doubted(payout, outcome.message or "no answer", at)


def unfit(request: ProcessorRequest, why: str, at: datetime) -> None:
    """What was made does not fit our row: a payout is held until an operator has looked."""
    payout = lock(Payout, request.subject_id)  # None if it is about something else
    if payout is not None and payout.status in _ASKED:
        payouts.put_on_hold(payout, payouts.HoldReason.REVIEW, why, at)


def _rejected(request: ProcessorRequest, outcome: Outcome, at: datetime) -> None:
    why = outcome.message or outcome.code or "refused"
    if request.subject_type == "deposit":
        deposit = lock(Deposit, request.subject_id)
        assert deposit is not None
        deposits.rejected(deposit, why, at)
    elif request.subject_type == "refund":
        if outcome.code == IDEMPOTENCY_ERROR:
            return  # it may exist under our key: the money stays set aside until somebody looked
        refund = lock(Refund, request.subject_id)
        assert refund is not None
        if refund.status == RefundStatus.REQUESTED:
            refunds.failed(refund, why, at)
    elif request.subject_type == "destination":
        destination = lock(Destination, request.subject_id)
        assert destination is not None
        destinations.refused(destination, why, at)
    else:
        payout = lock(Payout, request.subject_id)
        assert payout is not None
        if payout.status in _ASKED:
            refusal.refused(payout, outcome.code or "refused", why, at)
        elif payout.transfer_ref is not None:
            # We have heard of it meanwhile, so nobody needs to look into what we cannot ask for.
            outbox.found(Op.TRANSFER, payout.id, payout.transfer_ref)
