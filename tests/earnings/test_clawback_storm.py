"""The storm: a withdrawal, disputes, clawbacks, refunds and a maturity of one creator at once.

Each creator has an earning that matured, one that is due and one that is contested, all undone in
part by one source and wholly by another, while a payout run decides and operators contest and
release. Nothing may be overdrawn or taken twice, and only who contests or releases may be refused;
what is kept, paid, owed and given back is the sum of what was earned, to the cent.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.earnings import clawback as clawbacks
from marketplace.earnings import hold as holds
from marketplace.earnings.clawback import claw_back, kept
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.earnings.maturity import mature_due
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.money import Money
from marketplace.payouts import opening as runs
from tests.books import broken_invariants, empty_tables
from tests.harness import record_proof, trials
from tests.make import (
    fill_pool,
    import_rows,
    make_creator,
    make_destination,
    run_after_maturity,
)
from tests.storm import CONTROL_ROUNDS
from tests.within import at_once, within

__all__ = ["within"]

SEED = 0
Act = Callable[[], object]
CONTESTED, RELEASED, REFUSED = "contested", "released", "refused"
Earnings = tuple[UUID, ...]
Actor = Callable[[Earnings, datetime], list[Act]]


def withdraws(earnings: Earnings, at: datetime) -> list[Act]:
    """The run decides about the creator's line: it pays what is available."""
    return [partial(runs.decide_next, at)]


def matures(earnings: Earnings, at: datetime) -> list[Act]:
    """What is due becomes available."""
    return [partial(mature_due, at)]


def is_refunded(earnings: Earnings, at: datetime) -> list[Act]:
    """The orders behind both earnings are refunded: in part, so that 20.00 are kept of each."""
    return [partial(_undo, id, "order_refunded", Money(2_000, "USD")) for id in earnings]


def is_clawed_back(earnings: Earnings, at: datetime) -> list[Act]:
    """An operator takes both back wholly."""
    return [partial(_undo, id, "fraud", Money(0, "USD")) for id in earnings]


def is_contested(earnings: Earnings, at: datetime) -> list[Act]:
    """Operators contest each earning, and let each go again: by turns, as far as they may."""
    acts: list[Act] = []
    for id in earnings:
        acts += [partial(_contest, id, at), partial(_release, id, at)]
    return acts


# Everybody who is at the same money at one moment; whoever else comes to it is one more.
ACTORS: tuple[Actor, ...] = (withdraws, matures, is_refunded, is_clawed_back, is_contested)


def _undo(earning_id: UUID, reason: str, keep: Money) -> object:
    return claw_back(
        db.session.get_one(Earning, earning_id),
        keep,
        reason=reason,
        source_ref=f"{reason}:{earning_id}",
        back_to=postings.POOLS["fund"],
        actor="system",
        at=clock.now(),
    )


def _contest(earning_id: UUID, at: datetime) -> str:
    told: dict[str, Any] = {"reason": "fraud", "evidence": "seen", "actor": "user:1", "at": at}
    try:
        holds.contest(earning_id, days=14, **told)
    except MarketplaceError:  # paid out, taken back or contested already
        db.session.rollback()
        return REFUSED
    return CONTESTED


def _release(earning_id: UUID, at: datetime) -> str:
    try:
        holds.release(earning_id, reason="it is in order", actor="user:1", at=at)
    except MarketplaceError:  # not contested, or no longer
        db.session.rollback()
        return REFUSED
    return RELEASED


class Storm:
    """Rounds with a fresh creator; counts what is not as it must be."""

    def __init__(self, app: Flask, engine: sa.Engine) -> None:
        self.app = app
        self.engine = engine
        self.checking = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.errors: list[str] = []
        self.said: Counter[object] = Counter()

    def violations(self, rounds: int) -> int:
        """Acts that stumbled, earnings of which something is kept, invariants that broke."""
        self.errors = []
        wrong = 0
        for _ in range(rounds):
            db.session.remove()
            with self.engine.begin() as connection:
                empty_tables(connection)
            earnings, at = self._three_earnings()
            acts = [act for actor in ACTORS for act in actor(earnings, at)]
            results = at_once(self.app, *acts)
            self.said.update(it for it in results if isinstance(it, str))
            self.errors += [repr(it) for it in results if isinstance(it, Exception)]
            while mature_due(at):
                db.session.commit()
            for id in earnings:
                wrong += kept(db.session.get_one(Earning, id, populate_existing=True)).minor != 0
            db.session.remove()
            wrong += len(broken_invariants(self.checking))
        return wrong + len(self.errors)

    def _three_earnings(self) -> tuple[Earnings, datetime]:
        """150.00 that matured, 70.00 that is due, 40.00 contested; and a run waits to decide."""
        creator = make_creator(time_zone="UTC").creator
        make_destination(creator)
        fill_pool(EarningKind.FUND, Money(30_000, "USD"))
        at = run_after_maturity(creator)
        day = clock.now().date()
        import_rows(EarningKind.FUND, [f"A,{creator.handle},150.00,USD,{day}"])
        while mature_due(at):
            db.session.commit()
        while runs.open_due(at):
            db.session.commit()
        rows = [f"B,{creator.handle},70.00,USD,{day}", f"C,{creator.handle},40.00,USD,{day}"]
        import_rows(EarningKind.FUND, rows)
        ids = db.session.scalars(sa.select(Earning.id).order_by(Earning.net_minor.desc())).all()
        assert _contest(ids[-1], clock.now()) == CONTESTED
        db.session.commit()
        return tuple(ids), at + timedelta(hours=1)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and posting there is time for others to get in between."""

    def slow_id() -> UUID:
        time.sleep(0.05)
        return new_id()

    monkeypatch.setattr(clawbacks, "new_id", slow_id)


@contextmanager
def without_locks() -> Iterator[None]:
    """Clawbacks and holds lock neither creator nor earning. The books keep their guards."""

    def unlocked(model: Any, id: UUID) -> Any:
        return db.session.get(model, id)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(clawbacks, "lock", unlocked)
        monkeypatch.setattr(holds, "lock", unlocked)
        yield


@pytest.mark.proof
@pytest.mark.usefixtures("slowly", "broken_on_purpose")
def test_clawbacks_disputes_payouts_and_maturities_at_once_overdraw_nothing(
    app: Flask, database_url: str
) -> None:
    rounds = trials(5, 100)
    engine = sa.create_engine(database_url)
    storm = Storm(app, engine)
    violations = storm.violations(rounds)
    stumbled, said = storm.errors, storm.said.copy()
    with without_locks():
        control = storm.violations(min(rounds, CONTROL_ROUNDS))
    storm.checking.close()
    engine.dispose()
    record_proof(
        "storm.st2",
        trials=rounds,
        violations=violations,
        control_violations=control,
        seed=SEED,
    )
    assert (violations, stumbled) == (0, [])
    assert min(said[CONTESTED], said[RELEASED]) >= rounds // 10, said
    assert control > 0, "without its locks the same storm must take twice, or stumble"
