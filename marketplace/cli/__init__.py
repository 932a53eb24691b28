"""What operators run: `flask --app wsgi <group> <command>`. Any command may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

from marketplace.cli import (
    demo,
    funding,
    income,
    ledger,
    metrics,
    payouts,
    reconciling,
    solvency,
    users,
    webhooks,
    worker,
)
from marketplace.errors import MarketplaceError

worker.processors.add_command(funding.fund)
worker.processors.add_command(reconciling.reconcile)

COMMANDS: tuple[click.Command, ...] = (
    demo.demo,
    income.income,
    ledger.ledger,
    metrics.metrics,
    payouts.payouts,
    solvency.solvency,
    users.users,
    webhooks.webhooks,
    worker.processors,
    worker.worker,
)


def register(app: Flask) -> None:
    """Add our command groups to the application."""
    for command in COMMANDS:
        _say_refusals_plainly(command)
        app.cli.add_command(command)


def _say_refusals_plainly(command: click.Command) -> None:
    """Let a refusal, or a database that is away, be one sentence and exit 1: no traceback."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _say_refusals_plainly(inner)
    elif command.callback is not None and not hasattr(command.callback, "plain"):
        command.callback = _plain(command.callback)


def _plain(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def said_plainly(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except MarketplaceError as refusal:
            raise click.ClickException(str(refusal)) from refusal
        except OperationalError as error:
            why = str(error.orig).strip().partition("\n")[0]
            raise click.ClickException(f"the database does not answer: {why}") from error

    said_plainly.plain = True  # type: ignore[attr-defined]
    return said_plainly
