"""Events on their way: signed, in order, tried again; and bent by armed faults."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.oracle import Oracle
from tests.sandbox.listener import Listener
from tests.sandbox.scenes import Scenes
from tests.sandbox.server import CONNECT_SECRET, WEBHOOK_SECRET, SandboxServer, free_port

BAD = stripe.SignatureVerificationError


def read(letter: Any, secret: str = WEBHOOK_SECRET) -> stripe.Event:
    event: stripe.Event = stripe.Webhook.construct_event(letter.body, letter.signature, secret)
    return event


def test_an_event_is_signed_for_its_endpoint_and_repeats_the_callers_key(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    scenes.paid()
    transfer = scenes.client.v1.transfers.create(
        {"amount": 100, "currency": "usd", "destination": scenes.account()},
        {"idempotency_key": "trf:7"},
    )
    sandbox.wait_delivered()

    (letter,) = listener.of("transfer.created")
    event = read(letter)
    assert event.data.object.id == transfer.id
    assert (event.api_version, event.livemode) == ("2026-10-28.endive", False)
    assert event.request is not None
    assert event.request.idempotency_key == "trf:7"
    assert event.request.id == transfer.last_response.request_id  # type: ignore[union-attr]
    with pytest.raises(BAD):
        read(letter, CONNECT_SECRET)


def test_the_signature_is_fresh_whatever_the_sandbox_clock_says(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    sandbox.set_offset(-60 * 24 * 3600)
    scenes.paid()
    sandbox.wait_delivered()

    event = read(listener.letters[0])

    signed_at = int(listener.letters[0].signature.split(",")[0].removeprefix("t="))
    assert signed_at - event.created > 59 * 24 * 3600


def test_a_refused_event_is_tried_again_until_it_is_taken(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    listener.answers = [500, 301]
    session = scenes.session()
    sandbox.decline(session.id)
    waiting = client.v1.events.list({"delivery_success": False}).data
    sandbox.wait_delivered()

    assert {event.pending_webhooks for event in waiting} <= {1}
    assert len(listener.of("payment_intent.created")) == 2
    assert len(listener.of("charge.failed")) == 2
    assert [each["tries"] for each in sandbox.deliveries()] == [2, 2, 1]
    assert {event.pending_webhooks for event in client.v1.events.list().data} == {0}
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_an_event_may_come_late(scenes: Scenes, sandbox: SandboxServer, listener: Listener) -> None:
    sandbox.fault("webhook.payment_intent.created", "delay", delay_s=1)
    scenes.paid()
    sandbox.wait_delivered()

    assert listener.types()[-1] == "payment_intent.created"


def test_nobody_at_home_is_tried_again_later(judge: Oracle, tmp_path: Path) -> None:
    with SandboxServer(tmp_path, webhook_base=f"http://127.0.0.1:{free_port()}") as sandbox:
        Scenes(sandbox, sandbox.client()).account()
        while not (rows := sandbox.deliveries())[0]["tries"]:
            time.sleep(0.02)

    assert (rows[0]["state"], rows[0]["last_answer"]) == ("due", "NewConnectionError")
    assert sandbox.violations == []


def test_a_lost_event_is_never_sent_but_can_be_found(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    sandbox.fault("webhook.payment_intent.succeeded", "lost")
    scenes.paid()
    sandbox.wait_delivered()

    assert listener.of("payment_intent.succeeded") == []
    (lost,) = client.v1.events.list({"delivery_success": False}).data
    assert (lost.type, lost.pending_webhooks) == ("payment_intent.succeeded", 1)


def test_a_duplicate_is_the_very_same_event(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    sandbox.fault("webhook.charge.succeeded", "duplicate", n=3)
    scenes.paid()
    sandbox.wait_delivered()

    assert len(listener.of("charge.succeeded")) == 3
    assert len({letter.body for letter in listener.of("charge.succeeded")}) == 1


def test_a_reordered_event_is_overtaken_by_the_next(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    sandbox.fault("webhook.charge.succeeded", "reorder")
    scenes.paid()
    sandbox.wait_delivered()

    order = listener.types()
    assert order.index("charge.succeeded") > order.index("payment_intent.succeeded")
    assert len(order) == 5


@pytest.mark.parametrize("fault", ["forged_signature", "altered_body"])
def test_a_forgery_comes_first_and_the_truth_follows_once_it_is_refused(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener, fault: str
) -> None:
    sandbox.fault("webhook.payment_intent.created", fault)
    listener.answers = [400]
    session = scenes.session()
    sandbox.decline(session.id)
    sandbox.wait_delivered()

    forged, *_, true = listener.letters
    with pytest.raises(BAD):
        read(forged)
    assert read(true).type == "payment_intent.created"


@pytest.mark.parametrize(
    ("fault", "amount", "livemode"),
    [("wrong_amount", 100_000, False), ("wrong_livemode", 10_000, True)],
)
def test_an_authentic_event_can_be_wrong(
    scenes: Scenes,
    sandbox: SandboxServer,
    listener: Listener,
    fault: str,
    amount: int,
    livemode: bool,
) -> None:
    sandbox.fault("webhook.payment_intent.succeeded", fault)
    scenes.paid()
    sandbox.wait_delivered()

    (letter,) = listener.of("payment_intent.succeeded")
    event = read(letter)
    assert (event.data.object.amount, event.livemode) == (amount, livemode)


def test_events_are_listed_by_type_newest_first(
    scenes: Scenes, client: stripe.StripeClient
) -> None:
    first, second = scenes.paid(), scenes.paid()

    params: Any = {"types": ["payment_intent.succeeded", "refund.created"]}
    found = client.v1.events.list(params).data

    assert [event.data.object.id for event in found] == [second.id, first.id]
