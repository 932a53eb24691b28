"""The storm: sixteen threads withdraw one whole balance at once, and exactly one gets it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace.config import REPOSITORY
from marketplace.database.roles import APP_OPTIONS
from tests.harness import record_proof, trials
from tests.ledger.make import deposit, post_raw, reservation, usd

THREADS = 16
BALANCE = usd(1000)
SQL = REPOSITORY / "migrations" / "ledger"


class Storm:
    """Rounds of one storm in one schema; counts the rounds that had not exactly one winner."""

    def __init__(self, database_url: str, schema: str, *, look_first: bool) -> None:
        self.conninfo = database_url.replace("+psycopg", "", 1)
        self.schema = schema
        self.look_first = look_first
        self.start = threading.Barrier(THREADS)
        self.winners: list[int] = []

    def violations(self, rounds: int) -> int:
        self.winners = [0] * rounds
        with ThreadPoolExecutor(THREADS) as pool:
            for won in pool.map(self._one, range(THREADS)):
                for n in won:
                    self.winners[n] += 1
        return sum(count != 1 for count in self.winners)

    def _one(self, i: int) -> list[int]:
        won = []
        with psycopg.connect(self.conninfo, options=APP_OPTIONS, autocommit=True) as connection:
            for n in range(len(self.winners)):
                brand = f"brand:{n}"
                if i == 0:
                    post_raw(connection, deposit(brand, BALANCE), self.schema)
                self.start.wait()
                if self._withdraws(connection, brand, f"{n}:{i}"):
                    won.append(n)
        return won

    def _withdraws(self, connection: psycopg.Connection[Any], brand: str, key: str) -> bool:
        if self.look_first and not self._seems_enough(connection, brand):
            return False
        draft = reservation(brand, "campaign:k", BALANCE, key)
        try:
            return post_raw(connection, draft, self.schema)
        except psycopg.Error as error:
            if error.sqlstate != "LG002":
                raise
            return False

    def _seems_enough(self, connection: psycopg.Connection[Any], brand: str) -> bool:
        row = connection.execute(
            f"SELECT -balance_minor FROM {self.schema}.account"
            " WHERE kind = 'brand_available' AND owner = %s",
            [brand],
        ).fetchone()
        return row is not None and row[0] >= BALANCE.minor


@pytest.fixture
def unguarded(owner: psycopg.Connection[Any]) -> Iterator[str]:
    """A throw-away copy of the books whose floor is only what a caller looks at before he posts."""
    parts = ("tables", "guards", "writer", "writer_2", "rights")
    text = "".join((SQL / f"{part}.sql").read_text() for part in parts)
    text = text.replace("ledger.", "unguarded.")
    owner.execute(text.replace("SCHEMA ledger", "SCHEMA unguarded"))
    owner.execute("ALTER TABLE unguarded.account DROP CONSTRAINT account_floor")
    owner.execute("DROP TRIGGER balanced ON unguarded.entry; DROP INDEX unguarded.entry_version")
    owner.commit()
    yield "unguarded"
    owner.rollback()
    owner.execute("DROP SCHEMA unguarded CASCADE")
    owner.commit()


@pytest.mark.proof
def test_of_sixteen_who_withdraw_one_whole_balance_exactly_one_gets_it(
    books: Flask, database_url: str, unguarded: str
) -> None:
    rounds = trials(reduced=10, full=200)
    violations = Storm(database_url, "ledger", look_first=False).violations(rounds)
    control = Storm(database_url, unguarded, look_first=True).violations(rounds)
    record_proof(
        "storm.floor", trials=rounds, violations=violations, control_violations=control, seed=0
    )
    assert violations == 0
    assert control > 0, "without its guards the same storm must overspend"
