"""The outbox: an intention is a row first, body and key frozen, one at a time per subject."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace.database.identifier import new_id
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.processors import outbox
from marketplace.processors.base import Op
from marketplace.processors.outbox import ProcessorRequest
from marketplace.processors.stripe_amounts import NotExpressible
from tests.processors.make import checkout_intent, transfer_intent, usd


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.rollback()


def reload(request: ProcessorRequest) -> ProcessorRequest:
    return db.session.get_one(ProcessorRequest, request.id, populate_existing=True)


def closed(request: ProcessorRequest, state: str) -> None:
    request.first_sent_at = request.created_at
    request.state = state
    request.remote_id = f"tr_{request.attempt}" if state == "done" else None
    if state in ("done", "rejected"):
        db.session.add(
            outbox.ProcessorTry(
                request_id=request.id,
                kind="send",
                started_at=request.created_at,
                ended_at=request.created_at,
                verdict=state,
                replayed=False,
            )
        )
    db.session.commit()


def test_an_intention_is_a_row_with_a_key_made_of_its_subject_and_attempt() -> None:
    intent = transfer_intent("acct_1", usd(4_000))
    request = outbox.enqueue("stripe", intent)
    db.session.commit()

    stored = reload(request)
    assert stored.idem_key == f"trf:{intent.subject_id.hex}:1"
    assert stored.body["amount"] == 4_000
    assert stored.body["transfer_group"] == intent.subject_id.hex
    assert (stored.state, stored.first_sent_at, stored.livemode) == ("ready", None, False)
    assert len(stored.body_sha256) == 64


def test_a_second_intention_for_the_same_is_refused_while_the_first_is_under_way() -> None:
    intent = transfer_intent("acct_1")
    request = outbox.enqueue("stripe", intent)
    db.session.commit()
    for state in ("ready", "sent", "unknown"):
        request.first_sent_at = None if state == "ready" else request.created_at
        request.state = state
        db.session.commit()
        with pytest.raises(WrongState):
            outbox.enqueue("stripe", intent)


@pytest.mark.parametrize("state", ["rejected", "abandoned", "needs_review"])
def test_the_attempt_grows_only_after_the_one_before_it_is_closed(state: str) -> None:
    intent = transfer_intent("acct_1")
    first = outbox.enqueue("stripe", intent)
    db.session.commit()
    closed(first, state)

    second = outbox.enqueue("stripe", intent)
    db.session.commit()

    assert (second.attempt, second.state) == (2, "ready")
    assert second.idem_key == f"trf:{intent.subject_id.hex}:2"
    # Asking anew counts as the review.
    assert reload(first).state == ("abandoned" if state == "needs_review" else state)


def test_two_attempts_under_way_at_once_are_refused_by_the_database() -> None:
    intent = transfer_intent("acct_1")
    first = outbox.enqueue("stripe", intent)
    db.session.commit()
    with pytest.raises(Exception, match="uq_processor_request_open"):
        outbox.open_attempt(
            "stripe", Op.TRANSFER, "payout", intent.subject_id, attempt=2, body=first.body
        )


def test_other_operations_of_the_same_subject_do_not_wait() -> None:
    subject_id = new_id()
    outbox.enqueue("stripe", transfer_intent("acct_1", subject_id=subject_id))
    outbox.enqueue("stripe", checkout_intent(subject_id=subject_id))
    db.session.commit()


def test_an_amount_that_the_processor_cannot_write_is_refused_before_anything_is_stored() -> None:
    with pytest.raises(NotExpressible):
        outbox.enqueue("stripe", transfer_intent("acct_1", Money(5_124, "KWD")))
    assert db.session.query(ProcessorRequest).count() == 0


def test_what_never_left_can_be_called_off_once() -> None:
    intent = transfer_intent("acct_1")
    request = outbox.enqueue("stripe", intent)
    db.session.commit()

    assert outbox.abandon(Op.TRANSFER, intent.subject_id)
    db.session.commit()

    assert reload(request).state == "abandoned"
    assert not outbox.abandon(Op.TRANSFER, intent.subject_id)


@pytest.mark.parametrize("state", ["sent", "unknown", "done", "rejected", "needs_review"])
def test_what_may_have_left_cannot_be_called_off(state: str) -> None:
    intent = transfer_intent("acct_1")
    request = outbox.enqueue("stripe", intent)
    db.session.commit()
    closed(request, state)

    assert not outbox.abandon(Op.TRANSFER, intent.subject_id)
    assert reload(request).state == state


def test_the_hash_is_of_the_body_as_postgresql_writes_it(owner: psycopg.Connection[Any]) -> None:
    request = outbox.enqueue("stripe", checkout_intent())
    db.session.commit()
    stored = owner.execute(
        "SELECT body::text, body_sha256 FROM processor_request WHERE id = %s", [request.id]
    ).fetchone()
    assert stored is not None
    assert json.loads(stored[0]) == request.body
    assert hashlib.sha256(stored[0].encode()).hexdigest() == stored[1]
