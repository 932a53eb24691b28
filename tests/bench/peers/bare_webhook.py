"""The least that can take a signed webhook: hmac, json, and the very INSERT that ours does."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from marketplace.database.identifier import new_id

SECRET = os.environ["BENCH_SECRET"].encode()
INSERT = """
    INSERT INTO webhook_event (id, processor, endpoint, event_id, event_type, livemode, account,
        object_kind, object_id, raw, sha256, headers, state, tries, next_try_at, received_at)
    VALUES (%s, 'stripe', 'platform', %s, %s, %s, %s, 'payment', %s, %s, %s, %s, 'new', 0, %s, %s)
    ON CONFLICT DO NOTHING
"""

_connection: list[psycopg.Connection[Any]] = []


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Verify, parse, store, answer."""
    raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    header = environ["HTTP_STRIPE_SIGNATURE"]
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = hmac.new(SECRET, parts["t"].encode() + b"." + raw, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signed, parts["v1"]):
        start_response("401 Unauthorized", [])
        return [b""]
    event = json.loads(raw)
    if not _connection:
        _connection.append(psycopg.connect(os.environ["BENCH_CONNINFO"], autocommit=True))
    now = datetime.now(UTC)
    _connection[0].execute(
        INSERT,
        (
            *(new_id(), event["id"], event["type"], event["livemode"], event.get("account")),
            *(event["data"]["object"]["id"], raw, hashlib.sha256(raw).hexdigest()),
            *(Jsonb({"Stripe-Signature": header}), now, now),
        ),
    )
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [b"stored\n"]
