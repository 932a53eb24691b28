"""One request to a processor, from claim to answer.

    send_next
      claim              lease the row                                      commit 1
      _may_leave         converge.before_send, for the first time only      commit 2
      _send, _look_up    execute; or find, past the safe window or by name  no transaction
      _record            the answer, its tries, and what follows from it    commit 3

A worker that dies in between leaves a lease that ends, and a row that says what was begun.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from marketplace import clock
from marketplace.extensions import db
from marketplace.failpoints import Point, failpoint
from marketplace.processors import outbox, registry, sending
from marketplace.processors.base import (
    IDEMPOTENCY_ERROR,
    NOT_FOUND,
    Op,
    Outcome,
    Processor,
    Request,
    Verdict,
)
from marketplace.processors.outbox import ProcessorRequest
from marketplace.processors.sending import Claim, Try
from marketplace.webhooks import converge

JOB = "processor requests"


def send_next(at: datetime) -> bool:
    """Try the request that has been due longest; False if none is due."""
    claim = sending.claim_due()
    failpoint(JOB, Point.WRITTEN)
    db.session.commit()
    if claim is None:
        return False
    processor = registry.get(claim.request.processor)
    window_over = sending.window_is_over(claim, processor.safe_window, at)
    named = claim.request.remote_id is not None
    if window_over or named or claim.replays_failure:
        _look_up(claim, processor, window_over=window_over)
    elif _may_leave(claim, at):
        _send(claim, processor)
    return True


def _may_leave(claim: Claim, at: datetime) -> bool:
    """Mark the request as sent, durably; its subject is locked first, as a cancelation does."""
    request = claim.request
    if request.first_sent_at is None:
        row = db.session.get_one(ProcessorRequest, request.id)
        if not converge.before_send(row, at):
            outbox.abandon(Op(request.op), request.subject_id)
            failpoint(JOB, Point.BEFORE_COMMIT)
            db.session.commit()
            return False
    if not sending.mark_sent(claim, at):
        db.session.rollback()
        return False
    failpoint(JOB, Point.BEFORE_COMMIT)
    db.session.commit()
    failpoint(JOB, Point.BEFORE_CALL)
    return True


def _send(claim: Claim, processor: Processor) -> None:
    tries = [_try("send", processor.execute, claim.request)]
    outcome = tries[0].outcome
    doubtful = claim.request.first_sent_at is not None or outcome.code == IDEMPOTENCY_ERROR
    if outcome.verdict is Verdict.REJECTED and doubtful:
        # An earlier call may have worked, and this refusal may only say that we may no longer ask,
        # or that our key is known with another body: it counts once a look-up agrees.
        tries.append(_try("look_up", processor.find, claim.request))
        if not _is_absent(tries[1].outcome):
            outcome = tries[1].outcome
    _record(claim, outcome, tries)


def _look_up(claim: Claim, processor: Processor, *, window_over: bool) -> None:
    tries = [_try("look_up", processor.find, claim.request)]
    if _is_absent(tries[0].outcome):
        sending.not_found(claim, tries, window_over=window_over)
        db.session.commit()
    else:
        _record(claim, tries[0].outcome, tries)


def _is_absent(outcome: Outcome) -> bool:
    return outcome.verdict is Verdict.REJECTED and outcome.code == NOT_FOUND


def _record(claim: Claim, outcome: Outcome, tries: list[Try]) -> None:
    """Commit an answer together with what follows from it."""
    try:
        if outcome.snapshot is not None and outcome.snapshot.livemode != registry.livemode():
            raise converge.Quarantine("what was made is not of our mode, live or test")
        row = sending.record(claim, outcome, tries)
        if row is not None:
            converge.answered(row, outcome, clock.now())
        db.session.commit()
    except (converge.NotYet, converge.Quarantine) as error:
        db.session.rollback()
        row = sending.review(claim, outcome, tries, str(error))
        if row is not None:
            converge.unfit(row, str(error), clock.now())
        db.session.commit()


def _try(
    kind: Literal["send", "look_up"], ask: Callable[[Request], Outcome], request: Request
) -> Try:
    started_at = clock.wall_now()
    outcome = ask(request)
    failpoint(JOB, Point.ANSWERED)
    return Try(kind, started_at, clock.wall_now(), outcome)
