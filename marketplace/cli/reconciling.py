"""`flask processors reconcile`: repair what we missed, then compare with the processors."""

from __future__ import annotations

import time
from datetime import datetime
from uuid import UUID

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from marketplace import clock
from marketplace.cli.worker import load_domain_time
from marketplace.extensions import db
from marketplace.processors import registry
from marketplace.reconciliation import run as runs
from marketplace.reconciliation.difference import STANDING, Difference, DifferenceStatus
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS

# What a run finds is handled by these, as the worker would.
JOB_NAMES = ("reconciliation", "webhook events", "refunds to ask about", "payouts to ask about")
PATIENCE_S = 600  # another worker may be at it
TURN_S = 0.2


@click.command("reconcile")
@click.option("--processor", help="Only this one.")
@with_appcontext
def reconcile(processor: str | None) -> None:
    """Repair what never reached us, mirror what moved our money, compare.

    Exit 1 if a difference is new: no run saw it before. One that is known, explained or gone fails
    no run. Operators read all of them under Webhooks, Compared.
    """
    load_domain_time()
    names = [registry.get(processor).name] if processor else registry.names()
    if sum([_reconcile(name) for name in names]):
        raise SystemExit(1)


def _reconcile(processor: str) -> int:
    """Bring a run of this processor to its end and tell of it; return how many gaps are new."""
    at = clock.now()
    begun = runs.under_way(processor) or runs.begin(processor, at)
    db.session.commit()
    assert begun is not None, "it was begun, or is under way"
    run = _finish(begun)
    click.echo(
        f"{processor}: {run.events_found} events had not reached us, {run.movements_found}"
        f" movements were new, {run.asked} objects were asked about"
    )
    for name in run.left_out:
        click.echo(f"  could not be read or followed, so it went on without: {name}")
    standing = db.session.scalars(
        select(Difference)
        .where(Difference.processor == processor, Difference.status.in_(STANDING))
        .order_by(Difference.day, Difference.currency, Difference.type, Difference.leg)
    ).all()
    for it in standing:
        click.echo(
            f"  {it.day} {it.type}: {processor} {it.theirs}, {it.leg} {it.ours}  ({_word(it, at)})"
        )
    if not standing:
        click.echo("  no difference")
    return run.differences_found


def _word(it: Difference, at: datetime) -> str:
    if it.status == DifferenceStatus.EXPLAINED:
        return f"explained: {it.note}"
    return "new" if it.status_at >= at else f"known since {it.first_seen_at:%Y-%m-%d %H:%M}"


def _finish(id: UUID) -> ReconciliationRun:
    jobs = [job for job in JOBS if job.name in JOB_NAMES]
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        work = drain(jobs=jobs)
        if work.failed:
            raise click.ClickException(
                "; ".join(f"{it} failed: {work.failed[it]}" for it in work.failed)
            )
        run = db.session.get_one(ReconciliationRun, id)
        if run.state == "done":
            return run
        if run.last_error:
            raise click.ClickException(
                f"{run.processor} gives no usable answer: {run.last_error}; the worker goes on"
            )
        db.session.remove()
        time.sleep(TURN_S)
    raise click.ClickException("a worker has been at it for long: see its log")
