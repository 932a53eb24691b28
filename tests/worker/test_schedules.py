"""Three troubles in a row, a delay between them, an event heard early or late: one payment.

As `test_crash`, with a payout of the domain's own behind the request: the schedules are every three
of seven troubles, with every delay, the event of the transfer applied twice after the first, second
or third try, or never. The rule that is tried is the window in which the processor surely knows our
key, 23 hours at Stripe and 29 days at PayPal; without it the same schedules pay twice.

Stripe can be asked what it made of a request that it may have forgotten, PayPal cannot: there the
right end is either one payment, or nothing more sent and a person who looks.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace import clock
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts.payout import Payout
from marketplace.processors.outbox import ProcessorRequest
from marketplace.webhooks import converge
from marketplace.worker import polling
from tests.books import broken_invariants, empty_tables
from tests.harness import record_proof, trials
from tests.make import make_creator, make_destination, make_payout, make_paypal_destination
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
# How long Stripe and PayPal surely know a key.
KEPT = {False: timedelta(hours=24), True: timedelta(days=29)}
HEARD_AFTER = (None, 0, 1, 2)
ROUNDS_MAX = 12
HELD_FOR_REVIEW = ("held", "review", "needs_review")

Schedule = tuple[tuple[str | None, ...], timedelta, int | None]
SCHEDULES: list[Schedule] = [
    (troubles, delay, heard)
    for troubles in itertools.product(TROUBLES, repeat=3)
    for delay in DELAYS
    for heard in HEARD_AFTER
]


@dataclass(frozen=True)
class End:
    """What came of one schedule: payments made at the processor, the payout, and broken checks."""

    made: int
    status: str
    hold: str | None
    request: str
    broken: list[str]

    @property
    def is_paid(self) -> bool:
        """One payment, and we know it."""
        return (self.made, self.status, self.request, self.broken) == (1, "paid", "done", [])

    @property
    def waits_for_a_person(self) -> bool:
        """At most one payment; nothing is sent any more, and nothing was given back."""
        ends = (self.status, self.hold, self.request)
        return self.made <= 1 and ends == HELD_FOR_REVIEW and not self.broken


class World:
    """One application and one sandbox; a fresh payout for each schedule."""

    creating = "transfers.create"

    def __init__(self, app: Flask, sandbox: SandboxServer, engine: sa.Engine) -> None:
        self.sandbox, self.engine = sandbox, engine
        self.adapter = self._adapter(app)
        app.extensions["processors"][self.adapter.name] = self.adapter
        self.dies_before_marking = False

    def _adapter(self, app: Flask) -> ways.CrashingStripe | ways.CrashingPayPal:
        stripe = ways.CrashingStripe(app.extensions["settings"])
        funded(self.sandbox, stripe, usd(90_000_000))
        self.account = payee(self.sandbox, stripe)
        return stripe

    def before_send(self, request: ProcessorRequest, at: datetime) -> bool:
        if self.dies_before_marking:
            raise Crash
        return BEFORE_SEND(request, at)

    def live(self, troubles: tuple[str | None, ...], delay: timedelta, heard: object) -> End:
        """Live through one schedule, to its end."""
        id = self._payout()
        for n, trouble in enumerate(troubles):
            self._try(trouble)
            if heard == n:
                self._hear(id)
            ways.domain_time_passes(self.sandbox, delay)
            ways.waits_are_over()
        for _ in range(ROUNDS_MAX):  # no more trouble: it must come to its end
            if ways.states(id)[-1] in ("done", "needs_review"):
                break
            self._try(None)
            ways.domain_time_passes(self.sandbox, timedelta(hours=26))
            ways.waits_are_over()
        return self._end(id)

    def _end(self, id: UUID) -> End:
        self._ask()
        payout = db.session.get_one(Payout, id)
        status, held = payout.status, payout.hold_reason
        db.session.remove()
        with self.engine.connect() as connection:
            broken = broken_invariants(connection)
        return End(len(self._made(id)), status, held, ways.states(id)[-1], broken)

    def _ask(self) -> None:
        """Stripe's answer says all there is to know."""

    def _made(self, id: UUID) -> list[str]:
        """By what name the processor knows each payment that it made for this payout."""
        return [str(it["id"]) for it in ways.transfers(self.sandbox, id)]

    def _destined(self, creator: Creator) -> None:
        make_destination(creator, self.account)

    def _payout(self) -> UUID:
        db.session.remove()
        with self.engine.begin() as connection:
            empty_tables(connection)
        clock.set_offset(timedelta(0))
        self.sandbox.set_offset(0)
        creator = make_creator(time_zone="UTC").creator
        self._destined(creator)
        id = make_payout(creator).id
        ways.only_this_is_sent(id)
        db.session.remove()
        return id

    def _try(self, trouble: str | None) -> None:
        """One unit of the sender with one trouble, or with none."""
        self.dies_before_marking = trouble == BEFORE_MARKING
        self.adapter.dies = {BEFORE_CALL: "before", AFTER_CALL: "after"}.get(trouble or "")
        armed = [{"on": self.creating, "fault": trouble}] if trouble in FAULTS else []
        self.sandbox.call("PUT", "faults", armed)
        ways.send()
        self.dies_before_marking, self.adapter.dies = False, None
        if armed:
            self.sandbox.call("PUT", "faults", [])  # it may not have come to that call

    def _hear(self, id: UUID) -> None:
        """The processor tells of what it made, twice."""
        for name in self._made(id):
            for _ in range(2):
                converge.apply(self.adapter.fetch("transfer", name, None), clock.now())
                db.session.commit()
        db.session.remove()


