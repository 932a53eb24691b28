"""The storm: eight workers are told of the same orders at once, and each is owed exactly once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace import clock
from marketplace.commissions import booking
from marketplace.commissions.sale import Sale
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.storefronts.order import News
from marketplace.storefronts.storefront import Storefront
from marketplace.verify import findings
from tests.books import empty_tables
from tests.commissions.making import free, make_shop, order, refund, reserved
from tests.harness import record_proof, trials
from tests.within import within

__all__ = ["within"]

SEED = 11
THREADS = 8
ORDERS = 3  # told of at once, each by every worker: created, paid, and refunded in part

Owner = psycopg.Connection[Any]


class Storm:
    """Rounds with fresh orders; counts what is not as it must be."""

    def __init__(self, app: Flask, engine: sa.Engine) -> None:
        self.app = app
        self.engine = engine
        self.random = random.Random(SEED)
        self.errors: list[str] = []

    def violations(self, rounds: int) -> int:
        """Orders not owed exactly once, invariants that broke, and workers that stumbled."""
        self.errors = []
        wrong = 0
        for _ in range(rounds):
            with self.engine.begin() as connection:
                empty_tables(connection)
            wrong += self._round()
            db.session.remove()
        return wrong + len(self.errors)

    def _round(self) -> int:
        shop = make_shop()
        code = (shop.code.code,)
        news: list[News] = []
        for ref in map(str, range(ORDERS)):
            news += [order(ref=ref, codes=code, paid=False), order(ref=ref, codes=code)]
            news += [refund("20.00", f"r{ref}", ref)]
        self._all_at_once(shop.storefront.id, news)
        sold = db.session.query(Sale).filter_by(status="accrued", commission_minor=448).count()
        wrong = abs(sold - ORDERS) + abs(db.session.query(Earning).count() - ORDERS)
        # The fee of several steps may differ by a minor unit from that of one.
        wrong += abs(reserved(shop) - (100_000 - ORDERS * 461)) > ORDERS
        return wrong + sum(it.rows > 0 for it in findings(db.session.connection()))

    def _all_at_once(self, shop_id: Any, news: Sequence[News]) -> None:
        start = threading.Barrier(THREADS)

        def work(mine: Sequence[News]) -> None:
            with self.app.app_context():
                shop = db.session.get_one(Storefront, shop_id)
                db.session.rollback()
                start.wait()
                for one in mine:
                    self._take(shop, one)
                db.session.remove()

        shuffled = [self.random.sample(news, len(news)) for _ in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, shuffled))

    def _take(self, shop: Storefront, news: News) -> None:
        try:
            booking.take([(shop, news)], free, clock.now())
            db.session.commit()
        except Exception as error:
            self.errors.append(str(error)[:1900])
            db.session.rollback()


@contextmanager
def without_guards() -> Iterator[None]:
    """Neither the lock on the sale nor the rule that a source is owed once."""

    def unlocked(model: type[Sale], condition: Any, order_by: Any) -> list[Sale]:
        found = db.session.query(model).filter(condition).order_by(order_by).all()
        time.sleep(0.02)
        return found

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(booking, "lock_all", unlocked)
        monkeypatch.setattr(Sale, "source_ref", property(lambda sale: f"sale:{new_id().hex}"))
        yield


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_eight_workers_owe_each_order_exactly_once(app: Flask, database_url: str) -> None:
    rounds = trials(3, 40)
    engine = sa.create_engine(database_url)
    storm = Storm(app, engine)
    violations = storm.violations(rounds)
    stumbled = storm.errors
    with without_guards():
        control = storm.violations(rounds)
    engine.dispose()
    record_proof(
        "storm.order",
        trials=rounds * ORDERS,
        violations=violations,
        control_violations=control,
        seed=SEED,
    )
    assert (violations, stumbled) == (0, [])
    assert control > 0
