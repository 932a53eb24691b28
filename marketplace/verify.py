"""The sweep: every invariant of every package, in one list."""

from __future__ import annotations

import importlib
import pkgutil

from sqlalchemy import Connection

from marketplace.campaigns import invariants as campaigns
from marketplace.challenges import invariants as challenges
from marketplace.commissions import invariants as commissions
from marketplace.database.check import Check, Finding, run
from marketplace.earnings import invariants as earnings
from marketplace.funding import invariants as funding
from marketplace.income import invariants as income
from marketplace.ledger import invariants as ledger
from marketplace.metrics import invariants as metrics
from marketplace.payouts import invariants as payouts
from marketplace.processors import invariants as processors
from marketplace.program import invariants as program
from marketplace.reconciliation import invariants as reconciliation
from marketplace.webhooks import invariants as webhooks

_PACKAGES = (
    *("parties", "notifications", "ledger", "processors", "funding", "earnings"),
    *("storefronts", "commissions"),
    *("payouts", "campaigns", "income", "webhooks"),
    *("metrics", "program"),
    *("challenges", "reconciliation"),
)
_REGISTERED = (
    ledger,
    processors,
    metrics,
    program,
    funding,
    earnings,
    payouts,
    campaigns,
    income,
    challenges,
    webhooks,
    commissions,
    reconciliation,
)


def load_models() -> None:
    """Import every module of the domain, so that each table is known to migrations and checks."""
    for package in _PACKAGES:
        _import_all(package)


def _import_all(package: str) -> None:
    module = importlib.import_module(f"marketplace.{package}")
    for found in pkgutil.iter_modules(module.__path__):
        importlib.import_module(f"{module.__name__}.{found.name}")


def checks() -> tuple[Check, ...]:
    """Every invariant that applies, in the order of the layers."""
    return tuple(check for package in _REGISTERED for check in package.CHECKS)


def findings(connection: Connection) -> list[Finding]:
    """Run every check; a finding with rows is a broken invariant."""
    return run(checks(), connection)
