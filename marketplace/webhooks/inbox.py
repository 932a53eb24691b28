"""The inbox: every authentic event is one row, stored once, handled until it has an outcome.

    new ──▶ done | ignored                    the object was fetched and our row follows it
     │ └──▶ quarantined                       the object is authentic but does not fit our row
     ▼
    retry ──▶ … ──▶ parked after TRIES_MAX    replay() puts any of them back to new

A processor's event is only a hint: what it names is fetched, so that order, repetition and age do
not matter. A shop's message carries what happened, and only ever adds to what is known of an order.
Times here are wall time; what follows from an event is dated in domain time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Uuid, any_, literal, update

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock, lock_free, lock_next
from marketplace.extensions import db
from marketplace.failpoints import Point, failpoint
from marketplace.processors import registry
from marketplace.processors.base import Kind, Ref, Snapshot
from marketplace.processors.pace import pace
from marketplace.storefronts.reading import Unreadable
from marketplace.storefronts.storefront import FIRST_TOPICS, SOFTWARE
from marketplace.webhooks import converge, orders
from marketplace.webhooks.event import WebhookEvent

JOB = "webhook events"
TRIES_MAX = 20
ORDERS_AT_ONCE = 500
LEASE = timedelta(seconds=90)  # longer than fetching an object takes
WAITING = ("new", "retry")

# Known, but nothing of ours follows: a creator's bank payout is between them and their processor.
_INFORMATION: frozenset[str] = frozenset({"connected_payout"})


@dataclass(frozen=True)
class _Hint:
    """What a claimed event tells us to fetch."""

    id: UUID
    processor: str
    livemode: bool
    kind: Kind
    object_id: str
    account: str | None


def store(
    processor: str,
    endpoint: str,
    ref: Ref,
    raw: bytes,
    headers: Mapping[str, str],
    wall_at: datetime,
) -> bool:
    """Keep an authentic event, durably, in one round trip; False if we have it already.

    By psycopg itself: building this one statement anew took SQLAlchemy longer than storing the row.
    """
    row = {
        "id": new_id(),
        "processor": processor,
        "endpoint": endpoint,
        "event_id": ref.event_id,
        "event_type": ref.event_type,
        "livemode": ref.livemode,
        "account": ref.account,
        "object_kind": ref.kind,
        "object_id": ref.remote_id,
        "raw": raw,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "headers": Jsonb(dict(headers)),
        "state": "new",
        "tries": 0,
        "next_try_at": wall_at,
        "received_at": wall_at,
    }
    pooled = db.engine.raw_connection()
    try:
        connection: psycopg.Connection[Any] = cast(Any, pooled.driver_connection)
        connection.autocommit = True  # one statement needs no BEGIN and COMMIT around it
        stored = connection.execute(_STORE, row).fetchone() is not None
        connection.autocommit = False
        return stored
    except Exception:
        pooled.invalidate()  # in whatever state it is, nobody else gets it
        raise
    finally:
        pooled.close()


_STORE = """
INSERT INTO webhook_event (id, processor, endpoint, event_id, event_type, livemode, account,
  object_kind, object_id, raw, sha256, headers, state, tries, next_try_at, received_at)
VALUES (%(id)s, %(processor)s, %(endpoint)s, %(event_id)s, %(event_type)s, %(livemode)s,
  %(account)s, %(object_kind)s, %(object_id)s, %(raw)s, %(sha256)s, %(headers)s, %(state)s,
  %(tries)s, %(next_try_at)s, %(received_at)s)
