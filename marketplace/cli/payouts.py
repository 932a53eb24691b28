"""`flask payouts …`: money out, by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from marketplace import clock
from marketplace.cli.acting import as_operator, operator
from marketplace.cli.sweeps import sweep
from marketplace.cli.thresholds import thresholds
from marketplace.cli.worker import load_domain_time, report
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_file, hold, opening
from marketplace.payouts import payout as domain
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.payout import OPEN, Payout, PayoutStatus
from marketplace.statuses import SYSTEM
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS, Job

LISTED_MAX = 200
RUN_JOBS = (
    *("payout run lines", "decided payout runs", "approved payout runs"),
    *("payouts to ask for", "bank files", "payouts of rejected runs", "finished payout runs"),
)


@click.group()
def payouts() -> None:
    """Money that leaves to creators."""


payouts.add_command(thresholds)
payouts.add_command(sweep)


@payouts.command("list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in PayoutStatus]),
    multiple=True,
    help="Several are allowed; all that are on their way if none.",
)
@with_appcontext
def list_payouts(status: tuple[str, ...]) -> None:
    """List payouts, the oldest first."""
    rows = db.session.execute(
        select(Payout, Creator.handle)
        .join(Creator, Creator.id == Payout.creator_id)
        .where(Payout.status.in_(status or OPEN))
        .order_by(Payout.created_at, Payout.id)
        .limit(LISTED_MAX)
    )
    for payout, handle in rows:
        click.echo(
            f"{payout.created_at:%Y-%m-%d %H:%M:%S}  {payout.id}  @{handle}  {payout.amount}"
            f"  {payout.status}  {payout.hold_reason or payout.failure or ''}".rstrip()
        )


@payouts.command("cancel")
@click.argument("payout_id", type=click.UUID)
@click.option("--reason", required=True, help="Why; it is kept with the payout.")
@as_operator
@with_appcontext
def cancel(payout_id: UUID, reason: str, email: str | None) -> None:
    """Call a payout off before it is sent; the money is available to the creator again."""
    actor = f"user:{operator(email).id.hex}"
    _decide(payout_id, lambda payout: domain.cancel(payout, actor, reason, clock.now()))


@payouts.command("release")
@click.argument("payout_id", type=click.UUID)
@click.option("--reason", default="", help="Why; it is kept with the payout.")
@as_operator
@with_appcontext
def release(payout_id: UUID, reason: str, email: str | None) -> None:
    """End a payout's hold: the worker asks the processor anew."""
    actor = f"user:{operator(email).id.hex}"
    _decide(payout_id, lambda payout: hold.release(payout, actor, clock.now(), reason))


def _decide(payout_id: UUID, decision: Callable[[Payout], None]) -> None:
    load_domain_time()
    payout = lock(Payout, payout_id)
    if payout is None:
        raise click.ClickException(f"there is no payout {payout_id}")
    decision(payout)
    db.session.commit()
    click.echo(f"payout {payout.id} is {payout.status}")


@payouts.command("run")
@click.option("--as", "email", metavar="EMAIL", help="The operator who opens them.")
@with_appcontext
def run(email: str | None) -> None:
    """Open the runs that are due, decide their lines and hand over what is approved.

    Who opens a run may not approve it. The worker sends.
    """
    load_domain_time()
    maker = f"user:{operator(email).id.hex}" if email else SYSTEM
    opened = Job("payout runs", partial(opening.open_due, maker=maker))
    report(drain(jobs=[opened, *(job for job in JOBS if job.name in RUN_JOBS)]))


@payouts.command("check-files")
@with_appcontext
def check_files() -> None:
    """Open every bank file: its hash, its schema, its sums, and whom it pays what; exit 1 if not.

    `ledger verify` proves what the database can see of them; their content is sealed.
    """
    checked = broken = 0
    for id in db.session.scalars(select(BankFile.id).order_by(BankFile.id)).all():
        file = db.session.get_one(BankFile, id)
        for fault in bank_file.faults(file):
            click.echo(f"{file.message_id}: {fault}", err=True)
            broken += 1
        checked += 1
        db.session.expunge_all()
    click.echo(f"{checked} files, {broken} faults")
    if broken:
        raise SystemExit(1)
