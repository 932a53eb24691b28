"""Whom a payout run is about, read from stored balances, against summing the entries.

A million creators (BENCH_CREATORS for fewer, in thousands) on one schedule, ten entries each: nine
earnings, then for nine of ten creators the payout of all of it. These books are made by SQL, past
the triggers, as they would stand. Who has nothing available is not looked at: here every balance
above zero is also payable, so that both answers are the same creators. A run looks at smaller
balances too, and the gate then says what is missing to the threshold; that is not measured here.

And how balances are updated, among those same accounts: no index holds one, so a new version of the
row can stay in its page, without work on indexes (HOT). Counted by PostgreSQL itself over real
postings to creators from all over the table, who are all payable before and after.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask
from sqlalchemy import Executable, Select, func, select, text

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.payouts.owed import balances_of_run
from tests.bench.figures import Figure, figure
from tests.bench.posting_client import campaign, deposit, reservation
from tests.bench.scene import Scene

CREATORS = int(os.environ.get("BENCH_CREATORS", "1000000"))
PER_TRANSACTION = 1_000  # creators
HOT_CREATORS = 2_000
HOT_POSTINGS = 10  # of each kind for each of them
ROUNDS = 5
GOAL = 0.05
HOT_GOAL = 0.95
SCHEDULE = ("weekly", "Europe/Paris")
USD_9, USD_1 = Money(900, "USD"), Money(100, "USD")
DUE_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)

_PEOPLE = """
    INSERT INTO "user" (id, email, name, password_hash, created_at, locale, is_operator)
    SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.com', '', '', now(), 'en', false
      FROM generate_series(1, %(creators)s) n;
    INSERT INTO creator (id, user_id, handle, name, country, time_zone, payout_rhythm,
                         payout_rhythm_at, created_at)
    SELECT id, id, 'c' || email, '', 'FR', 'Europe/Paris', 'weekly', '2026-01-01', now()
      FROM "user" ORDER BY id;
"""
# Versions 1 to 9 earn 10.00 each; version 10 pays the 90.00 out, or earns 10.00 for one in ten.
_BOOKS = """
    INSERT INTO ledger.account (owner, kind, currency, side, stores_balance, floor_minor,
                                balance_minor, version)
    SELECT 'creator:' || lpad(to_hex(n), 32, '0'), 'creator_available', 'USD', -1, true, 0,
           CASE WHEN n %% 10 = 0 THEN -10000 ELSE 0 END, 10
      FROM generate_series(1, %(creators)s) n ORDER BY n;
    INSERT INTO ledger.account (owner, kind, currency, side, stores_balance)
    VALUES ('processor:stripe', 'processor_clearing', 'USD', 1, false);
    INSERT INTO ledger.transaction (id, kind, cause_type, cause_id, idempotency_key, fingerprint,
                                    effective_at, entry_count)
    SELECT id, 'bench', 'bench', id, id::text, '', now(), %(batch)s + 1
      FROM generate_series(0, %(creators)s / %(batch)s - 1) b, generate_series(1, 10) v,
           LATERAL (SELECT lpad(to_hex(b * 16 + v), 32, '0')::uuid AS id) it;
    INSERT INTO ledger.entry (transaction_id, account_id, amount_minor, account_version,
                              balance_after)
    SELECT lpad(to_hex(b * 16 + v), 32, '0')::uuid, n,
           CASE WHEN v < 10 OR n %% 10 = 0 THEN -1000 ELSE 9000 END, v,
           CASE WHEN v < 10 OR n %% 10 = 0 THEN -1000 * v ELSE 0 END
      FROM generate_series(0, %(creators)s / %(batch)s - 1) b, generate_series(1, 10) v,
           generate_series(b * %(batch)s + 1, b * %(batch)s + %(batch)s) n;
    INSERT INTO ledger.entry (transaction_id, account_id, amount_minor)
    SELECT lpad(to_hex(b * 16 + v), 32, '0')::uuid, %(creators)s + 1,
           %(batch)s * CASE WHEN v < 10 THEN 1000 ELSE 100 - 8100 END
      FROM generate_series(0, %(creators)s / %(batch)s - 1) b, generate_series(1, 10) v;
"""
_SUMMING = """
    SELECT a.owner, a.currency, a.side * sum(e.amount_minor) AS balance_minor
      FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id
     WHERE a.kind = 'creator_available'
     GROUP BY a.id HAVING a.side * sum(e.amount_minor) > 0
