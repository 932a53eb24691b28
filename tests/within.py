"""What tests of the domain share: the application around them, harmless refusals, rivals.

`within` is an autouse fixture of those modules that import it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace.database.lock import lock
from marketplace.errors import MarketplaceError
from marketplace.extensions import Base, db

Refusal = TypeVar("Refusal", bound=Exception)
Row = TypeVar("Row", bound=Base)
T = TypeVar("T")

# Where money stands, and what says why.
MONEY_TABLES = (
    "ledger.account",
    "ledger.transaction",
    "ledger.entry",
    "campaign",
    "application",
    "agreement",
    "deliverable",
    "submission",
    "promo_code",
    "sale",
    "sale_refund",
    "challenge",
    "challenge_entry",
    "result_sheet",
    "result_row",
    "deposit",
    "refund",
    "dispute",
    "earning",
    "clawback",
    "earning_hold",
    "income_import",
    "income_row",
    "destination",
    "creator_hold",
    "payout",
    "payout_line",
    "payout_run",
    "payout_run_line",
    "processor_request",
    "status_change",
)


@pytest.fixture(autouse=True)
def within(app: Flask) -> Iterator[Flask]:
    """An application context for the test; what it does not commit is undone."""
    with app.app_context():
        yield app
        db.session.remove()


def locked(model: type[Row], id: UUID) -> Row:
    """The row under its lock, as callers of the domain hold it."""
    row = lock(model, id)
    assert row is not None
    return row


def money_tables() -> dict[str, list[str]]:
    """Every row of every money table, as PostgreSQL writes it."""
    dump = {
        table: list(db.session.scalars(text(f"SELECT t::text FROM {table} t ORDER BY 1")))
        for table in MONEY_TABLES
    }
    db.session.rollback()
    return dump


@contextmanager
def refused(
    kind: type[Refusal], match: str | None = None
) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """The block is refused like that; after the rollback that every edge does, nothing changed."""
    before = money_tables()
    with pytest.raises(kind, match=match) as refusal:
        yield refusal
    db.session.rollback()
    assert money_tables() == before


def at_once(app: Flask, *acts: Callable[[], T]) -> list[T | Exception]:
    """Do all acts at one moment, each in a thread and a transaction of its own, and commit it.

    Returns what each returned, or the refusal or error that undid it.
    """
    start = threading.Barrier(len(acts))

    def one(act: Callable[[], T]) -> T | Exception:
        with app.app_context():
            try:
                db.session.connection()  # connected before the race begins
                start.wait()
                result = act()
                db.session.commit()
            except Exception as error:
                db.session.rollback()
                return error
            finally:
                db.session.remove()
            return result

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def refusals(results: list[T | Exception]) -> list[MarketplaceError]:
    """The refusals among the results of `at_once`; any other error is raised."""
    found = []
    for result in results:
        if isinstance(result, MarketplaceError):
            found.append(result)
        elif isinstance(result, Exception):
            raise result
    return found
