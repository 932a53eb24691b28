"""`flask ledger verify`: do the books prove themselves?"""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from marketplace.extensions import db
from marketplace.verify import findings


@click.group()
def ledger() -> None:
    """The books."""


@ledger.command("verify")
@click.option("--json", "as_json", is_flag=True, help="A list of {id, title, rows, ms, sample}.")
@with_appcontext
def verify_books(as_json: bool) -> None:
    """Run every invariant; exit 1 if any is broken."""
    with db.engine.connect() as connection:
        results = findings(connection)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in results], indent=1))
    else:
        for finding in results:
            verdict = f"BROKEN: {finding.rows} rows" if finding.rows else "holds"
            click.echo(f"{finding.id:24} {verdict:18} {finding.ms:8.1f} ms  {finding.title}")
            for row in finding.sample:
                click.echo(f"    {row}")
        broken = sum(1 for finding in results if finding.rows)
        click.echo(f"{len(results)} invariants, {broken} broken")
    if any(finding.rows for finding in results):
        raise SystemExit(1)
