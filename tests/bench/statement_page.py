"""A page of the statement of a creator with a million entries, against one with ten.

Both by HTTP through the application, logged in. The million (BENCH_CREATORS for fewer) are earnings
of three years, each accrued and a week later matured: three entries on the creator's accounts. For
both, a page is that of a month at random, from a line of it at random on. The page of all there is
is printed apart. These books are made by SQL, past the triggers, as they would stand.
"""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from random import Random
from statistics import median, quantiles
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask
from flask.testing import FlaskClient

from marketplace import clock
from marketplace.extensions import db
from tests.bench.figures import Figure, figure
from tests.bench.scene import Scene
from tests.make import make_creator
from tests.web.people import Person, log_in

STATEMENT = "/creator/statement"
ENTRIES = int(os.environ.get("BENCH_CREATORS", "1000000"))
FEW = 10
DAYS = 3 * 365
PAGES = 50  # of each, a round
ROUNDS = 5
GOAL = 3.0

# Two thirds of the entries are pending's: each earning comes there and leaves a week later.
_EVENTS = """
    CREATE TEMP TABLE event AS
    SELECT row_number() OVER (ORDER BY at, n) AS place, *, gen_random_uuid() AS id FROM (
        SELECT n, gen_random_uuid() AS earning_id, kind,
               %(since)s + n * (%(until)s - %(since)s - interval '8 days') / (%(earnings)s + 1)
               + CASE WHEN kind = 'earning_matured' THEN interval '7 days' ELSE '0' END AS at
          FROM generate_series(1, %(earnings)s) n,
               (VALUES ('earning_accrued'), ('earning_matured')) k (kind)
         WHERE kind = 'earning_accrued' OR n <= %(matured)s
    ) q;
    UPDATE event m SET earning_id = a.earning_id FROM event a
     WHERE a.n = m.n AND a.kind = 'earning_accrued' AND m.kind = 'earning_matured';
    INSERT INTO earning (id, creator_id, kind, source_ref, gross_minor, platform_fee_minor,
                         net_minor, currency, accrued_at, matures_at, status, status_at)
    SELECT earning_id, %(creator)s, (ARRAY['fund', 'gift'])[1 + n %% 2], earning_id::text, 1000,
           100, 900, 'USD', at, at + interval '7 days', 'available', at + interval '7 days'
      FROM event WHERE kind = 'earning_accrued' ORDER BY place;
    INSERT INTO ledger.transaction (id, kind, cause_type, cause_id, idempotency_key, fingerprint,
                                    effective_at, entry_count)
    SELECT id, kind, 'earning', earning_id, id::text, '', at, 2 FROM event ORDER BY place;
    INSERT INTO ledger.account (owner, kind, currency, side, stores_balance, floor_minor,
                                balance_minor, version)
    VALUES (%(owner)s, 'creator_pending', 'USD', -1, true, 0, -900 * (%(earnings)s - %(matured)s),
            %(earnings)s + %(matured)s),
           (%(owner)s, 'creator_available', 'USD', -1, true, 0, -900 * %(matured)s, %(matured)s),
           (%(owner)s || ':source', 'fund_pool', 'USD', -1, true, 0, 0, %(earnings)s);
    INSERT INTO ledger.entry (transaction_id, account_id, amount_minor, account_version,
                              balance_after)
    SELECT e.id, a.id, m.minor, row_number() OVER own, sum(m.minor) OVER own
      FROM event e
      JOIN (VALUES ('earning_accrued', 'fund_pool', 900),
                   ('earning_accrued', 'creator_pending', -900),
                   ('earning_matured', 'creator_pending', 900),
                   ('earning_matured', 'creator_available', -900)) m (event, kind, minor)
        ON m.event = e.kind
      JOIN ledger.account a ON a.kind = m.kind AND a.owner IN (%(owner)s, %(owner)s || ':source')
    WINDOW own AS (PARTITION BY a.id ORDER BY e.place)
     ORDER BY e.place;
    DROP TABLE event;
"""


def _fill(owner: psycopg.Connection[Any], creator_id: UUID, entries: int, days: int) -> None:
    until = clock.now()
    values = {
        "creator": creator_id,
        "owner": f"creator:{creator_id.hex}",
        "earnings": entries // 3 + entries % 3,  # the last of them have not matured
        "matured": entries // 3,
        "since": until - timedelta(days=days),
        "until": until,
    }
    for statement in _EVENTS.split(";"):
        if statement.strip():
            owner.execute(statement, values if "%(" in statement else None)


def _browser(app: Flask, person: Person) -> FlaskClient:
    client = app.test_client()
    log_in(client, person)
    return client


def _addresses(owner: psycopg.Connection[Any], creator_id: UUID, chance: Random) -> list[str]:
    """Of as many pages: a line of the statement, and the month that it is in."""
    rows: list[tuple[UUID, datetime]] = owner.execute(
        "SELECT t.id, t.effective_at FROM earning e JOIN ledger.transaction t ON t.cause_id = e.id"
        " AND t.cause_type = 'earning' AND t.kind = 'earning_accrued'"
        " WHERE e.creator_id = %s ORDER BY e.id",
        [creator_id],
    ).fetchall()
    picked = chance.choices(rows, k=PAGES)
    return [f"{STATEMENT}?month={at:%Y-%m}&after={id.hex}" for id, at in picked]


def _ms(client: FlaskClient, address: str) -> float:
    started = time.perf_counter()
    reply = client.get(address)
    took = time.perf_counter() - started
    assert reply.status_code == 200, (address, reply.status_code)
    return 1000 * took


def _p95(client: FlaskClient, addresses: list[str]) -> float:
    return quantiles([_ms(client, address) for address in addresses], n=20)[-1]


def measure(scene: Scene) -> Figure:
    app, chance = scene.app("statement"), Random(7)
    with app.app_context():
        since = clock.now() - timedelta(days=DAYS + 40)
        people = [make_creator(time_zone="UTC", since=since) for _ in range(2)]
        (many, few), users = (
            [it.creator.id for it in people],
            [Person(it.user.id, it.user.email, it.user.name) for it in people],
        )
        db.session.remove()
    with psycopg.connect(scene.server.conninfo("statement"), autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("SET synchronous_commit = off")
        _fill(owner, many, ENTRIES, DAYS)
        _fill(owner, few, FEW, 40)
        owner.execute("VACUUM (ANALYZE, FREEZE)")
        big, small = (_addresses(owner, it, chance) for it in (many, few))
    browsers = [_browser(app, user) for user in users]
    whole = f"{STATEMENT}?from={since.date()}&to={clock.now().date()}"
    rounds = [(_p95(browsers[0], big), _p95(browsers[1], small)) for _ in range(ROUNDS)]
    all_of_it = [median(_ms(it, whole) for _ in range(ROUNDS)) for it in browsers]
    print("the whole period, median: {:,.0f} ms against {:,.0f} ms".format(*all_of_it), flush=True)
    with app.app_context():
        db.engine.dispose()
    return figure(
        "statement.big.vs_small",
        f"p95 of {PAGES} statement pages in an account of {ENTRIES:,} entries",
        "ms",
        f"the same of one of {FEW}",
        rounds,
        GOAL,
        lower_is_better=True,
    )


BENCHES = {"statement.big.vs_small": measure}
