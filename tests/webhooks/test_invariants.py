"""Each invariant of the inbox sees the violation it is for, planted as the owner of the tables."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from marketplace.database.identifier import new_id
from marketplace.webhooks.invariants import CHECKS

EVENT = """
INSERT INTO webhook_event (id, processor, endpoint, event_id, event_type, livemode, object_kind,
  object_id, raw, sha256, headers, state, tries, next_try_at, received_at, handled_at)
VALUES (%s, 'stripe', 'platform', %s, 'transfer.created', %s, 'transfer', 'tr_1', '', '', '{}', %s,
  1, now(), now(), %s)
"""

REQUEST = """
INSERT INTO processor_request (id, processor, livemode, op, subject_type, subject_id, attempt,
  idem_key, body, body_sha256, state, tries, first_sent_at, next_try_at, created_at, remote_id)
VALUES (%s, 'stripe', %s, 'trf', 'payout', %s, 1, 'trf:1', '{}', '', 'done', 1, now(), now(),
  now(), 'tr_1')
"""

Owner = psycopg.Connection[Any]


@pytest.fixture
def unguarded(owner: Owner) -> Owner:
    """The tables without the database's own guards, in a transaction that is undone."""
    guards = owner.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'webhook_event'::regclass"
        " AND contype IN ('c', 'u')"
    ).fetchall()
    for (name,) in guards:
        owner.execute(f"ALTER TABLE webhook_event DROP CONSTRAINT {name}")
    return owner


def plant(owner: Owner, name: str, state: str, handled: bool, livemode: bool = False) -> None:
    handled_at = "2026-01-01" if handled else None
    owner.execute(EVENT, [new_id(), name, livemode, state, handled_at])


def seen(owner: Owner) -> set[str]:
    return {check.id for check in CHECKS if owner.execute(check.sql).fetchone()}


def test_nothing_is_seen_in_an_ordinary_course_of_events(unguarded: Owner) -> None:
    plant(unguarded, "evt_1", "done", handled=True)
    plant(unguarded, "evt_2", "new", handled=False)
    plant(unguarded, "evt_3", "parked", handled=False)
    plant(unguarded, "evt_4", "quarantined", handled=True)
    unguarded.execute(REQUEST, [new_id(), False, new_id()])
    assert seen(unguarded) == set()


def test_an_event_that_is_stored_twice_is_seen(unguarded: Owner) -> None:
    plant(unguarded, "evt_1", "done", handled=True)
    plant(unguarded, "evt_1", "done", handled=True)
    assert seen(unguarded) == {"W1"}


@pytest.mark.parametrize(("state", "handled"), [("done", False), ("retry", True)])
def test_an_outcome_that_disagrees_with_its_time_is_seen(
    unguarded: Owner, state: str, handled: bool
) -> None:
    plant(unguarded, "evt_1", state, handled=handled)
    assert seen(unguarded) == {"W1"}


def test_an_applied_event_of_the_other_mode_is_seen(unguarded: Owner) -> None:
    plant(unguarded, "evt_1", "done", handled=True, livemode=True)
    unguarded.execute(REQUEST, [new_id(), False, new_id()])
    assert seen(unguarded) == {"W4.mode"}
