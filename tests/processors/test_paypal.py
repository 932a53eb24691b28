"""The PayPal adapter against a running sandbox, and against a server that gives canned answers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from marketplace import clock
from marketplace.errors import ProcessorUnavailable
from marketplace.money import Money
from marketplace.processors import paypal_wire
from marketplace.processors.base import IDEMPOTENCY_ERROR, Op, Request, Verdict
from marketplace.processors.listing import Cash
from marketplace.processors.paypal import PayPal
from tests.processors.canned import Answer, CannedServer
from tests.processors.make import recipient_intent, settings_towards, transfer_intent, usd
from tests.sandbox.server import SandboxServer

ADA = "ada@example.com"


@pytest.fixture
def paypal(sandbox: SandboxServer) -> PayPal:
    """Our adapter, towards a sandbox that has 1,000.00 USD at PayPal."""
    sandbox.fund_paypal("1000.00")
    return PayPal(settings_towards(sandbox.url))


def request_for(paypal: PayPal, receiver: str = ADA, **changes: Any) -> Request:
    intent = transfer_intent(receiver, **changes)
    return Request(
        id=intent.subject_id,
        processor="paypal",
        op=Op.TRANSFER,
        subject_type="payout",
        subject_id=intent.subject_id,
        key=f"trf:{intent.subject_id.hex}:1",
        body=paypal.body(intent),
        first_sent_at=None,
    )


def made(sandbox: SandboxServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.books()["paypal"]["items"]
    return found


def test_a_payout_is_taken_and_then_arrives(sandbox: SandboxServer, paypal: PayPal) -> None:
    request = request_for(paypal)
    taken = paypal.execute(request)

    assert (taken.verdict, taken.http_status) == (Verdict.DONE, 201)
    assert taken.snapshot is not None
    assert (taken.snapshot.state, taken.snapshot.our_ref) == ("pending", request.subject_id.hex)

    arrived = paypal.fetch("transfer", taken.snapshot.remote_id, None)
    assert (arrived.state, arrived.amount, arrived.account) == ("paid", usd(4_000), ADA)
    assert (arrived.fee, arrived.our_ref) == (usd(80), request.subject_id.hex)
    assert not arrived.livemode
    assert paypal.cash() == {"USD": Cash(usd(100_000 - 4_080), usd(0))}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("unclaimed", "unclaimed"),
        ("pending", "pending"),
        ("held", "pending"),
        ("failed", "failed"),
        ("denied", "failed"),
        ("blocked", "failed"),
        ("ada", "paid"),
    ],
)
def test_each_status_of_an_item_is_a_state_of_ours(
    sandbox: SandboxServer, paypal: PayPal, word: str, state: str
) -> None:
    snapshot = paypal.execute(request_for(paypal, f"{word}@example.com")).snapshot
    assert snapshot is not None
    assert paypal.fetch("transfer", snapshot.remote_id, None).state == state


@pytest.mark.parametrize(
    ("status", "state"),
    [("RETURNED", "returned"), ("REFUNDED", "reversed"), ("REVERSED", "reversed")],
)
def test_what_came_back_says_how(
    sandbox: SandboxServer, paypal: PayPal, status: str, state: str
) -> None:
    snapshot = paypal.execute(request_for(paypal)).snapshot
    assert snapshot is not None
    sandbox.move_paypal(snapshot.remote_id, status)
    assert paypal.fetch("transfer", snapshot.remote_id, None).state == state


@pytest.mark.parametrize(
    ("fault", "verdict", "how_often"),
    [
        ("timeout_before", Verdict.UNKNOWN, 0),
        ("reset_before", Verdict.UNKNOWN, 0),
        ("e503", Verdict.UNKNOWN, 0),
        ("e409", Verdict.BUSY, 0),
        ("e429", Verdict.BUSY, 0),
        ("timeout_after_success", Verdict.UNKNOWN, 1),
        ("reset_after", Verdict.UNKNOWN, 1),
        ("e500_after_success", Verdict.UNKNOWN, 1),
    ],
)
def test_whatever_went_wrong_the_same_key_pays_once(
    sandbox: SandboxServer, fault: str, verdict: Verdict, how_often: int
) -> None:
    sandbox.fund_paypal("1000.00")
    paypal = PayPal(settings_towards(sandbox.url, processor_timeout_s=0.5))
    request = request_for(paypal)
    sandbox.fault("paypal.payouts.create", fault, hold_s=0.8)

    assert paypal.execute(request).verdict is verdict
    assert len(made(sandbox)) == how_often
    again = paypal.execute(request)

    assert again.verdict is Verdict.DONE
    assert again.replayed is (how_often == 1)
    assert again.snapshot is not None
    assert again.snapshot.our_ref == request.subject_id.hex
    assert len(made(sandbox)) == 1


def test_another_key_would_pay_twice(sandbox: SandboxServer, paypal: PayPal) -> None:
    """The control of the test above: it is the key that protects."""
    request = request_for(paypal)
    other = Request(**{**vars(request), "key": f"trf:{request.subject_id.hex}:2"})
    paypal.execute(request)
    paypal.execute(other)
    assert len(made(sandbox)) == 2


def test_without_enough_money_nothing_is_made(sandbox: SandboxServer, paypal: PayPal) -> None:
    outcome = paypal.execute(request_for(paypal, amount=usd(99_000)))
    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "insufficient_funds")
    assert made(sandbox) == []


def test_what_paypal_does_not_take_is_refused_with_its_words(paypal: PayPal) -> None:
    outcome = paypal.execute(request_for(paypal, "nobody"))
    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "validation_error")
    assert "Receiver is invalid" in outcome.message


def test_a_token_that_ended_costs_one_try(sandbox: SandboxServer, paypal: PayPal) -> None:
    paypal.cash()
    paypal._client._token = "A21AAsomethingelse"
    request = request_for(paypal)
    assert paypal.execute(request).verdict is Verdict.BUSY
    assert paypal.execute(request).verdict is Verdict.DONE


def test_without_a_token_nothing_left(sandbox: SandboxServer) -> None:
    paypal = PayPal(settings_towards(sandbox.url, paypal_client_secret="wrong"))
    outcome = paypal.execute(request_for(paypal))
    assert (outcome.verdict, outcome.code) == (Verdict.BUSY, "no_token")
    with pytest.raises(ProcessorUnavailable, match="no token"):
        paypal.cash()


def test_within_the_window_nobody_knows_and_after_it_a_person_looks(paypal: PayPal) -> None:
    request = request_for(paypal)
    now = clock.now()
    recent = Request(**{**vars(request), "first_sent_at": now - timedelta(days=28)})
    old = Request(**{**vars(request), "first_sent_at": now - timedelta(days=29)})
    assert paypal.find(recent).verdict is Verdict.UNKNOWN
    assert (paypal.find(old).verdict, paypal.find(old).code) == (
        Verdict.REJECTED,
        IDEMPOTENCY_ERROR,
    )


def test_paypal_only_pays_out(paypal: PayPal) -> None:
    with pytest.raises(ValueError, match="only pays out"):
        paypal.body(recipient_intent())
    with pytest.raises(ProcessorUnavailable):
        paypal.fetch("payment", "pi_1", None)


def test_what_is_not_there_cannot_be_fetched(paypal: PayPal) -> None:
    with pytest.raises(ProcessorUnavailable, match="No such batch"):
        paypal.fetch("transfer", "NOTHING", None)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"batch_header": {}}'])
def test_an_answer_that_nobody_can_read_may_have_paid(canned: CannedServer, body: str) -> None:
    paypal = PayPal(settings_towards(canned.url))
    canned.answer = Answer(200, {"access_token": "A", "expires_in": 60000})
    paypal._client._bearer()
    canned.answer = Answer(201, body)
    assert paypal.execute(request_for(paypal)).verdict is Verdict.UNKNOWN


def test_a_dead_batch_takes_its_item_with_it() -> None:
    header = {"payout_batch_id": "B1", "sender_batch_header": {"sender_batch_id": "trf:0a:1"}}
    for status, state in [("DENIED", "failed"), ("CANCELED", "failed"), ("PENDING", "pending")]:
        answer = {"batch_header": {**header, "batch_status": status}}
        assert paypal_wire.batch(answer, False).state == state


def test_a_status_that_is_new_to_us_keeps_its_word() -> None:
    item = {
        "payout_item_id": "I1",
        "transaction_status": "DREAMT",
        "payout_item": {
            "amount": {"currency": "USD", "value": "1.0"},
            "receiver": "Ada@Example.com",
            "sender_item_id": "0a",
        },
    }
    header = {"payout_batch_id": "B1", "sender_batch_header": {}}
    snapshot = paypal_wire.batch({"batch_header": header, "items": [item]}, False)
    assert (snapshot.state, snapshot.account) == ("DREAMT", ADA)
    assert snapshot.amount == Money(100, "USD")
    with pytest.raises(ValueError, match="several items"):
        paypal_wire.batch({"batch_header": header, "items": [item, item]}, False)


def test_the_sandbox_keeps_books_of_its_own(sandbox: SandboxServer, paypal: PayPal) -> None:
    """Amount and fee leave; both come back where the receiver never had them, else the amount."""
    ids = []
    for word in ("ada", "failed", "unclaimed"):
        snapshot = paypal.execute(request_for(paypal, f"{word}@example.com")).snapshot
        assert snapshot is not None
        ids.append(snapshot.remote_id)
    sandbox.move_paypal(ids[2], "RETURNED")
    assert sandbox.books()["paypal"]["balances"] == {"USD": "959.20"}
    sandbox.move_paypal(ids[0], "REFUNDED")
    assert Decimal(sandbox.books()["paypal"]["balances"]["USD"]) == Decimal("999.20")