ON CONFLICT DO NOTHING RETURNING id
"""


def handle_next(at: datetime) -> bool:
    """Handle the event that has been due longest and commit; False if none is due."""
    wall_at = clock.wall_now()
    event = lock_next(
        WebhookEvent,
        WebhookEvent.state.in_(WAITING),
        WebhookEvent.next_try_at <= wall_at,
        order_by=WebhookEvent.next_try_at,
    )
    if event is None:
        return False
    event.tries += 1
    if event.object_kind is None or event.object_kind in _INFORMATION:
        _finish(event, "ignored")
        db.session.commit()
        return True
    event.next_try_at = wall_at + LEASE
    if event.processor in SOFTWARE:
        id = event.id
        db.session.commit()
        _handle_order(id, at)
        return True
    hint = _Hint(
        event.id,
        event.processor,
        event.livemode,
        cast(Kind, event.object_kind),
        event.object_id or "",
        event.account,
    )
    failpoint(JOB, Point.WRITTEN)
    db.session.commit()
    failpoint(JOB, Point.BEFORE_CALL)
    try:
        snapshot = registry.get(hint.processor).fetch(hint.kind, hint.object_id, hint.account)
        failpoint(JOB, Point.ANSWERED)
        if snapshot.livemode != hint.livemode:
            raise converge.Quarantine("the event and its object are not of the same mode")
        _apply(hint, snapshot, at)
    except converge.Quarantine as error:
        db.session.rollback()
        if event := _still_waiting(hint.id):
            _finish(event, "quarantined", str(error))
    except Exception as error:
        # Whatever is wrong with this one event, the others go on; it is tried again, then parked.
        db.session.rollback()
        _postpone(hint.id, error)
    failpoint(JOB, Point.BEFORE_COMMIT)
    db.session.commit()
    return True


def handle_orders(at: datetime) -> bool:
    """Handle up to `ORDERS_AT_ONCE` fresh orders of shops in one commit; False if none is due.

    If anything is wrong with one of them, each is handled alone.
    """
    wall_at = clock.wall_now()
    events = lock_free(
        WebhookEvent,
        WebhookEvent.state == "new",
        WebhookEvent.next_try_at <= wall_at,
        WebhookEvent.processor.in_(SOFTWARE),
        WebhookEvent.object_kind.is_not(None),  # a topic of its own software
        WebhookEvent.event_type.in_(FIRST_TOPICS),
        order_by=WebhookEvent.next_try_at,
        limit=ORDERS_AT_ONCE,
    )
    if not events:
        return False
    ids = [event.id for event in events]
    try:
        orders.apply(orders.read(events), at)
        _finish_all(ids)
        db.session.commit()
    except Exception:
        db.session.rollback()
        for id in ids:
            if alone := _still_waiting(id):
                alone.tries += 1
                alone.next_try_at = wall_at + LEASE
                db.session.commit()
                _handle_order(id, at)
            else:
                db.session.rollback()
    return True


def _handle_order(id: UUID, at: datetime) -> None:
    """Handle one claimed message of a shop and commit what came of it."""
    try:
        if event := _still_waiting(id):
            orders.apply(orders.read([event]), at)
            _finish(event, "done")
            db.session.flush()  # what the database refuses is this event's failure, not the job's
    except Unreadable as error:
        db.session.rollback()
        if event := _still_waiting(id):
            _finish(event, "quarantined", str(error))
    except Exception as error:
        db.session.rollback()
        _postpone(id, error)
    db.session.commit()


def _apply(hint: _Hint, snapshot: Snapshot, at: datetime) -> None:
    """Follow what was fetched; the event and its effect are committed together."""
    if event := _still_waiting(hint.id):
        _finish(event, converge.apply(snapshot, at))
        db.session.flush()


def _still_waiting(id: UUID) -> WebhookEvent | None:
    """The event under its lock, unless another worker was faster."""
    event = lock(WebhookEvent, id)
    return event if event is not None and event.state in WAITING else None


def _finish(event: WebhookEvent, state: str, error: str | None = None) -> None:
    event.state, event.last_error, event.handled_at = state, error, clock.wall_now()


def _finish_all(ids: Sequence[UUID]) -> None:
    """All of these are done, in one statement."""
    done = {"state": "done", "last_error": None, "handled_at": clock.wall_now()}
    db.session.execute(
        update(WebhookEvent)
        .where(WebhookEvent.id == any_(literal(ids, ARRAY(Uuid()))))
        .values(tries=WebhookEvent.tries + 1, **done)
        .execution_options(synchronize_session=False)
    )


def _postpone(id: UUID, error: Exception) -> None:
    if event := _still_waiting(id):
        event.last_error = f"{type(error).__name__}: {error}"[:500]
        event.state = "parked" if event.tries >= TRIES_MAX else "retry"
        event.next_try_at = pace().next_try(event.tries, clock.wall_now())


def replay(event: WebhookEvent) -> None:
    """Handle an event once more from the start; the caller commits. What was applied stays once."""
    event.state, event.tries = "new", 0
    event.last_error = event.handled_at = None
    event.next_try_at = clock.wall_now()


def catch_up(processor: str, since: datetime) -> int:
    """Store what the processor says happened since then and never reached us; return how many.

    Raises:
        ProcessorUnavailable: no usable answer.
    """
    found, page = 0, registry.get(processor).changes(since)
    while True:
        found += store_listed(processor, page.rows)
        if page.next is None:
            return found
        page = registry.get(processor).changes(since, page.next)


def store_listed(processor: str, events: Iterable[tuple[Ref, bytes]]) -> int:
    """Store those of the processor's list that never reached us; return how many.

    Each is handled as if it had been delivered; that it has no headers says that we found it.
    """
    wall_at = clock.wall_now()
    return sum(store(processor, "platform", ref, raw, {}, wall_at) for ref, raw in events)
