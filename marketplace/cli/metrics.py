"""`flask metrics …`: bring a file of facts about creators, as the page does."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from marketplace import clock
from marketplace.cli.acting import as_operator, operator
from marketplace.cli.worker import load_domain_time
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.metrics.importing import OUTCOMES, MetricLine, import_metrics
from marketplace.metrics.reading import read_csv


@click.group()
def metrics() -> None:
    """Facts about creators: channels and videos by day."""


@metrics.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_operator
@with_appcontext
def import_file(file: Path, email: str | None) -> None:
    """Import a CSV file; name each line refused or corrected, exit 1 if one was refused."""
    load_domain_time()
    content = file.read_bytes()
    brought = import_metrics(
        read_csv(content),
        content,
        filename=file.name,
        uploaded_by=operator(email).id,
        form_key=new_id(),
        at=clock.now(),
    )
    db.session.commit()
    lines = select(MetricLine).where(MetricLine.import_id == brought.id).order_by(MetricLine.line)
    for line in db.session.scalars(lines):
        day = line.day or ""
        click.echo(f"{line.line:5}  {line.outcome:9}  {line.subject:40}  {day!s:10}  {line.reason}")
    counts = ", ".join(f"{brought.counts[outcome]} {outcome}" for outcome in OUTCOMES)
    click.echo(f"import {brought.id}: {counts}")
    if brought.rows_refused:
        raise SystemExit(1)