"""


_filled: set[Scene] = set()


def _app(scene: Scene) -> Flask:
    """The application on the books of the million, which are made once."""
    app = scene.app("payable")
    if scene not in _filled:
        _filled.add(scene)
        with psycopg.connect(scene.server.conninfo("payable")) as owner:
            _fill(owner)
    return app


def _fill(owner: psycopg.Connection[Any]) -> None:
    values = {"creators": CREATORS, "batch": PER_TRANSACTION}
    owner.execute("SET session_replication_role = replica")
    owner.execute("SET synchronous_commit = off")
    for script in (_PEOPLE, _BOOKS):
        for statement in script.split(";"):
            if statement.strip():
                owner.execute(statement, values if "%(" in statement else None)
    owner.commit()
    owner.autocommit = True
    owner.execute("VACUUM (ANALYZE, FREEZE)")


def _ms(statement: Executable) -> tuple[float, int]:
    started = time.perf_counter()
    found = db.session.execute(statement).scalar_one()
    took = time.perf_counter() - started
    db.session.rollback()
    return 1000 * took, found


def _counted(of: Select[UUID, str]) -> Executable:
    """How many rows: what it takes to fetch them is the same for both."""
    return select(func.count()).select_from(of.order_by(None).subquery())


def measure_selecting(scene: Scene) -> Figure:
    with _app(scene).app_context():
        selecting = _counted(balances_of_run(*SCHEDULE, DUE_AT))
        summing = text(f"SELECT count(*) FROM ({_SUMMING}) AS summed")
        rounds = []
        for _ in range(ROUNDS):
            (ours, payable), (theirs, summed) = _ms(selecting), _ms(summing)
            assert payable == summed == CREATORS // 10
            rounds.append((ours, theirs))
        db.engine.dispose()
    return figure(
        "payout.select.vs_sum",
        f"{CREATORS // 10:,} payable of {CREATORS:,} creators, by their stored balances",
        "ms",
        f"summing {10 * CREATORS:,} entries",
        rounds,
        GOAL,
        lower_is_better=True,
    )


def _post_to_each() -> None:
    """An earning for every creator, then its maturity."""
    why = [Cause("earning", new_id()) for _ in range(HOT_CREATORS)]
    source, at, net, fee = postings.reserved(campaign(0)), clock.now(), USD_9, USD_1
    apart = 10 * max(CREATORS // 10 // HOT_CREATORS, 1)  # every tenth creator is payable
    owners = [f"creator:{apart * (n + 1):032x}" for n in range(HOT_CREATORS)]
    accrued = [
        postings.earning_accrued(source, it, net, fee, because, at)
        for it, because in zip(owners, why, strict=True)
    ]
    matured = [
        postings.earning_matured(it, net, because, at)
        for it, because in zip(owners, why, strict=True)
    ]
    for drafts in (accrued, matured):
        journal.post_many(drafts)
        db.session.commit()


def _updates() -> tuple[float, float]:
    """Updates of accounts so far: those that stayed in their page, and all."""
    db.session.execute(text("SELECT pg_stat_force_next_flush()"))
    db.session.commit()
    row = db.session.execute(
        text(
            "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables"
            " WHERE schemaname = 'ledger' AND relname = 'account'"
        )
    ).one()
    db.session.rollback()
    return row[0], row[1]


def measure_hot(scene: Scene) -> Figure:
    with _app(scene).app_context():
        journal.post_many([deposit(0, 10**12)])
        db.session.commit()
        journal.post_many([reservation(0, 0, 10**11)])
        db.session.commit()
        rounds, before = [], _updates()
        for _ in range(HOT_POSTINGS):
            _post_to_each()
            after = _updates()
            rounds.append((after[0] - before[0], after[1] - before[1]))
            before = after
        db.engine.dispose()
    # In the first round most accounts are made, not updated.
    return figure(
        "ledger.balance.hot",
        f"balances of {HOT_CREATORS:,} of {CREATORS:,} creators updated within their page",
        "updates",
        "all updates of accounts",
        rounds[1:],
        HOT_GOAL,
    )


BENCHES = {"ledger.balance.hot": measure_hot, "payout.select.vs_sum": measure_selecting}
