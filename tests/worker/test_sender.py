"""The sender: one call, one answer, whatever goes wrong in between."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text, update

from marketplace import clock
from marketplace.extensions import db
from marketplace.processors import outbox
from marketplace.processors.base import Op, Outcome, Request, Verdict
from marketplace.processors.outbox import ProcessorRequest
from marketplace.processors.pace import LIVE, SANDBOX, Pace
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import converge
from tests.processors.make import funded, payee, transfer_intent, usd
from tests.sandbox.server import SandboxServer
from tests.worker import ways
from tests.worker.recorder import Recorder


@pytest.fixture
def account(sandbox: SandboxServer, joined: Stripe) -> str:
    """An account that can be paid, and money to pay it from."""
    funded(sandbox, joined, usd(1_000_000))
    return payee(sandbox, joined)


def row(request_id: Any) -> ProcessorRequest:
    return db.session.get_one(ProcessorRequest, request_id, populate_existing=True)


def test_a_request_is_sent_once_and_its_subject_is_told(
    sandbox: SandboxServer, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    request = ways.enqueue(intent)
    id, key = request.id, request.idem_key

    assert ways.send()
    assert not ways.send()

    done = row(id)
    (made,) = ways.transfers(sandbox, intent.subject_id)
    assert (done.state, done.remote_id, done.lease_until) == ("done", made["id"], None)
    assert recorder.asked == [key]
    assert recorder.told == [(key, Verdict.DONE, None)]
    assert ways.tries() == [("send", "done")]


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("timeout_before", "unknown"),
        ("timeout_after_success", "unknown"),
        ("reset_before", "unknown"),
        ("reset_after", "unknown"),
        ("e503", "unknown"),
        ("e409", "busy"),
        ("e429", "busy"),
    ],
)
def test_after_a_fault_the_same_key_is_sent_again_later(
    sandbox: SandboxServer, recorder: Recorder, account: str, fault: str, verdict: str
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    sandbox.fault("transfers.create", fault, hold_s=1.3)

    ways.send()
    assert ways.states(intent.subject_id) == ["unknown"]
    assert not ways.send()  # not at once
    ways.waits_are_over()
    ways.send()

    assert ways.states(intent.subject_id) == ["done"]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1
    assert ways.tries() == [("send", verdict), ("send", "done")]
    assert len(recorder.asked) == 1  # only before it left for the first time


def test_a_refusal_closes_the_attempt_and_asking_anew_opens_the_next(
    sandbox: SandboxServer, joined: Stripe, recorder: Recorder
) -> None:
    intent = transfer_intent(payee(sandbox, joined))  # and no money
    ways.enqueue(intent)
    ways.send()
    assert recorder.told[-1][1:] == (Verdict.REJECTED, "balance_insufficient")
    assert ways.states(intent.subject_id) == ["rejected"]

    funded(sandbox, joined, usd(1_000_000))
    ways.enqueue(intent)
    ways.send()

    assert ways.states(intent.subject_id) == ["rejected", "done"]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1


def test_what_its_subject_does_not_allow_any_more_never_leaves(
    sandbox: SandboxServer, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    recorder.allows = lambda request: False

    ways.send()

    assert ways.states(intent.subject_id) == ["abandoned"]
    assert ways.transfers(sandbox, intent.subject_id) == []
    assert ways.tries() == []


def test_what_is_called_off_between_claim_and_sending_never_leaves(
    sandbox: SandboxServer, recorder: Recorder, account: str, app: Flask
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)

    def cancel_elsewhere(request: ProcessorRequest) -> bool:
        def cancel() -> None:
            with app.app_context():
                assert outbox.abandon(Op.TRANSFER, intent.subject_id)
                db.session.commit()

        other = threading.Thread(target=cancel)
        other.start()
        other.join()
        return True

    recorder.allows = cancel_elsewhere
    ways.send()

    assert ways.states(intent.subject_id) == ["abandoned"]
    assert ways.transfers(sandbox, intent.subject_id) == []


@pytest.mark.usefixtures("broken_on_purpose")
def test_a_changed_body_never_leaves(
    sandbox: SandboxServer, recorder: Recorder, account: str, owner: psycopg.Connection[Any]
) -> None:
    intent = transfer_intent(account, usd(1_000))
    ways.enqueue(intent)
    owner.execute("""UPDATE processor_request SET body = jsonb_set(body, '{amount}', '999999')""")
    owner.commit()

    for _ in range(2):
        ways.send()
        ways.waits_are_over()

    assert ways.states(intent.subject_id) == ["ready"]
    assert ways.transfers(sandbox, intent.subject_id) == []


def test_a_request_of_the_other_mode_is_never_sent(
    sandbox: SandboxServer, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    db.session.execute(update(ProcessorRequest).values(livemode=True))
    db.session.commit()

    assert not ways.send()
    assert ways.transfers(sandbox, intent.subject_id) == []


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency", "wrong_livemode"])
def test_an_answer_that_does_not_fit_waits_for_a_person(
    sandbox: SandboxServer, recorder: Recorder, account: str, fault: str
) -> None:
    intent = transfer_intent(account)
    request_id = ways.enqueue(intent).id

    def compare(request: ProcessorRequest, outcome: Outcome) -> None:
        if outcome.snapshot is not None and outcome.snapshot.amount != intent.amount:
            raise converge.Quarantine("another amount")

    recorder.on_answer = compare
    sandbox.fault("transfers.create", fault)
    ways.send()
    ways.waits_are_over()
    assert not ways.send()

    reviewed = row(request_id)
    assert (reviewed.state, reviewed.error_code) == ("needs_review", "mismatch")
    assert reviewed.remote_id == ways.transfers(sandbox, intent.subject_id)[0]["id"]
    assert recorder.told == []


def test_a_key_that_met_another_body_is_looked_up_before_that_counts(
    sandbox: SandboxServer, joined: Stripe, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    request = ways.enqueue(intent)
    joined.execute(
        Request(
            id=request.id,
            processor="stripe",
            op=Op.TRANSFER,
            subject_type="payout",
            subject_id=intent.subject_id,
            key=request.idem_key,
            body={**joined.body(intent), "description": "in other words"},
            first_sent_at=None,
        )
    )

    ways.send()

    assert ways.states(intent.subject_id) == ["done"]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1


def test_a_key_that_met_another_body_waits_for_a_person(
    sandbox: SandboxServer, joined: Stripe, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    request = ways.enqueue(intent)
    stranger = Request(
        id=request.id,
        processor="stripe",
        op=Op.TRANSFER,
        subject_type="payout",
        subject_id=transfer_intent(account).subject_id,
        key=request.idem_key,
        body=joined.body(transfer_intent(account, usd(1))),
        first_sent_at=None,
    )
    joined.execute(stranger)

    ways.send()

    assert ways.states(intent.subject_id) == ["needs_review"]
    assert recorder.told[-1][1:] == (Verdict.REJECTED, "idempotency_error")
    ways.enqueue(intent)  # a person looked, and asks anew
    ways.send()
    assert ways.states(intent.subject_id) == ["abandoned", "done"]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1


def test_a_refusal_after_a_doubt_counts_only_if_a_look_up_agrees(
    sandbox: SandboxServer,
    joined: Stripe,
    recorder: Recorder,
    account: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    sandbox.fault("transfers.create", "reset_after")
    ways.send()  # it was made, and nobody told us

    refusal = Outcome(Verdict.REJECTED, code="permission_denied", http_status=403)
    monkeypatch.setattr(joined, "execute", lambda request: refusal)
    ways.waits_are_over()
    ways.send()

    assert ways.states(intent.subject_id) == ["done"]
    assert recorder.told[-1][1] is Verdict.DONE
    assert ways.tries()[1:] == [("send", "rejected"), ("look_up", "done")]


def test_a_refusal_after_a_doubt_stands_if_nothing_was_made(
    sandbox: SandboxServer, joined: Stripe, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account, usd(90_000_000))  # more than there is
    ways.enqueue(intent)
    sandbox.fault("transfers.create", "reset_before")
    ways.send()
    ways.waits_are_over()
    ways.send()

    assert ways.states(intent.subject_id) == ["rejected"]
    assert recorder.told[-1][1:] == (Verdict.REJECTED, "balance_insufficient")
    assert ways.tries()[1:] == [("send", "rejected"), ("look_up", "rejected")]


def test_a_failure_that_the_processor_repeats_is_looked_up(
    sandbox: SandboxServer, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    sandbox.fault("transfers.create", "e500_after_success")
    for _ in range(3):
        ways.send()
        ways.waits_are_over()

    assert ways.states(intent.subject_id) == ["done"]
    assert [kind for kind, _ in ways.tries()] == ["send", "send", "look_up"]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1


def test_past_the_safe_window_what_was_made_is_found_not_made_again(
    sandbox: SandboxServer, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    sandbox.fault("transfers.create", "reset_after")
    ways.send()
    ways.domain_time_passes(sandbox, timedelta(days=30))
    ways.waits_are_over()

    ways.send()

    assert ways.states(intent.subject_id) == ["done"]
    assert ways.tries()[1:] == [("look_up", "done")]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1


def test_past_the_safe_window_two_look_ups_apart_open_the_next_attempt(
    sandbox: SandboxServer, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    sandbox.fault("transfers.create", "reset_before")
    ways.send()
    ways.domain_time_passes(sandbox, timedelta(hours=23))
    db.session.execute(text("UPDATE processor_request SET next_try_at = now()"))
    db.session.commit()

    ways.send()
    assert ways.states(intent.subject_id) == ["unknown"]  # asked once: not enough
    assert not ways.send()  # and not again at once
    ways.waits_are_over()
    ways.send()
    assert ways.states(intent.subject_id) == ["abandoned", "ready"]
    ways.send()

    assert ways.states(intent.subject_id) == ["abandoned", "done"]
    assert [kind for kind, _ in ways.tries()] == ["send", "look_up", "look_up", "send"]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1
    assert len(recorder.asked) == 2  # the next attempt is asked for anew


def test_a_look_up_without_an_answer_opens_nothing(
    sandbox: SandboxServer, recorder: Recorder, account: str
) -> None:
    intent = transfer_intent(account)
    ways.enqueue(intent)
    sandbox.fault("transfers.create", "reset_before")
    ways.send()
    ways.domain_time_passes(sandbox, timedelta(days=2))
    sandbox.fault("transfers.list", "e503", times=3)
    for _ in range(3):
        ways.waits_are_over()
        ways.send()

    assert ways.states(intent.subject_id) == ["unknown"]


def test_a_dead_workers_claim_ends_with_its_lease(
    sandbox: SandboxServer, recorder: Recorder, account: str, app: Flask
) -> None:
    dying = ways.CrashingStripe(app.extensions["settings"])
    app.extensions["processors"]["stripe"] = dying
    intent = transfer_intent(account)
    ways.enqueue(intent)
    dying.dies = "after"
    ways.send()
    dying.dies = None

    assert not ways.send()  # somebody holds it
    ways.waits_are_over()
    ways.send()

    assert ways.states(intent.subject_id) == ["done"]
    assert len(ways.transfers(sandbox, intent.subject_id)) == 1


def test_several_workers_send_each_request_once(
    sandbox: SandboxServer, recorder: Recorder, account: str, app: Flask
) -> None:
    intents = [transfer_intent(account, usd(100 + n)) for n in range(24)]
    for intent in intents:
        ways.enqueue(intent)

    def work() -> None:
        with app.app_context():
            while ways.send():
                pass

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(sandbox.books()["transfers"]) == len(intents)
    assert ways.tries() == [("send", "done")] * len(intents)
    assert sorted(recorder.asked) == sorted(set(recorder.asked))


@pytest.mark.parametrize("holds_a_transaction", [False, True], ids=["as it is", "control"])
def test_no_transaction_is_open_while_the_processor_is_asked(
    sandbox: SandboxServer,
    joined: Stripe,
    recorder: Recorder,
    account: str,
    app: Flask,
    owner: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    holds_a_transaction: bool,
) -> None:
    execute = joined.execute

    def within_a_transaction(request: Request) -> Outcome:
        db.session.execute(text("SELECT 1"))
        return execute(request)

    if holds_a_transaction:
        monkeypatch.setattr(joined, "execute", within_a_transaction)
    ways.enqueue(transfer_intent(account))
    db.session.remove()
    sandbox.fault("transfers.create", "timeout_after_success", hold_s=4)

    def work() -> None:
        with app.app_context():
            ways.send()

    owner.autocommit = True
    worker = threading.Thread(target=work)
    worker.start()
    open_during_call = set()
    looks = 0  # the answer is held for seconds: a few looks are surely during the call
    while worker.is_alive():
        if sandbox.faults()["fired"] and looks < 10:
            looks += 1
            states = owner.execute(
                "SELECT state FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            open_during_call |= {state for (state,) in states}
        time.sleep(0.05)
    worker.join()

    assert ("idle in transaction" in open_during_call) is holds_a_transaction


@pytest.mark.parametrize(
    ("pace", "expected_s"),
    [
        (LIVE, (10, 40, 160, 320, 640, 1280, 2560, 3600, 3600)),
        (SANDBOX, (1, 4, 16, 64, 128, 256, 512, 1024, 2048, 3600, 3600)),
    ],
)
def test_what_stays_unknown_is_asked_about_further_and_further_apart_up_to_an_hour(
    pace: Pace, expected_s: tuple[int, ...]
) -> None:
    at = clock.wall_now()
    for tries, least_s in enumerate(expected_s, 1):
        assert least_s <= (pace.next_try(tries, at) - at).total_seconds() <= 1.2 * least_s
    assert pace.next_try(100_000, at) - at <= timedelta(hours=1.2)
