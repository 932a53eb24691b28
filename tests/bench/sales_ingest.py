"""Orders of a shop taken in and owed, against COPY of the very rows that come of it.

Ours: each message is stored once (deduplicated by its id), while workers, one for each of two
cores, handle in batches what is stored: read, matched to its creator's code, receipt written,
commission owed and posted. Theirs: the rows that this left are written by COPY, one connection and
one transaction, into a twin database with the same indexes, keys and triggers, nothing computed;
balances of accounts are not even updated.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from marketplace import clock
from marketplace.commissions import code as codes
from marketplace.database.identifier import new_id
from marketplace.earnings.terms import terms_of
from marketplace.extensions import db
from marketplace.storefronts import storefront as storefronts
from marketplace.webhooks import inbox
from tests.bench.figures import Figure, figure
from tests.bench.scene import Crew, Scene
from tests.make import make_brand, make_campaign, make_creator
from tests.storefronts.samples import shopify_order

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
ROUNDS = 5
CREATORS = 100
WORKERS = 2
AT_ONCE = 500  # messages stored in one transaction
RATE_BPS = 1_500
EACH_AT_MOST_MINOR = 1_400
BUDGET_MINOR = 90_000_000
FLOOR = 0.25

# In the order of their keys. What sorts by time tells the rows of a round.
TABLES = ("webhook_event", "earning", "sale", "status_change")
BOOKS = ("transaction", "entry")


def ingest(scene: Scene) -> Figure:
    """Measure both in turn, round by round."""
    app = scene.app("sales")
    with app.app_context():
        shop_id, own_codes = _shop()
        _store(_messages(shop_id, own_codes, 0, CREATORS))  # every account exists from now on
        while inbox.handle_orders(clock.now()):
            db.session.remove()
        db.session.remove()
        db.engine.dispose()
    with psycopg.connect(scene.server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE sales_twin TEMPLATE sales")
    twin = psycopg.connect(scene.server.conninfo("sales_twin"))
    rounds = []
    each = EVENTS // ROUNDS
    worker = [sys.executable, "-m", "tests.bench.sales_worker", scene.server.url("sales")]
    with (
        Crew(worker, WORKERS) as workers,
        app.app_context(),
        psycopg.connect(scene.server.conninfo("sales")) as owner,
    ):
        workers.rate("orders", CREATORS)  # they are up
        for number in range(ROUNDS):
            marks = _marks(owner)
            messages = list(_messages(shop_id, own_codes, (number + 1) * each, each))
            started = time.perf_counter()
            workers.begin("orders", CREATORS + (number + 1) * each)
            _store(messages)
            workers.end()
            ours = each / (time.perf_counter() - started)
            rounds.append((ours, each / _copy(owner, twin, marks)))
        left = "SELECT count(*) FROM sale WHERE status <> 'accrued'"
        assert owner.execute(left).fetchone() == (0,), "every sale is owed"
        took = "SELECT count(*) FROM sale"
        orders = (CREATORS + ROUNDS * each,)
        assert owner.execute(took).fetchone() == orders, "every order is a sale"
    twin.close()
    return figure(
        "sales.ingest.vs_copy",
        f"orders stored, attributed and owed by {WORKERS} workers, {EVENTS:,} of them in batches",
        "orders/s",
        "COPY of the rows that come of it, one connection",
        rounds,
        FLOOR,
    )


def _shop() -> tuple[str, list[str]]:
    """A shop with reserved money, and the codes of its creators."""
    team = make_brand()
    campaigns = [
        make_campaign(
            team,
            status="open",
            flat_fee_minor=None,
            commission_bps=RATE_BPS,
            places=CREATORS,
            budget_minor=BUDGET_MINOR,
        )
        for _ in range(-(-EVENTS * EACH_AT_MOST_MINOR // BUDGET_MINOR))
    ]
    terms = terms_of("commission", clock.now())
    made = []
    for number in range(CREATORS):
        creator = make_creator().creator
        owner = campaigns[number % len(campaigns)].ledger_owner
        args = (new_id(), creator.id, team.brand.id, owner, RATE_BPS, terms, "USD", clock.now())
        made.append(codes.issue(*args).code)
    shop = storefronts.add(
        team.brand.id, "shopify", "bench.example", "USD", form_key=new_id(), at=clock.now()
    )
    shop.secret = "bench"
    db.session.commit()
    return shop.id.hex, made


def _messages(shop_id: str, own_codes: list[str], first: int, count: int) -> Iterator[Any]:
    for number in range(first, first + count):
        code = own_codes[number % len(own_codes)].lower()
        body = shopify_order(
            id=10_000_000 + number,
            name=f"#{number}",
            discount_codes=[{"code": code, "amount": "10.00", "type": "percentage"}],
        )
        raw = json.dumps(body).encode()
        wall_at = clock.wall_now()
        yield {
            "id": new_id(),
            "processor": "shopify",
            "endpoint": "orders",
            "event_id": f"{shop_id}:{number}",
            "event_type": "orders/paid",
            "livemode": False,
            "account": shop_id,
            "object_kind": "order",
            "object_id": str(body["id"]),
            "raw": raw,
            "sha256": "0" * 64,
            "headers": Jsonb({}),
            "state": "new",
            "tries": 0,
            "next_try_at": wall_at,
            "received_at": wall_at,
        }


def _store(messages: Iterable[Any]) -> None:
    """Store messages by the inbox's own statement, many in one transaction."""
    statement = inbox._STORE.replace(" RETURNING id", "")
    pooled = db.engine.raw_connection()
    driver: Any = pooled.driver_connection
    pending: list[Any] = []
    for message in messages:
        pending.append(message)
        if len(pending) == AT_ONCE:
            driver.cursor().executemany(statement, pending)
            driver.commit()
            pending.clear()
    driver.cursor().executemany(statement, pending)
    driver.commit()
    pooled.close()


def _marks(owner: psycopg.Connection[Any]) -> dict[str, Any]:
    """The last row of each table before a round."""
    marks = {}
    for table in (*TABLES, *(f"ledger.{name}" for name in BOOKS)):
        newest = f"SELECT id FROM {table} ORDER BY id DESC LIMIT 1"
        row = owner.execute(newest).fetchone()
        assert row is not None
        marks[table] = row[0]
    owner.rollback()
    return marks


def _copy(
    owner: psycopg.Connection[Any], twin: psycopg.Connection[Any], marks: dict[str, Any]
) -> float:
    """Write a round's rows into the twin; return the seconds that took, reading them aside."""
    read = {}
    for table, mark in marks.items():
        newer = f"SELECT * FROM {table} WHERE id > '{mark}' ORDER BY id"
        with owner.cursor().copy(f"COPY ({newer}) TO STDOUT (FORMAT binary)") as rows:
            read[table] = b"".join(bytes(part) for part in rows)
    owner.rollback()
    started = time.perf_counter()
    for table, kept in read.items():
        with twin.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
            copy.write(kept)
    twin.commit()
    return time.perf_counter() - started


BENCHES = {"sales.ingest.vs_copy": ingest}
