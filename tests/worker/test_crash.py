"""A payment is made exactly once, whatever crashes, is lost or comes late."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from flask import Flask

from marketplace.processors.base import Verdict
from tests.harness import record_proof, trials
from tests.processors.make import funded, payee, transfer_intent, usd
from tests.sandbox.server import SandboxServer
from tests.worker import ways
from tests.worker.recorder import Recorder

BEFORE_MARKING = "dies before the call is marked"
BEFORE_CALL = "dies before the call"
AFTER_CALL = "dies after the call"
BEFORE_RECORDING = "dies before the answer is recorded"
CRASHES = (BEFORE_MARKING, BEFORE_CALL, AFTER_CALL, BEFORE_RECORDING)
FAULTS = ("reset_before", "reset_after", "e409", "e503", "e500_stored", "e500_after_success")
# The payment was made, and we do not know it.
LOSSES = ("reset_after", "e500_after_success", AFTER_CALL, BEFORE_RECORDING)
DELAYS = (timedelta(minutes=1), timedelta(hours=26), timedelta(days=30))
ROUNDS_MAX = 12


class World:
    """One application, one sandbox, and one request after the other."""

    def __init__(self, app: Flask, sandbox: SandboxServer, recorder: Recorder) -> None:
        self.sandbox = sandbox
        self.recorder = recorder
        self.stripe = ways.CrashingStripe(app.extensions["settings"])
        app.extensions["processors"]["stripe"] = self.stripe
        funded(sandbox, self.stripe, usd(90_000_000))
        self.account = payee(sandbox, self.stripe)
        self.made = 0  # transfers of the newest schedule

    def goes_wrong(self, schedule: Sequence[str | None], delay: timedelta) -> bool:
        """Live through one schedule of troubles; is the outcome anything but one payment?"""
        intent = transfer_intent(self.account, usd(100))
        ways.enqueue(intent)
        self.recorder.told.clear()
        for trouble in schedule:
            self._try(trouble)
            ways.domain_time_passes(self.sandbox, delay)
            ways.waits_are_over()
        for _ in range(ROUNDS_MAX):  # no more trouble: it must come to its end
            if ways.states(intent.subject_id)[-1] == "done":
                break
            self._try(None)
            ways.domain_time_passes(self.sandbox, timedelta(hours=26))
            ways.waits_are_over()
        paid = ways.transfers(self.sandbox, intent.subject_id)
        self.made = len(paid)
        states = ways.states(intent.subject_id)
        told = [verdict for _, verdict, _ in self.recorder.told]
        return (
            len(paid) != 1
            or states[-1] != "done"
            or set(states[:-1]) - {"abandoned"} != set()
            or told.count(Verdict.DONE) != 1
        )

    def _try(self, trouble: str | None) -> None:
        """One unit of the sender with one trouble, or with none."""
        self.stripe.dies = {BEFORE_CALL: "before", AFTER_CALL: "after"}.get(trouble or "")
        self.recorder.crashes_before = trouble == BEFORE_MARKING
        self.recorder.crashes_after = trouble == BEFORE_RECORDING
        if trouble in FAULTS:
            self.sandbox.fault("transfers.create", trouble)
        ways.send()
        if trouble in FAULTS:
            self.sandbox.call("PUT", "faults", [])  # it may not have come to that call


@pytest.fixture
def world(app: Flask, sandbox: SandboxServer, recorder: Recorder, joined: object) -> World:
    return World(app, sandbox, recorder)


def schedules(length: int) -> Iterator[tuple[tuple[str | None, ...], timedelta]]:
    """Every sequence of so many troubles, each with every delay between them."""
    for troubles in itertools.product((None, *CRASHES, *FAULTS), repeat=length):
        for delay in DELAYS:
            yield troubles, delay


@pytest.mark.proof
def test_one_payment_whatever_happens_and_two_without_the_safe_window(world: World) -> None:
    tried = [*schedules(1), *list(schedules(2))[:: trials(39, 1)]]
    wrong = [schedule for schedule in tried if world.goes_wrong(*schedule)]

    world.stripe.safe_window = timedelta.max  # the rule off: always the same key again
    risky = [(troubles, delay) for troubles, delay in tried if troubles[0] in LOSSES]
    control = [it for it in risky if world.goes_wrong(*it) and world.made == 2]  # paid twice

    record_proof(
        "outbox.window",
        trials=len(tried),
        violations=len(wrong),
        control_violations=len(control),
        seed=0,
    )
    assert wrong == []
    assert ((AFTER_CALL,), timedelta(hours=26)) in control
