"""What a run asks about by itself: each object whose news may never have reached us.

Of a processor with lists: what moved our money while no posting of ours says so. Of any other:
every transfer that we asked it for within the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import cast
from uuid import UUID

from sqlalchemy import select, text, update

from marketplace.extensions import db
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.funding.refund import Refund, RefundStatus
from marketplace.payouts.destination import PROCESSOR, Destination, DestinationStatus
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.processors import registry
from marketplace.processors.base import Kind, Op
from marketplace.processors.outbox import ProcessorRequest
from marketplace.reconciliation.comparing import POSTING_KEY
from marketplace.reconciliation.run import WINDOW, ReconciliationRun, compared_since

_UNPOSTED = f"""
    SELECT m.id, m.object_kind, m.object_id FROM balance_transaction m
     WHERE m.processor = :processor AND m.id > :after AND m.created_at >= :since
       AND m.object_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM ledger.transaction WHERE idempotency_key = {POSTING_KEY})
     ORDER BY m.id LIMIT 1
"""


@dataclass(frozen=True)
class Question:
    """One object to fetch; `cursor` goes on after it."""

    cursor: str
    kind: Kind
    remote_id: str


def next_question(run: ReconciliationRun) -> Question | None:
    """The next object that this run should fetch; None if that was all."""
    return _unposted(run) if registry.get(run.processor).lists else _requested(run)


def _unposted(run: ReconciliationRun) -> Question | None:
    since = datetime.combine(compared_since(run), time.min, UTC)
    found = db.session.execute(
        text(_UNPOSTED),
        {"processor": run.processor, "after": int(run.cursor or 0), "since": since},
    ).one_or_none()
    if found is None:
        return None
    return Question(str(found.id), cast(Kind, found.object_kind), found.object_id)


def _requested(run: ReconciliationRun) -> Question | None:
    asked = (
        select(ProcessorRequest)
        .where(
            ProcessorRequest.processor == run.processor,
            ProcessorRequest.op == Op.TRANSFER,
            ProcessorRequest.state == "done",
            ProcessorRequest.first_sent_at >= run.started_at - WINDOW,
        )
        .order_by(ProcessorRequest.id)
        .limit(1)
    )
    if run.cursor:
        asked = asked.where(ProcessorRequest.id > UUID(hex=run.cursor))
    request = db.session.scalars(asked).one_or_none()
    if request is None:
        return None
    assert request.remote_id is not None, "what is done was made"
    return Question(request.id.hex, "transfer", request.remote_id)


def ask_again(at: datetime) -> None:
    """Let the worker ask again about what is still open and nobody asks about any more.

    And about every destination at Stripe: no list of ours tells of what becomes of an account.
    """
    waiting = (
        (Deposit, Deposit.status == DepositStatus.PENDING),
        (Refund, Refund.status == RefundStatus.REQUESTED),
        (
            Payout,
            Payout.status.in_((PayoutStatus.SENDING, PayoutStatus.UNKNOWN, PayoutStatus.UNCLAIMED)),
        ),
        (
            Destination,
            (Destination.processor == PROCESSOR)
            & Destination.remote_account.is_not(None)
            & Destination.status.not_in((DestinationStatus.REFUSED, DestinationStatus.REPLACED)),
        ),
    )
    for model, is_open in waiting:
        db.session.execute(
            update(model)
            .where(is_open, model.next_check_at.is_(None))
            .values(next_check_at=at)
            .execution_options(synchronize_session=False)
        )
