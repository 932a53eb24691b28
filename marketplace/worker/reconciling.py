"""One step of a reconciliation, from claim to commit; the network is asked with nothing open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from marketplace import clock
from marketplace.database.lock import lock, lock_next
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.processors import registry
from marketplace.processors.pace import pace
from marketplace.reconciliation import asking, comparing, difference
from marketplace.reconciliation import run as runs
from marketplace.reconciliation.asking import Question
from marketplace.reconciliation.mirror import mirror, moved_by
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.webhooks import converge, inbox
from marketplace.webhooks.event import WebhookEvent

LEASE = timedelta(seconds=90)  # longer than one page takes
TRIES_MAX = 8  # over one object, some 80 minutes in all; then the run goes on without it
BREATH = timedelta(seconds=0.5)  # for the inbox, before it is looked at again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Claim:
    """A run whose next step is ours."""

    id: UUID
    processor: str
    state: str
    since: datetime
    cursor: str | None
    tries: int


def reconcile_next(at: datetime) -> bool:
    """Begin a daily run that is due, or take one step of a run; False if there is none."""
    if runs.begin_daily(at):
        return True
    wall_at = clock.wall_now()
    run = lock_next(
        ReconciliationRun,
        ReconciliationRun.state != "done",
        ReconciliationRun.next_try_at <= wall_at,
        order_by=ReconciliationRun.next_try_at,
    )
    if run is None:
        return False
    claim = _Claim(run.id, run.processor, run.state, run.since, run.cursor, run.tries)
    run.next_try_at = wall_at + LEASE
    db.session.commit()
    try:
        done = _STEPS[claim.state](claim, at)
    except Exception as error:
        # Whatever is wrong with this one step, other processors' runs go on; it is tried again.
        db.session.rollback()
        log.warning("reconcile: %s of %s: %s", claim.state, claim.processor, error)
        _postpone(claim, error)
        done = True
    db.session.commit()
    return done


def _list_events(claim: _Claim, at: datetime) -> bool:
    page = registry.get(claim.processor).changes(claim.since, claim.cursor)
    found = inbox.store_listed(claim.processor, page.rows)
    run = _locked(claim)
    run.events_found += found
    _leave_out(run, [f"event {it}" for it in page.unreadable])
    run.go_on("movements" if page.next is None else "events", page.next)
    return True


def _list_movements(claim: _Claim, at: datetime) -> bool:
    page = registry.get(claim.processor).movements(claim.since, claim.cursor)
    run = _locked(claim)
    run.movements_found += mirror(claim.processor, page.rows)
    _leave_out(run, [f"movement {it}" for it in page.unreadable])
    if page.next is None:
        asking.ask_again(at)
    run.go_on("asking" if page.next is None else "movements", page.next)
    return True


def _ask(claim: _Claim, at: datetime) -> bool:
    """Fetch one object and follow it, as an event about it would; in the end go on without it."""
    run = _locked(claim)
    question = asking.next_question(run)
    if question is None:
        run.settle()
        return True
    db.session.commit()
    try:
        moved = _follow(claim.processor, question, at)
    except Exception as error:
        if claim.tries + 1 < TRIES_MAX:
            raise
        db.session.rollback()
        run = _locked(claim)
        _leave_out(run, [f"{question.kind} {question.remote_id}: {_said(error)}"])
    else:
        run = _locked(claim)
        run.movements_found += moved
        run.asked += 1
    run.go_on("asking", question.cursor)
    return True


def _follow(processor: str, question: Question, at: datetime) -> int:
    """Bring our row to what the object says, and mirror what it moved; return how many are new."""
    snapshot = registry.get(processor).fetch(question.kind, question.remote_id, None)
    try:
        converge.apply(snapshot, at)
        db.session.commit()
    except (converge.NotYet, converge.Quarantine) as error:
        # Whatever keeps it from being followed, the comparison shows what is missing.
        db.session.rollback()
        log.warning("reconcile: %s %s: %s", question.kind, question.remote_id, error)
    return mirror(processor, moved_by(snapshot))


def _settle(claim: _Claim, at: datetime) -> bool:
    """Compare, once the inbox has handled what it had when settling began; False while not."""
    run = _locked(claim)
    fresh = select(WebhookEvent.id).where(
        WebhookEvent.processor == run.processor,
        WebhookEvent.state == "new",
        WebhookEvent.received_at <= (run.settling_since or clock.wall_now()),
    )
    if db.session.scalar(fresh.limit(1)) is not None:
        run.next_try_at = clock.wall_now() + BREATH
        return False
    since = runs.compared_since(run)
    lines = comparing.compare(run.processor, since, run.started_at)
    gaps = comparing.gaps(run.processor, lines)
    run.differences_found = difference.record(run, gaps, since, at)
    run.go_on("done")
    run.finished_at = at
    return True


_STEPS: Mapping[str, Callable[[_Claim, datetime], bool]] = {
    "events": _list_events,
    "movements": _list_movements,
    "asking": _ask,
    "settling": _settle,
}


def _locked(claim: _Claim) -> ReconciliationRun:
    run = lock(ReconciliationRun, claim.id)
    assert run is not None, "runs are never removed"
    return run


def _postpone(claim: _Claim, error: Exception) -> None:
    run = _locked(claim)
    run.tries += 1
    run.last_error = _said(error)
    run.next_try_at = pace().next_try(run.tries, clock.wall_now())


def _leave_out(run: ReconciliationRun, names: list[str]) -> None:
    run.leave_out(names)
    for name in names:
        log.error("reconcile: %s goes on without %s", run.processor, name)


def _said(error: Exception) -> str:
    """Our own refusals say it for people; of any other error its type says more."""
    said = str(error) if isinstance(error, MarketplaceError) else f"{type(error).__name__}: {error}"
    return said[:500]
