"""The real process, killed: what it said it did is still done, what it owed is still sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.listener import Listener
from tests.sandbox.scenes import Scenes
from tests.sandbox.server import WEBHOOK_SECRET, SandboxProcess


@pytest.fixture
def process(tmp_path: Path, listener: Listener) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path, webhook_base=listener.url)
    process.start()
    yield process
    process.kill()


def test_a_killed_sandbox_loses_nothing_it_acknowledged(
    process: SandboxProcess, listener: Listener
) -> None:
    """Five rounds of transfers, each cut short by kill -9, each unanswered one sent again."""
    scenes = Scenes(process, process.client())
    scenes.paid(9_000_000)
    destination = scenes.account()
    acknowledged: dict[str, str] = {}

    def send(key: str) -> None:
        order: Any = {"amount": 100, "currency": "usd", "destination": destination}
        order["transfer_group"] = key
        made = process.client().v1.transfers.create(order, {"idempotency_key": key})
        acknowledged[key] = made.id

    unanswered: list[str] = []
    for round_number in range(5):
        keys = [f"trf:{round_number}:{number}" for number in range(30)]
        killer = threading.Timer(0.05 * (round_number + 1), process.kill)
        killer.start()
        for key in keys:
            try:
                send(key)
            except stripe.APIConnectionError:
                unanswered.append(key)
        killer.join()
        process.start()
        before = dict(acknowledged)
        for key in [*unanswered, *before]:
            send(key)
        assert {key: acknowledged[key] for key in before} == before
        unanswered.clear()

    books = process.books()
    assert len(acknowledged) == 150
    assert {each["transfer_group"]: each["id"] for each in books["transfers"]} == acknowledged
    assert len(books["transfers"]) == 150
    assert books["currencies"]["usd"]["transfers"] == "150.00"

    process.wait_delivered(60)
    told = {letter.event["data"]["object"]["id"] for letter in listener.of("transfer.created")}
    assert told == set(acknowledged.values())
    for letter in listener.of("transfer.created"):
        stripe.Webhook.construct_event(letter.body, letter.signature, WEBHOOK_SECRET)


def test_clock_faults_and_unsent_events_survive_too(
    process: SandboxProcess, listener: Listener
) -> None:
    process.set_offset(1_000_000)
    process.fault("webhook.charge.succeeded", "delay", delay_s=2)
    process.fault("balance.retrieve", "e503")
    scenes = Scenes(process, process.client())
    session = scenes.session()
    process.pay(session.id)
    process.kill()
    assert listener.of("charge.succeeded") == []

    process.start()

    assert process.call("GET", "clock")["offset_s"] == 1_000_000
    with pytest.raises(stripe.APIError):
        process.client().v1.balance.retrieve()
    assert process.client().v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    process.wait_delivered()
    assert len(listener.of("charge.succeeded")) == 1


def test_it_stops_when_asked(process: SandboxProcess) -> None:
    running = process.process

    process.stop()

    assert running is not None
    assert running.returncode == 0
