"""The inbox: every authentic event is one row, stored once, handled until it has an outcome.

    new ──▶ done | ignored                    the object was fetched and our row follows it
     │ └──▶ quarantined                       the object is authentic but does not fit our row
     ▼
    retry ──▶ … ──▶ parked after TRIES_MAX    replay() puts any of them back to new

An event is only a hint: what it names is fetched, so that order, repetition and age do not matter.
Times here are wall time; what follows from an event is dated in domain time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock, lock_next
from marketplace.extensions import Base, db
from marketplace.processors import registry
from marketplace.processors.base import Endpoint, Kind, Ref, Snapshot
from marketplace.processors.pace import pace
from marketplace.webhooks import converge

TRIES_MAX = 20
LEASE = timedelta(seconds=90)  # longer than fetching an object takes
WAITING = ("new", "retry")

# Known, but nothing of ours follows: a creator's bank payout is between them and their processor.
_INFORMATION: frozenset[str] = frozenset({"connected_payout"})


class WebhookEvent(Base):
    """One event as the processor sent it, and what came of it."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        CheckConstraint(
            "state IN ('new', 'retry', 'done', 'ignored', 'quarantined', 'parked')", name="state"
        ),
        # Outcome and time agree.
        CheckConstraint(
            "(handled_at IS NOT NULL) = (state IN ('done', 'ignored', 'quarantined'))",
            name="handled_has_a_time",
        ),
        UniqueConstraint("processor", "livemode", "event_id"),
        Index(
            "ix_webhook_event_due",
            "next_try_at",
            postgresql_where=text("state IN ('new', 'retry')"),
        ),
        Index("ix_webhook_event_object", "object_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    processor: Mapped[str]
    endpoint: Mapped[str]
    event_id: Mapped[str]
    event_type: Mapped[str]
    livemode: Mapped[bool]
    account: Mapped[str | None]  # the connected account it happened on
    object_kind: Mapped[str | None]  # None = of no concern to us
    object_id: Mapped[str | None]
    raw: Mapped[bytes]
    sha256: Mapped[str]  # of `raw`
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str]
    tries: Mapped[int]
    next_try_at: Mapped[datetime]
    last_error: Mapped[str | None]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]


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
    endpoint: Endpoint,
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
    hint = _Hint(
        event.id,
        event.processor,
        event.livemode,
        cast(Kind, event.object_kind),
        event.object_id or "",
        event.account,
    )
    db.session.commit()
    try:
        snapshot = registry.get(hint.processor).fetch(hint.kind, hint.object_id, hint.account)
        if snapshot.livemode != hint.livemode:
            raise converge.Quarantine("the event and its object are not of the same mode")
        _apply(hint, snapshot, at)
    except converge.Quarantine as error:
        db.session.rollback()
        if event := _still_waiting(hint):
            _finish(event, "quarantined", str(error))
    except Exception as error:
        # Whatever is wrong with this one event, the others go on; it is tried again, then parked.
        db.session.rollback()
        _postpone(hint, error)
    db.session.commit()
    return True


def _apply(hint: _Hint, snapshot: Snapshot, at: datetime) -> None:
    """Follow what was fetched; the event and its effect are committed together."""
    if event := _still_waiting(hint):
        _finish(event, converge.apply(snapshot, at))


def _still_waiting(hint: _Hint) -> WebhookEvent | None:
    """The event under its lock, unless another worker was faster."""
    event = lock(WebhookEvent, hint.id)
    return event if event is not None and event.state in WAITING else None


def _finish(event: WebhookEvent, state: str, error: str | None = None) -> None:
    event.state, event.last_error, event.handled_at = state, error, clock.wall_now()


def _postpone(hint: _Hint, error: Exception) -> None:
    if event := _still_waiting(hint):
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
    wall_at = clock.wall_now()
    changes = registry.get(processor).changes(since)
    return sum(store(processor, "platform", ref, raw, {}, wall_at) for ref, raw in changes)
