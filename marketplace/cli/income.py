"""`flask income …`: bring a file of income, as the page does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.cli.acting import as_operator, operator
from marketplace.cli.worker import load_domain_time
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import EarningKind
from marketplace.errors import InsufficientFunds
from marketplace.extensions import db
from marketplace.income.importing import IncomeImport, IncomeRow, import_income
from marketplace.ledger import postings
from marketplace.money import Money
from marketplace.payouts.threshold import currencies


@click.group()
def income() -> None:
    """Income that the platform itself pays."""


@income.command("import")
@click.option(
    "--kind",
    type=click.Choice(list(postings.POOLS)),
    required=True,
    help="Which pool pays.",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_operator
@with_appcontext
def import_file(kind: str, file: Path, email: str | None) -> None:
    """Import a CSV file and report row by row; exit 1 if it, or a row of it, was refused."""
    load_domain_time()
    try:
        brought = import_income(
            EarningKind(kind),
            file.name,
            file.read_bytes(),
            uploaded_by=operator(email).id,
            form_key=new_id(),
            currencies=currencies(clock.now()),
            at=clock.now(),
        )
        db.session.commit()
    except (IntegrityError, InsufficientFunds) as rival:
        raise click.ClickException(
            "another import came in between; nothing was imported: try again"
        ) from rival
    outcomes = _report(brought)
    if outcomes["refused"]:
        raise SystemExit(1)


def _report(brought: IncomeImport) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    rows = select(IncomeRow).where(IncomeRow.import_id == brought.id).order_by(IncomeRow.line)
    for row in db.session.scalars(rows):
        outcomes[row.outcome] += 1
        amount = Money(row.amount_minor or 0, row.currency) if row.currency else "-"
        click.echo(
            f"{row.line:5}  {row.outcome:8}  {row.reference:20}  {row.handle:20}"
            f"  {amount!s:>16}  {row.reason}".rstrip()
        )
    counts = ", ".join(f"{outcomes[it]} {it}" for it in ("accepted", "known", "refused"))
    click.echo(f"import {brought.id}: {counts}")
    return outcomes
