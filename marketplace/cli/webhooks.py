"""`flask webhooks …`: what the processors told us, and what came of it."""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from marketplace import clock
from marketplace.cli.worker import load_domain_time, report
from marketplace.database.lock import lock_where
from marketplace.extensions import db
from marketplace.webhooks import inbox
from marketplace.webhooks.event import STATES, WebhookEvent
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS

LISTED_MAX = 200
HOURS_MAX = 30 * 24  # for so long Stripe keeps events


@click.group()
def webhooks() -> None:
    """Events of payment processors."""


@webhooks.command("list")
@click.option(
    "--state",
    type=click.Choice(STATES),
    multiple=True,
    help="Several are allowed; all that wait or failed if none.",
)
@with_appcontext
def list_events(state: tuple[str, ...]) -> None:
    """List events, the oldest first."""
    oldest_first = (
        select(WebhookEvent)
        .where(WebhookEvent.state.in_(state or ("new", "retry", "quarantined", "parked")))
        .order_by(WebhookEvent.received_at)
        .limit(LISTED_MAX)
    )
    for event in db.session.scalars(oldest_first):
        click.echo(
            f"{event.received_at:%Y-%m-%d %H:%M:%S}  {event.event_id}  {event.event_type}"
            f"  {event.object_id or '-'}  {event.state}  tries={event.tries}"
            f"  {event.last_error or ''}"
        )


@webhooks.command("handle")
@with_appcontext
def handle_events() -> None:
    """Handle the events that are due now."""
    load_domain_time()
    report(drain(jobs=[job for job in JOBS if job.name == "webhook events"]))


@webhooks.command("replay")
@click.argument("event_id", nargs=-1, required=True)
@with_appcontext
def replay_events(event_id: tuple[str, ...]) -> None:
    """Have events handled once more from the start; whatever they did before stays done once."""
    for one in event_id:
        event = lock_where(WebhookEvent, WebhookEvent.event_id == one)
        if event is None:
            raise click.ClickException(f"there is no event {one!r}")
        inbox.replay(event)
        db.session.commit()
        click.echo(f"{one} will be handled again")


@webhooks.command("catch-up")
@click.option(
    "--hours",
    type=click.IntRange(1, HOURS_MAX),
    default=72,
    show_default=True,
    help="How far back to ask.",
)
@click.option("--processor", default="stripe", show_default=True)
@with_appcontext
def catch_up(hours: int, processor: str) -> None:
    """Ask the processor for the events of the last hours and store those that never reached us."""
    load_domain_time()
    stored = inbox.catch_up(processor, clock.now() - timedelta(hours=hours))
    click.echo(f"{stored} events had not reached us")
