"""Three troubles in a row, a delay between them, an event heard early or late: one payment.

As `test_crash`, with a payout of the domain's own behind the request: the schedules are every three
of seven troubles, with every delay, the event of the transfer applied twice after the first, second
or third try, or never. The rule that is tried is the window in which the processor surely knows our
key; without it the same schedules pay twice.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace import clock
from marketplace.extensions import db
from marketplace.payouts.payout import Payout
from marketplace.processors.outbox import ProcessorRequest
from marketplace.webhooks import converge
from tests.books import broken_invariants, empty_tables
from tests.harness import record_proof, trials
from tests.make import make_creator, make_destination, make_payout
from tests.processors.make import funded, payee, usd
from tests.sandbox.server import SandboxServer
from tests.worker import ways
from tests.worker.recorder import Crash

SEED = 20
BEFORE_MARKING, BEFORE_CALL = "dies before marking", "dies before the call"
AFTER_CALL = "dies after the call"
LOST_ANSWER, BUSY, BROKEN = "reset_after", "e409", "e500_stored"
TROUBLES = (None, BEFORE_MARKING, BEFORE_CALL, AFTER_CALL, LOST_ANSWER, BUSY, BROKEN)
FAULTS = (LOST_ANSWER, BUSY, BROKEN)
DELAYS = (timedelta(minutes=1), timedelta(hours=26), timedelta(days=30))
HEARD_AFTER = (None, 0, 1, 2)
ROUNDS_MAX = 12

Schedule = tuple[tuple[str | None, ...], timedelta, int | None]
SCHEDULES: list[Schedule] = [
    (troubles, delay, heard)
    for troubles in itertools.product(TROUBLES, repeat=3)
    for delay in DELAYS
    for heard in HEARD_AFTER
]


class World:
    """One application and one sandbox; a fresh payout for each schedule."""

    def __init__(self, app: Flask, sandbox: SandboxServer, engine: sa.Engine) -> None:
        self.sandbox, self.engine = sandbox, engine
        self.stripe = ways.CrashingStripe(app.extensions["settings"])
        app.extensions["processors"]["stripe"] = self.stripe
        self.dies_before_marking = False
        funded(sandbox, self.stripe, usd(90_000_000))
        self.account = payee(sandbox, self.stripe)

    def before_send(self, request: ProcessorRequest, at: datetime) -> bool:
        if self.dies_before_marking:
            raise Crash
        return BEFORE_SEND(request, at)

    def goes_wrong(self, troubles: tuple[str | None, ...], delay: timedelta, heard: object) -> bool:
        """Live through one schedule; is the outcome anything but one payment?"""
        id = self._payout()
        for n, trouble in enumerate(troubles):
            self._try(trouble)
            if heard == n:
                self._hear(id)
            ways.domain_time_passes(self.sandbox, delay)
            ways.waits_are_over()
        for _ in range(ROUNDS_MAX):  # no more trouble: it must come to its end
            if ways.states(id)[-1] == "done":
                break
            self._try(None)
            ways.domain_time_passes(self.sandbox, timedelta(hours=26))
            ways.waits_are_over()
        status = db.session.get_one(Payout, id).status
        db.session.remove()
        with self.engine.connect() as connection:
            broken = broken_invariants(connection)
        return (len(ways.transfers(self.sandbox, id)), status, broken) != (1, "paid", [])

    def _payout(self) -> UUID:
        db.session.remove()
        with self.engine.begin() as connection:
            empty_tables(connection)
        clock.set_offset(timedelta(0))
        self.sandbox.set_offset(0)
        creator = make_creator(time_zone="UTC").creator
        make_destination(creator, self.account)
        id = make_payout(creator).id
        ways.only_this_is_sent(id)
        db.session.remove()
        return id

    def _try(self, trouble: str | None) -> None:
        """One unit of the sender with one trouble, or with none."""
        self.dies_before_marking = trouble == BEFORE_MARKING
        self.stripe.dies = {BEFORE_CALL: "before", AFTER_CALL: "after"}.get(trouble or "")
        armed = [{"on": "transfers.create", "fault": trouble}] if trouble in FAULTS else []
        self.sandbox.call("PUT", "faults", armed)
        ways.send()
        self.dies_before_marking, self.stripe.dies = False, None
        if armed:
            self.sandbox.call("PUT", "faults", [])  # it may not have come to that call

    def _hear(self, id: UUID) -> None:
        """The processor tells of what it made, twice."""
        for made in ways.transfers(self.sandbox, id):
            for _ in range(2):
                converge.apply(self.stripe.fetch("transfer", made["id"], None), clock.now())
                db.session.commit()
        db.session.remove()


BEFORE_SEND = converge.before_send


@pytest.fixture
def world(
    app: Flask,
    sandbox: SandboxServer,
    joined: object,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    engine = sa.create_engine(database_url)
    world = World(app, sandbox, engine)
    monkeypatch.setattr(converge, "before_send", world.before_send)
    yield world
    engine.dispose()


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_one_payment_after_three_troubles_and_two_without_the_safe_window(world: World) -> None:
    tried = random.Random(SEED).sample(SCHEDULES, trials(8, 400))
    wrong = [schedule for schedule in tried if world.goes_wrong(*schedule)]

    world.stripe.safe_window = timedelta.max  # the rule off: always the same key again
    risky: list[Schedule] = [
        ((loss, None, None), delay, None) for loss in (AFTER_CALL, LOST_ANSWER) for delay in DELAYS
    ]
    control = [schedule for schedule in risky if world.goes_wrong(*schedule)]

    record_proof(
        "outbox.schedules",
        trials=len(tried),
        violations=len(wrong),
        control_violations=len(control),
        seed=SEED,
    )
    assert wrong == []
    assert len(control) == 4, "a key that is sent again when it is forgotten pays twice"
