"""The storm: eight workers do one run's work at once, and each creator is paid exactly once.

Paid: one payout in our books, one transfer at the processor, which the workers themselves send.

Every creator stands on two lines that wait at the same moment, as after an outage: of the weekly
run, and of the monthly one that they changed to since. While the workers decide, more money
matures, so that a second payout would be covered.
"""

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
from marketplace.earnings.earning import EarningKind
from marketplace.earnings.maturity import mature_due
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import opening as runs
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Decision
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun, PayoutRunLine
from marketplace.payouts.schedule import next_due
from marketplace.worker.sender import send_next
from tests.books import broken_invariants, empty_tables
from tests.harness import record_proof, trials
from tests.make import RUN_JOBS, fill_pool, import_rows, make_creator, make_destination
from tests.scripted import Scripted, scripted
from tests.storm import CONTROL_ROUNDS
from tests.within import within

__all__ = ["scripted", "within"]

SEED = 7
THREADS = 8
A_ROUND = 4  # creators at once: two lines each, one for every thread
HOUR = timedelta(hours=1)
LATER = timedelta(days=9)  # what was earned in this round has matured

Owner = psycopg.Connection[Any]
Job = Callable[[datetime], bool]


class Storm:
    """Rounds with fresh creators; counts what is not as it must be."""

    def __init__(self, app: Flask, engine: sa.Engine, adapter: Scripted) -> None:
        self.app, self.adapter = app, adapter
        self.engine = engine
        self.checking = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.random = random.Random(SEED)
        self.errors: list[str] = []

    def violations(self, rounds: int) -> int:
        """Creators not paid exactly once, invariants that broke, and workers that stumbled."""
        self.errors = []
        wrong = 0
        for _ in range(rounds):
            with self.engine.begin() as connection:
                empty_tables(connection)
            creators = self._on_two_lines()
            self.adapter.made.clear()
            self._all_at_once(self.due + HOUR)
            wrong += sum(self._payouts(creator_id) != 1 for creator_id in creators)
            wrong += sum(self._paid(creator_id) != 1 for creator_id in creators)
            assert db.session.query(PayoutRunLine).filter_by(state="waiting").count() == 0
            assert db.session.query(PayoutRun).filter_by(status="locking").count() == 0
            db.session.remove()
            wrong += len(broken_invariants(self.checking))
        return wrong + len(self.errors)

    def _on_two_lines(self) -> list[UUID]:
        """New creators whose weekly run is open, and whose monthly one falls due an hour ago."""
        self.due = next_due("monthly", "UTC", clock.wall_now()).at
        clock.set_offset(self.due + HOUR - clock.wall_now())
        since = self.due - timedelta(days=30)
        creators = [make_creator(time_zone="UTC", since=since).creator for _ in range(A_ROUND)]
        fill_pool(EarningKind.FUND, Money(A_ROUND * 30_000, "USD"))
        self._earn(creators, "early")
        while mature_due(clock.now() + LATER):
            db.session.commit()
        self._earn(creators, "late")
        for creator in creators:
            make_destination(creator)
        while runs.open_due(self.due - 2 * HOUR):
            db.session.commit()
        for creator in creators:
            creator.choose_rhythm("monthly", self.due - HOUR)
        db.session.commit()
        return [creator.id for creator in creators]

    def _earn(self, creators: list[Creator], when: str) -> None:
        day = clock.now().date()
        rows = [f"{when}-{it.id.hex},{it.handle},150.00,USD,{day}" for it in creators]
        import_rows(EarningKind.FUND, rows)

    def _all_at_once(self, at: datetime) -> None:
        start = threading.Barrier(THREADS)
        jobs: list[Job] = [*RUN_JOBS, send_next]
        jobs.append(lambda at: mature_due(at + LATER))

        def work(order: list[Job]) -> None:
            with self.app.app_context():
                start.wait()
                while any([self._one(job, at) for job in order]):
                    pass

        orders = [self.random.sample(jobs, len(jobs)) for _ in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, orders))
        work_left: list[Job] = [*jobs, *jobs]
        while any([self._one(job, at) for job in work_left]):
            pass

    def _one(self, job: Job, at: datetime) -> bool:
        """One unit in a transaction of its own, as the worker does it."""
        try:
            did = job(at)
            db.session.commit()
        except Exception as error:
            self.errors.append(repr(error))
            return True
        finally:
            db.session.remove()
        return did

    def _payouts(self, creator_id: UUID) -> int:
        return db.session.query(Payout).filter_by(creator_id=creator_id).count()

    def _paid(self, creator_id: UUID) -> int:
        """Transfers to this creator's account that were made at the processor."""
        account = destinations.current(creator_id)
        assert account is not None
        made = self.adapter.made.values()
        return sum(it.kind == "transfer" and it.account == account.remote_account for it in made)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between deciding and reserving there is time for others to get in between."""

    def decide_slowly(creator: Creator, currency: str, at: datetime) -> Decision:
        decision = decision_for(creator, currency, at)
        time.sleep(0.05)
        return decision

    monkeypatch.setattr(runs, "decision_for", decide_slowly)
    monkeypatch.setattr(runs, "DECIDE_AT_ONCE", 1)  # every worker gets some


@contextmanager
def without_guards(owner: Owner) -> Iterator[None]:
    """Neither the lock on the creator nor the rule of one open payout. The books keep theirs."""

    def unlocked(model: Any, *conditions: Any, order_by: Any) -> list[Any]:
        return list(db.session.scalars(sa.select(model).where(*conditions).order_by(order_by)))

    (index,) = owner.execute(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'uq_payout_open'"
    ).fetchall()
    owner.execute("DROP INDEX uq_payout_open")
    owner.commit()
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(runs, "lock_all", unlocked)
            yield
    finally:
        db.session.remove()
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM payout_line")
        owner.execute("DELETE FROM payout")
        owner.execute(index[0])
        owner.commit()


@pytest.mark.proof
@pytest.mark.usefixtures("slowly", "broken_on_purpose")
def test_eight_workers_pay_each_creator_exactly_once(
    app: Flask, owner: Owner, database_url: str, scripted: Scripted
) -> None:
    rounds = trials(5, 100)
    engine = sa.create_engine(database_url)
    storm = Storm(app, engine, scripted)
    violations = storm.violations(rounds)
    stumbled = storm.errors
    with without_guards(owner):
        control = storm.violations(min(rounds, CONTROL_ROUNDS))
    storm.checking.close()
    engine.dispose()
    record_proof(
        "storm.st8",
        trials=rounds,
        violations=violations,
        control_violations=control,
        seed=SEED,
    )
    assert (violations, stumbled) == (0, [])
    assert control > 0, "without its guards the same storm must pay twice, or stumble"
