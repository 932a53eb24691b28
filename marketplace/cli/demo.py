"""`flask demo …`: the demo world and the demo clock. In sandbox mode only."""

from __future__ import annotations

import time

import click
from flask import current_app
from flask.cli import with_appcontext

from marketplace import demo_clock
from marketplace.demo import people, world
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.worker import walk


@click.group()
def demo() -> None:
    """The demo world and the demo clock."""


@demo.command("create")
@click.option("--if-empty", is_flag=True, help="Do nothing where somebody has signed up already.")
@with_appcontext
def create(if_empty: bool) -> None:
    """Live sixty days of the demo world into an empty database; needs the running sandbox."""
    _require_sandbox()
    if not people.is_empty():
        if if_empty:
            return
        raise click.ClickException("this database is not empty: the demo world needs one that is")
    started = time.monotonic()
    try:
        world.create()
    except MarketplaceError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"the demo world was lived in {time.monotonic() - started:.1f} s")


@demo.command("logins")
@with_appcontext
def logins() -> None:
    """Print whom to log in as; exit 1 where there is no demo world."""
    _require_sandbox()
    if not people.is_demo():
        raise SystemExit(1)
    click.echo(people.logins())


@demo.command("advance")
@click.option("--days", type=int, required=True, help="How far, in whole days.")
@with_appcontext
def advance(days: int) -> None:
    """Move the demo clock, doing on the way all that falls due."""
    _require_sandbox()
    demo_clock.load()
    try:
        aim = demo_clock.ask(days)
    except MarketplaceError as error:
        raise click.BadParameter(str(error)) from error
    db.session.commit()
    stops = walk.walk()
    click.echo(f"domain time is {aim:%Y-%m-%d %H:%M} UTC, after {stops} stops on the way")


def _require_sandbox() -> None:
    if not current_app.extensions["settings"].sandbox:
        raise click.ClickException("STRIPE_SECRET_KEY is set: there is no demo in live mode")