class PayPalWorld(World):
    """The same by PayPal, to an address."""

    creating = "paypal.payouts.create"

    def _adapter(self, app: Flask) -> ways.CrashingStripe | ways.CrashingPayPal:
        self.sandbox.fund_paypal("900000.00")
        return ways.CrashingPayPal(app.extensions["settings"])

    def _ask(self) -> None:
        """The worker asks how the item ended; PayPal tells nothing with its answer."""
        for _ in range(ROUNDS_MAX):
            if not polling.payouts(clock.now() + timedelta(days=1)):
                break
            db.session.remove()

    def _made(self, id: UUID) -> list[str]:
        items = self.sandbox.books()["paypal"]["items"]
        return [it["batch"] for it in items if it["sender_item_id"] == id.hex]

    def _destined(self, creator: Creator) -> None:
        make_paypal_destination(creator)


BEFORE_SEND = converge.before_send


@pytest.fixture(params=[World, PayPalWorld], ids=["stripe", "paypal"])
def world(
    request: pytest.FixtureRequest,
    app: Flask,
    sandbox: SandboxServer,
    joined: object,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    engine = sa.create_engine(database_url)
    world: World = request.param(app, sandbox, engine)
    monkeypatch.setattr(converge, "before_send", world.before_send)
    yield world
    engine.dispose()


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_one_payment_after_three_troubles_and_two_without_the_safe_window(world: World) -> None:
    by_paypal = isinstance(world, PayPalWorld)
    tried = random.Random(SEED).sample(SCHEDULES, trials(5, 120 if by_paypal else 480))
    wrong = []
    for schedule in tried:
        end = world.live(*schedule)
        may_wait = by_paypal and schedule[1] > world.adapter.safe_window
        if not (end.is_paid or (may_wait and end.waits_for_a_person)):
            wrong.append((schedule, end))

    world.adapter.safe_window = timedelta.max  # the rule off: always the same key again
    risky: list[Schedule] = [
        ((loss, None, None), delay, None) for loss in (AFTER_CALL, LOST_ANSWER) for delay in DELAYS
    ]
    twice = [schedule for schedule in risky if world.live(*schedule).made == 2]

    record_proof(
        "outbox.schedules.paypal" if by_paypal else "outbox.schedules",
        trials=len(tried),
        violations=len(wrong),
        control_violations=len(twice),
        seed=SEED,
    )
    assert wrong == []
    forgotten = [schedule for schedule in risky if schedule[1] > KEPT[by_paypal]]
    assert twice == forgotten, "a key that is sent again when it is forgotten pays twice"
