"""Reserving the payouts of a run many at a time, against one at a time.

40,000 payouts for a million creators (BENCH_CREATORS for fewer, in thousands), each of three
earnings: the payouts with their trace, one posting for all, their lines in one statement, and what
the database checks of them at the end. Creators and earnings are made by SQL, as they would stand.
"""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from marketplace import clock
from marketplace.extensions import db
from marketplace.money import Money, zero
from marketplace.payouts import payout as payouts
from marketplace.payouts.payout import Wanted
from marketplace.payouts.recovery import divide
from tests.bench.figures import Figure, figure
from tests.bench.payable import _PEOPLE
from tests.bench.scene import Scene

PAYOUTS = int(os.environ.get("BENCH_CREATORS", "1000000")) // 25
ONE_BY_ONE = 100  # a round
ROUNDS = 4
AT_ONCE = 1_000
GOAL = 3.0

_READY = """
    INSERT INTO destination (id, creator_id, processor, remote_account, requirements, status,
                             status_at, created_at, usable_at, checks)
    SELECT id, id, 'stripe', 'acct_' || id, '{}', 'active', now(), now(), now(), 0 FROM creator;
    INSERT INTO payout_run (id, rhythm, time_zone, period, due_at, status, status_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'weekly', 'Europe/Paris', '2026-W10', now(),
            'locking', now());
    INSERT INTO ledger.account (owner, kind, currency, side, stores_balance, floor_minor,
                                balance_minor, version)
    SELECT 'creator:' || lpad(to_hex(n), 32, '0'), 'creator_available', 'USD', -1, true, 0,
           -30000, 3
      FROM generate_series(1, %(creators)s) n ORDER BY n;
    INSERT INTO ledger.account (owner, kind, currency, side, stores_balance)
    VALUES ('processor:stripe', 'processor_clearing', 'USD', 1, false);
    INSERT INTO ledger.transaction (id, kind, cause_type, cause_id, idempotency_key, fingerprint,
                                    effective_at, entry_count)
    SELECT id, 'earning_matured', 'earning', id, id::text, '', now(), 2
      FROM generate_series(1, %(creators)s) n, generate_series(1, 3) v,
           LATERAL (SELECT lpad(to_hex(n * 4 + v), 32, '0')::uuid AS id) it;
    INSERT INTO ledger.entry (transaction_id, account_id, amount_minor, account_version,
                              balance_after)
    SELECT lpad(to_hex(n * 4 + v), 32, '0')::uuid, n, -10000, v, -10000 * v
      FROM generate_series(1, %(creators)s) n, generate_series(1, 3) v;
    INSERT INTO ledger.entry (transaction_id, account_id, amount_minor)
    SELECT lpad(to_hex(n * 4 + v), 32, '0')::uuid, %(creators)s + 1, 10000
      FROM generate_series(1, %(creators)s) n, generate_series(1, 3) v;
"""


def _fill(owner: psycopg.Connection[Any], creators: int) -> None:
    owner.execute("SET session_replication_role = replica")
    owner.execute("SET synchronous_commit = off")
    for script in (_PEOPLE, _READY):
        for statement in script.split(";"):
            if statement.strip():
                values = {"creators": creators} if "%(" in statement else None
                owner.execute(statement, values)
    owner.commit()
    owner.autocommit = True
    owner.execute("VACUUM (ANALYZE, FREEZE)")


def _rate(wanted: list[Wanted], at_once: int) -> float:
    """Reserve these, so many in each commit; return payouts per second."""
    started = time.perf_counter()
    for begin in range(0, len(wanted), at_once):
        payouts.reserve_all(wanted[begin : begin + at_once], clock.now())
        db.session.commit()
        db.session.expunge_all()
    return len(wanted) / (time.perf_counter() - started)


def measure(scene: Scene) -> Figure:
    creators = PAYOUTS + ROUNDS * ONE_BY_ONE
    run_id, parts = UUID(int=1), divide(Money(30_000, "USD"), zero("USD"))
    wanted = [Wanted(UUID(int=n), UUID(int=n), run_id, parts) for n in range(1, creators + 1)]
    with scene.app("reserving").app_context():
        with psycopg.connect(scene.server.conninfo("reserving")) as owner:
            _fill(owner, creators)
        rounds, many = [], PAYOUTS // ROUNDS
        for _ in range(ROUNDS):
            together, alone = wanted[:many], wanted[many : many + ONE_BY_ONE]
            del wanted[: many + ONE_BY_ONE]
            rounds.append((_rate(together, AT_ONCE), _rate(alone, 1)))
        lines = db.session.scalar(text("SELECT count(*) FROM payout_line"))
        assert lines == 3 * (many + ONE_BY_ONE) * ROUNDS
        db.engine.dispose()
    return figure(
        "payout.reserve.many",
        f"{many * ROUNDS:,} payouts of three lines reserved, {AT_ONCE:,} at a time",
        "payouts/s",
        "one at a time",
        rounds,
        GOAL,
    )


BENCHES = {"payout.reserve.many": measure}
