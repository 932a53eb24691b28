"""Checking a million entries with every invariant of the books, against counting them."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import text

from marketplace import clock
from marketplace.database.check import run
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause, Draft
from marketplace.ledger.invariants import CHECKS
from marketplace.money import Money
from tests.bench.figures import Figure, figure
from tests.bench.posting_client import brand, campaign, deposit
from tests.bench.scene import Scene

ENTRIES = 1_000_000
CAMPAIGNS = 100
CREATORS = 20_000
BATCH = 5_000
ROUNDS = 5
GOAL = 100.0


def _accrual(n: int) -> Draft:
    """Three entries: a campaign's reservation pays a creator and our platform fee."""
    why = Cause("earning", new_id())
    source, creator = postings.reserved(campaign(n % CAMPAIGNS)), f"creator:{n % CREATORS:032x}"
    net, fee = Money(90, "USD"), Money(10, "USD")
    return postings.earning_accrued(source, creator, net, fee, why, clock.now())


def _reservation(n: int) -> Draft:
    amount, id = Money(10**9, "USD"), new_id()
    return postings.campaign_reserved(
        brand(n), campaign(n), amount, id.hex, Cause("campaign", id), clock.now()
    )


def _fill() -> None:
    """Post until the books have their million entries, in the caller's application context."""
    journal.post_many([deposit(n, 10**9) for n in range(CAMPAIGNS)])
    db.session.commit()
    journal.post_many([_reservation(n) for n in range(CAMPAIGNS)])
    db.session.commit()
    for start in range(0, ENTRIES // 3, BATCH):
        journal.post_many([_accrual(n) for n in range(start, start + BATCH)])
        db.session.commit()


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _verify() -> None:
    found = run(CHECKS, db.session.connection())
    broken = [it for it in found if it.rows]
    assert not broken, broken
    db.session.rollback()


def _count() -> None:
    counted = db.session.scalar(text("SELECT count(*) FROM ledger.entry"))
    assert counted is not None
    assert counted >= ENTRIES
    db.session.rollback()


def measure(scene: Scene) -> Figure:
    with scene.app("verifying").app_context():
        _fill()
        _verify()
        _count()
        rounds = [(_seconds(_verify), _seconds(_count)) for _ in range(ROUNDS)]
        db.engine.dispose()
    return figure(
        "ledger.verify.vs_count",
        "every check of the books on a million entries",
        "s",
        "SELECT count(*)",
        rounds,
        GOAL,
        lower_is_better=True,
    )


BENCHES = {"ledger.verify.vs_count": measure}
