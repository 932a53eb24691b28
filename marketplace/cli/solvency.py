"""`flask solvency …`: is the money there?"""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from marketplace import clock
from marketplace.cli.worker import load_domain_time
from marketplace.extensions import db
from marketplace.payouts import solvency as domain
from marketplace.worker import measuring


@click.group()
def solvency() -> None:
    """Our cash at the processors beside what others own of it."""


@solvency.command("measure")
@with_appcontext
def measure() -> None:
    """Ask the processors now; exit 1 if a currency is short, or one does not answer."""
    load_domain_time()
    silent = measuring.measure(clock.now())
    db.session.commit()
    for processor in silent:
        click.echo(f"{processor} does not answer", err=True)
    rows = domain.latest()
    for row in rows:
        verdict = "unknown" if row.ours is None else "short" if row.ours.minor < 0 else "covered"
        left = "" if row.ours is None else f", {row.ours} left for us"
        click.echo(f"{row.currency}: {verdict}; {row.cash or 'no answer'} for {row.needed}{left}")
    if silent or any(row.ours is None or row.ours.minor < 0 for row in rows):
        raise SystemExit(1)
