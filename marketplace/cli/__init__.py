"""What operators run: `flask --app wsgi <group> <command>`. Any command may be repeated."""

from __future__ import annotations

from flask import Flask

from marketplace.cli import demo, income, ledger, payouts, users, webhooks, worker


def register(app: Flask) -> None:
    """Add our command groups to the application."""
    app.cli.add_command(demo.demo)
    app.cli.add_command(income.income)
    app.cli.add_command(ledger.ledger)
    app.cli.add_command(payouts.payouts)
    app.cli.add_command(users.users)
    app.cli.add_command(webhooks.webhooks)
    app.cli.add_command(worker.processors)
    app.cli.add_command(worker.worker)
