"""Invariants: what must never be false, each as SQL that returns the rows which break it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Check:
    """One invariant. `sql` returns the offending rows: none is good."""

    id: str
    title: str
    sql: str


@dataclass(frozen=True)
class Finding:
    """What one check saw: how many rows offend, how long it took, and the first few of them."""

    id: str
    title: str
    rows: int
    ms: float
    sample: list[dict[str, str]]


def run(checks: Iterable[Check], connection: Connection) -> list[Finding]:
    """Run each check and report it, in order."""
    return [_run_one(check, connection) for check in checks]


def _run_one(check: Check, connection: Connection) -> Finding:
    started = time.perf_counter()
    offending = connection.execute(text(check.sql)).mappings().all()
    took_ms = round((time.perf_counter() - started) * 1000, 1)
    sample = [{key: str(value) for key, value in row.items()} for row in offending[:SAMPLE_ROWS]]
    return Finding(check.id, check.title, len(offending), took_ms, sample)
