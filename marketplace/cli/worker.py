"""`flask worker`, and what it does with requests to processors, by hand."""

from __future__ import annotations

import gc
import logging

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from marketplace import demo_clock
from marketplace.config import Settings
from marketplace.extensions import db
from marketplace.processors.outbox import STATES, ProcessorRequest
from marketplace.worker import loop
from marketplace.worker.draining import Work, drain
from marketplace.worker.jobs import JOBS

LISTED_MAX = 200


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what is due now, then end; exit 1 if a job failed.")
@with_appcontext
def worker(once: bool) -> None:
    """Do whatever falls due: requests, events, mail, maturity, payout runs."""
    if once:
        load_domain_time()
        report(drain())
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    gc.freeze()  # what is loaded stays: no collection looks through it again
    loop.run(current_app._get_current_object())  # type: ignore[attr-defined]


@click.group()
def processors() -> None:
    """Requests to payment processors."""


@processors.command("send")
@with_appcontext
def send_requests() -> None:
    """Send the requests that are due now."""
    load_domain_time()
    report(drain(jobs=[job for job in JOBS if job.name == "processor requests"]))


@processors.command("list")
@click.option("--state", type=click.Choice(STATES), default="needs_review", show_default=True)
@with_appcontext
def list_requests(state: str) -> None:
    """List requests in one state, the oldest first."""
    oldest_first = (
        select(ProcessorRequest)
        .where(ProcessorRequest.state == state)
        .order_by(ProcessorRequest.created_at)
        .limit(LISTED_MAX)
    )
    for row in db.session.scalars(oldest_first):
        click.echo(
            f"{row.created_at:%Y-%m-%d %H:%M:%S}  {row.idem_key}  {row.subject_type}"
            f"  tries={row.tries}  {row.remote_id or '-'}"
            f"  {row.error_code or ''} {row.error_message or ''}"
        )


def load_domain_time() -> None:
    """Run this command on domain time, which the demo clock may have moved."""
    settings: Settings = current_app.extensions["settings"]
    if settings.sandbox:
        demo_clock.load()


def report(work: Work) -> None:
    """Say what was done; exit 1 if a job failed."""
    for name, units in work.done.items():
        click.echo(f"{name}: {units}")
    for name, error in work.failed.items():
        click.echo(f"{name} failed: {error}", err=True)
    if work.failed:
        raise SystemExit(1)
