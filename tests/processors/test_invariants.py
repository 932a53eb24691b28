"""Each invariant of the outbox sees the violation it is for, planted as the owner of the tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from marketplace.database.identifier import new_id
from marketplace.processors.invariants import CHECKS

SUBJECT = new_id()

INSERT = """
INSERT INTO processor_request (id, processor, livemode, op, subject_type, subject_id, attempt,
  idem_key, body, body_sha256, state, tries, first_sent_at, next_try_at, created_at, remote_id)
VALUES (%(id)s, 'stripe', false, 'trf', 'payout', %(subject)s, %(attempt)s, %(key)s, '{"a": 1}',
  encode(sha256(convert_to('{"a": 1}', 'UTF8')), 'hex'), %(state)s, 1, %(sent)s, now(), now(),
  %(remote)s)
"""

TRY = """
INSERT INTO processor_try (request_id, kind, started_at, ended_at, verdict, replayed)
VALUES (%s, 'send', now(), now(), 'done', false)
"""


@pytest.fixture
def plant(owner: psycopg.Connection[Any]) -> Plant:
    """Rows past every constraint of the database, in a transaction that is undone."""
    for kind in ("CONSTRAINT", "INDEX"):
        names = owner.execute(GUARDS[kind]).fetchall()
        for (name,) in names:
            drop = {
                "CONSTRAINT": f"ALTER TABLE processor_request DROP CONSTRAINT {name}",
                "INDEX": f"DROP INDEX {name}",
            }
            owner.execute(drop[kind])
    return Plant(owner)


GUARDS = {
    "CONSTRAINT": "SELECT conname FROM pg_constraint WHERE conrelid = 'processor_request'::regclass"
    " AND contype IN ('c', 'u')",
    "INDEX": "SELECT indexname FROM pg_indexes WHERE tablename = 'processor_request'"
    " AND indexname LIKE 'uq%'",
}


class Plant:
    """Plants requests and tells which invariants see something."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def request(
        self, attempt: int, state: str, remote: str | None = None, subject: UUID = SUBJECT
    ) -> UUID:
        request_id = new_id()
        sent = None if state in ("ready", "abandoned") else "2026-01-01"
        self._connection.execute(
            INSERT,
            {
                "id": request_id,
                "subject": subject,
                "attempt": attempt,
                "key": f"trf:{subject.hex}:{attempt}",
                "state": state,
                "sent": sent,
                "remote": remote,
            },
        )
        if state in ("done", "rejected"):
            self._connection.execute(TRY, [request_id])
        return request_id

    def run(self, statement: str, *values: object) -> None:
        self._connection.execute(statement, values)

    def seen(self) -> set[str]:
        return {check.id for check in CHECKS if self._connection.execute(check.sql).fetchone()}


def test_nothing_is_seen_in_an_ordinary_course_of_events(plant: Plant) -> None:
    plant.request(1, "rejected")
    plant.request(2, "abandoned")
    plant.request(3, "done", "tr_1")
    plant.request(1, "ready", subject=new_id())
    assert plant.seen() == set()


def test_two_requests_under_way_for_one_subject_are_seen(plant: Plant) -> None:
    plant.request(1, "unknown")
    plant.request(2, "ready")
    assert plant.seen() == {"O1"}


def test_a_changed_body_is_seen(plant: Plant) -> None:
    request_id = plant.request(1, "ready")
    plant.run("UPDATE processor_request SET body = '{\"a\": 2}' WHERE id = %s", request_id)
    assert plant.seen() == {"O2"}


def test_a_key_of_another_attempt_is_seen(plant: Plant) -> None:
    request_id = plant.request(1, "ready")
    plant.run("UPDATE processor_request SET idem_key = 'trf:x:1' WHERE id = %s", request_id)
    assert plant.seen() == {"O2"}


def test_a_done_request_that_names_nothing_is_seen(plant: Plant) -> None:
    plant.request(1, "done")
    assert plant.seen() == {"O3"}


def test_two_requests_that_name_the_same_object_are_seen(plant: Plant) -> None:
    plant.request(1, "done", "tr_1")
    plant.request(1, "done", "tr_1", subject=new_id())
    assert plant.seen() == {"O3"}


def test_an_attempt_after_one_that_is_done_is_seen(plant: Plant) -> None:
    plant.request(1, "done", "tr_1")
    plant.request(2, "ready")
    assert plant.seen() == {"O4"}


def test_a_missing_attempt_is_seen(plant: Plant) -> None:
    plant.request(2, "ready")
    assert plant.seen() == {"O5"}


def test_an_answer_without_a_try_is_seen(plant: Plant) -> None:
    request_id = plant.request(1, "done", "tr_1")
    plant.run("DELETE FROM processor_try WHERE request_id = %s", request_id)
    assert plant.seen() == {"O6"}


def test_a_try_of_what_never_left_is_seen(plant: Plant) -> None:
    plant.run(TRY, plant.request(1, "ready"))
    assert plant.seen() == {"O6"}
