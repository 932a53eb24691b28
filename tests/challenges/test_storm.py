"""The storm: brands and workers award the same contests at once, and every prize is owed once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace import clock
from marketplace.challenges import judging
from marketplace.challenges.challenge import Challenge
from marketplace.database import lock as locking
from marketplace.earnings import earning as earnings
from marketplace.earnings.earning import Earning
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.verify import findings
from tests.books import empty_tables
from tests.challenges.make import judged, make_challenge, make_entry, member
from tests.harness import record_proof, trials
from tests.make import make_brand
from tests.within import within

__all__ = ["within"]

SEED = 11
THREADS = 8
A_ROUND = 2  # contests at once; four threads for each
APPEAL = timedelta(days=3)

Owner = psycopg.Connection[Any]


class Storm:
    """Rounds with fresh contests; counts what is not as it must be."""

    def __init__(self, app: Flask, engine: sa.Engine) -> None:
        self.app = app
        self.engine = engine
        self.random = random.Random(SEED)
        self.errors: list[str] = []

    def violations(self, rounds: int) -> int:
        """Contests not awarded exactly once, invariants that broke, and those who stumbled."""
        self.errors = []
        wrong = 0
        for _ in range(rounds):
            with self.engine.begin() as connection:
                empty_tables(connection)
            ids, at = self._contests()
            self._all_at_once(ids, at)
            wrong += sum(self._prizes(id) != 2 or not self._awarded(id) for id in ids)
            wrong += sum(it.rows > 0 for it in findings(db.session.connection()))
            db.session.remove()
        return wrong + len(self.errors)

    def _contests(self) -> tuple[list[UUID], datetime]:
        """Contests whose appeals are over: two entries, three prizes, one of which goes back."""
        team, creators = make_brand(), [member(), member()]
        at, ids = clock.now(), []
        for _ in range(A_ROUND):
            made = make_challenge(team)
            for minute, creator in enumerate(creators):
                make_entry(made, creator, minutes=minute)
            at = judged(made, [80, 60]) + APPEAL
            ids.append(made.id)
        db.session.remove()
        return ids, at

    def _all_at_once(self, ids: list[UUID], at: datetime) -> None:
        start = threading.Barrier(THREADS)
        acts: list[Callable[[], object]] = []
        for id in ids:
            acts += [lambda id=id: self._by_brand(id, at)] * 2  # type: ignore[misc]
            acts += [lambda: judging.act_due(at)] * 2
        self.random.shuffle(acts)

        def one(act: Callable[[], object]) -> None:
            with self.app.app_context():
                db.session.connection()  # connected before the race begins
                start.wait()
                self._do(act)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(one, acts))
        for _ in range(A_ROUND):  # what the workers left to others that stumbled
            self._do(lambda: judging.act_due(at))

    def _by_brand(self, id: UUID, at: datetime) -> None:
        made = judging_lock(Challenge, id)
        assert made is not None
        judging.award(made, "user:1", at)

    def _do(self, act: Callable[[], object]) -> None:
        """One act in a transaction of its own; that it came too late is as it should be."""
        try:
            act()
            db.session.commit()
        except WrongState:
            db.session.rollback()
        except Exception as error:
            self.errors.append(repr(error))
        finally:
            db.session.remove()

    def _prizes(self, id: UUID) -> int:
        return db.session.query(Earning).filter(Earning.source_ref.contains(id.hex)).count()

    def _awarded(self, id: UUID) -> bool:
        return db.session.get_one(Challenge, id).status == "awarded"


def judging_lock(model: type[Challenge], id: UUID) -> Challenge | None:
    """The lock that an edge takes before it calls the domain; the control replaces it."""
    return locking.lock(model, id)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between deciding and posting there is time for others to get in between."""
    accrue = earnings.accrue

    def accrue_slowly(*args: Any, **options: Any) -> list[Earning]:
        time.sleep(0.05)
        return accrue(*args, **options)

    monkeypatch.setattr(judging, "accrue", accrue_slowly)


@contextmanager
def without_guards(owner: Owner) -> Iterator[None]:
    """Neither the lock on the challenge nor the rule of one earning per source."""
    owner.execute("ALTER TABLE earning DROP CONSTRAINT uq_earning_kind_source_ref")
    owner.commit()

    def unlocked(model: type[Challenge], *conditions: Any, order_by: Any) -> Challenge | None:
        found = sa.select(model).where(*conditions).order_by(order_by).limit(1)
        return db.session.scalars(found).one_or_none()

    here = f"{__name__}.judging_lock"
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(here, lambda model, id: db.session.get(model, id))
            monkeypatch.setattr(judging, "lock_next", unlocked)
            yield
    finally:
        db.session.remove()
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM earning")
        owner.execute(
            "ALTER TABLE earning ADD CONSTRAINT uq_earning_kind_source_ref"
            " UNIQUE (kind, source_ref)"
        )
        owner.commit()


@pytest.mark.proof
@pytest.mark.usefixtures("slowly", "broken_on_purpose")
def test_a_contest_awarded_by_many_at_once_is_awarded_once(
    app: Flask, owner: Owner, database_url: str
) -> None:
    rounds = trials(3, 30)
    engine = sa.create_engine(database_url)
    storm = Storm(app, engine)
    violations = storm.violations(rounds)
    stumbled = storm.errors
    with without_guards(owner):
        control = storm.violations(rounds)
    engine.dispose()
    record_proof(
        "storm.award",
        trials=rounds * A_ROUND,
        violations=violations,
        control_violations=control,
        seed=SEED,
    )
    assert (violations, stumbled) == (0, [])
    assert control > 0, "without its guards the same storm must award twice, or stumble"
