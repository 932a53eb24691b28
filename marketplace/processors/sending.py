"""How a request leaves: claimed, marked as sent, tried, and what came of it written down.

    claim_due ─commit─▶ mark_sent ─commit─▶ execute ─▶ record ─commit─▶
                    └─▶ find (past the safe window) ─▶ record, or not_found

No transaction is open while the processor is asked. A worker that dies leaves a lease behind, which
ends; whoever claims the row next sends the same body under the same key.

Retries, leases and look-ups run on wall time. `first_sent_at` is domain time: what the processor
remembers of our keys is on the processor's clock, and the demo clock moves that too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import func, or_, update

from marketplace import clock
from marketplace.database.lock import lock, lock_next
from marketplace.extensions import db
from marketplace.processors import registry
from marketplace.processors.base import IDEMPOTENCY_ERROR, Op, Outcome, Request, Verdict
from marketplace.processors.outbox import (
    UNDER_WAY,
    ProcessorRequest,
    ProcessorTry,
    open_attempt,
    sha256_of,
)
from marketplace.processors.pace import pace

LEASE = timedelta(seconds=90)  # longer than a send and a look-up take together
REPLAYED_FAILURE = "replayed_failure"


@dataclass(frozen=True)
class Claim:
    """A request that this worker alone may try until `lease_until`, which also proves it."""

    request: Request
    lease_until: datetime
    # The processor repeats a failure it stored under our key: sending again tells us nothing.
    replays_failure: bool


@dataclass(frozen=True)
class Try:
    """One network try as it went; times on the wall."""

    kind: Literal["send", "look_up"]
    started_at: datetime
    ended_at: datetime
    outcome: Outcome


def claim_due() -> Claim | None:
    """Lease the request that has been due longest and that nobody holds. The caller commits.

    What was to go to a processor that is no longer set up is left as it is, until it is again.
    """
    wall_at = clock.wall_now()
    row = lock_next(
        ProcessorRequest,
        ProcessorRequest.state.in_(UNDER_WAY),
        ProcessorRequest.next_try_at <= wall_at,
        or_(ProcessorRequest.lease_until.is_(None), ProcessorRequest.lease_until < wall_at),
        ProcessorRequest.livemode == registry.livemode(),
        ProcessorRequest.processor.in_(registry.names()),
        order_by=ProcessorRequest.next_try_at,
    )
    if row is None:
        return None
    row.lease_until = wall_at + LEASE
    row.tries += 1
    request = Request(
        id=row.id,
        processor=row.processor,
        op=Op(row.op),
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        key=row.idem_key,
        body=row.body,
        first_sent_at=row.first_sent_at,
        remote_id=row.remote_id,
    )
    return Claim(request, row.lease_until, row.error_code == REPLAYED_FAILURE)


def window_is_over(claim: Claim, safe_window: timedelta, at: datetime) -> bool:
    """May the processor have forgotten our key? Then a second sending could be a second payment."""
    first_sent_at = claim.request.first_sent_at
    return first_sent_at is not None and at - first_sent_at >= safe_window


def mark_sent(claim: Claim, at: datetime) -> bool:
    """Write down that the call leaves now; the caller commits before it does.

    False if it must not leave: the lease is lost, the request is closed, or its body was changed.
    """
    marked = db.session.execute(
        update(ProcessorRequest)
        .where(
            ProcessorRequest.id == claim.request.id,
            ProcessorRequest.state.in_(UNDER_WAY),
            ProcessorRequest.lease_until == claim.lease_until,
            ProcessorRequest.body_sha256 == sha256_of(ProcessorRequest.__table__.c.body),
        )
        .values(state="sent", first_sent_at=func.coalesce(ProcessorRequest.first_sent_at, at))
        .returning(ProcessorRequest.id)
        .execution_options(synchronize_session=False)
    )
    return marked.first() is not None


def record(claim: Claim, outcome: Outcome, tries: list[Try]) -> ProcessorRequest | None:
    """Write down what came of a request; the caller tells its subject in the same transaction.

    None if the request is no longer this worker's: whoever has it gets the same answer.
    """
    row = _still_ours(claim, tries)
    if row is None:
        return None
    row.lease_until = None
    row.error_code, row.error_message = outcome.code, outcome.message or None
    if outcome.verdict is Verdict.DONE:
        assert outcome.snapshot is not None, "DONE comes with what was made"
        row.state, row.remote_id = "done", outcome.snapshot.remote_id
    elif outcome.verdict is Verdict.REJECTED:
        row.state = "needs_review" if outcome.code == IDEMPOTENCY_ERROR else "rejected"
    else:
        row.state = "unknown"
        row.next_try_at = pace().next_try(row.tries, clock.wall_now())
        if outcome.verdict is Verdict.UNKNOWN and outcome.replayed:
            row.error_code = REPLAYED_FAILURE
    return row


def not_found(claim: Claim, tries: list[Try], *, window_over: bool) -> None:
    """A look-up found nothing. Past the safe window, and twice, that opens the next attempt."""
    row = _still_ours(claim, tries)
    if row is None:
        return
    wall_at = clock.wall_now()
    row.state, row.lease_until = "unknown", None
    row.error_code, row.error_message = tries[-1].outcome.code, None
    if not window_over:
        row.next_try_at = pace().next_try(row.tries, wall_at)
    elif row.missing_since is None or wall_at < pace().look_up_again(row.missing_since):
        row.missing_since = row.missing_since or wall_at
        row.next_try_at = pace().look_up_again(row.missing_since)
    else:
        row.state = "abandoned"
        db.session.flush()
        open_attempt(
            row.processor,
            Op(row.op),
            row.subject_type,
            row.subject_id,
            attempt=row.attempt + 1,
            body=row.body,
        )


def review(claim: Claim, outcome: Outcome, tries: list[Try], why: str) -> ProcessorRequest | None:
    """What was made does not fit what we asked for: a person must look.

    None if the request is no longer this worker's.
    """
    row = _still_ours(claim, tries)
    if row is not None:
        row.state, row.lease_until = "needs_review", None
        row.remote_id = outcome.snapshot.remote_id if outcome.snapshot else None
        row.error_code, row.error_message = "mismatch", why
    return row


def _still_ours(claim: Claim, tries: list[Try]) -> ProcessorRequest | None:
    row = lock(ProcessorRequest, claim.request.id)
    db.session.add_all(_written(claim.request.id, it) for it in tries)
    if row is None or row.state not in UNDER_WAY or row.lease_until != claim.lease_until:
        return None
    return row


def _written(request_id: UUID, it: Try) -> ProcessorTry:
    return ProcessorTry(
        request_id=request_id,
        kind=it.kind,
        started_at=it.started_at,
        ended_at=it.ended_at,
        verdict=it.outcome.verdict,
        http_status=it.outcome.http_status,
        remote_request_id=it.outcome.remote_request_id,
        replayed=it.outcome.replayed,
        error_code=it.outcome.code,
    )
