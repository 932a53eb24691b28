"""Any child killed at any moment: nothing acknowledged is lost, nothing is paid twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
import pytest
import requests
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from marketplace import clock, create_app, demo_clock
from marketplace.database.identifier import new_id
from marketplace.demo import hosted
from marketplace.demo.instance import Instance
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Deposit, Purpose
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.processors import registry
from marketplace.verify import findings
from tests import make
from tests.harness import record_proof, trials
from tests.processors.make import request_for, transfer_intent

SEED = 20261122
CREATORS = 4
VICTIMS = ("worker", "web", "sandbox", "postgres")
PATIENCE_S = 90

T = TypeVar("T")


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """A supervisor with all its children; fsync is on, as in production."""
    with Instance() as running:
        yield running


@pytest.fixture(scope="module")
def far_app(instance: Instance) -> Iterator[Flask]:
    """The application in this process, on the instance's database and sandbox."""
    app = create_app(instance.settings())
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def patiently(act: Callable[[], T]) -> T:
    """Do something that a kill may interrupt, until it is acknowledged."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except (DBAPIError, requests.RequestException, hosted.HostedPageError):
            db.session.rollback()
            db.session.remove()
            assert time.monotonic() < deadline, "it never came back"
            time.sleep(0.3)


def until(what: Callable[[], T | None]) -> T:
    """Wait until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = patiently(what)
        db.session.remove()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what.__name__} never came"
        time.sleep(0.1)


class Life:
    """What happens in the marketplace while its children are being killed."""

    def __init__(self) -> None:
        self.operator_id: UUID = make.make_operator().id
        self.handles = [make.make_creator(f"killed{n}").creator.handle for n in range(CREATORS)]
        self.paid_deposits: list[UUID] = []
        self.imported: list[str] = []
        db.session.remove()

    def onboard(self, handle: str) -> None:
        creator = db.session.query(Creator).filter_by(handle=handle).one()
        email = db.session.get_one(User, creator.user_id).email
        made = destinations.connect(creator.id, email, "USD", "system", clock.now())
        id, name = made.id, creator.name
        db.session.commit()

        def opened() -> str | None:
            return db.session.get_one(Destination, id).remote_account

        account = until(opened)
        link = registry.get("stripe").onboarding_link(
            account, "http://x.example", "http://x.example"
        )
        hosted.onboard(link, name, "4242")
        destinations.visited(db.session.get_one(Destination, id), clock.now())
        db.session.commit()

        def active() -> bool:
            return db.session.get_one(Destination, id).status == DestinationStatus.ACTIVE

        until(active)

    def fill_pool(self, minor: int) -> None:
        form_key = new_id()

        def ask() -> UUID:
            known = db.session.scalar(select(Deposit.id).where(Deposit.form_key == form_key))
            if known:
                return known
            deposit = deposits.request(
                Purpose.FUND_POOL,
                Money(minor, "USD"),
                requested_by=self.operator_id,
                payer_email="operator@example.com",
                form_key=form_key,
                site_url="http://127.0.0.1:1/operator",
                description="Pool",
                at=clock.now(),
            )
            id = deposit.id
            db.session.commit()
            return id

        id = patiently(ask)

        def checkout() -> str | None:
            return db.session.get_one(Deposit, id).checkout_url

        url = until(checkout)
        patiently(lambda: hosted.pay(url))
        self.paid_deposits.append(id)

        def booked() -> bool:
            return db.session.get_one(Deposit, id).status == "succeeded"

        until(booked)

    def import_income(self, round_: int) -> None:
        def bring() -> None:
            operator = db.session.get_one(User, self.operator_id)
            rows = [
                f"{round_}-{handle},{handle},120.00,USD,{clock.now().date()}"
                for handle in self.handles
            ]
            make.import_rows(EarningKind.FUND, rows, operator)

        patiently(bring)
        self.imported += [f"{round_}-{handle}" for handle in self.handles]
        db.session.remove()

    def let_a_week_pass(self) -> None:
        def ask() -> bool:
            demo_clock.ask(8)
            db.session.commit()
            return True

        patiently(ask)

        def arrived() -> bool:
            return demo_clock.wanted() is None

        until(arrived)


def kill(instance: Instance, victim: str) -> None:
    """kill -9, and wait until the supervisor has put a new one in its place."""
    before = instance.pids()[victim]
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while instance.pids().get(victim, before) == before:
        assert time.monotonic() < deadline, f"{victim} did not come back"
        time.sleep(0.1)


@pytest.mark.proof
def test_killing_any_child_at_any_moment_loses_nothing_and_pays_nothing_twice(
    instance: Instance, far_app: Flask
) -> None:
    rounds = trials(reduced=4, full=24)
    chance = random.Random(SEED)
    life = Life()
    for handle in life.handles:
        life.onboard(handle)

    for round_ in range(rounds):
        steps: list[Callable[[], None]] = [
            lambda: life.fill_pool(60_000),
            lambda round_=round_: life.import_income(round_),  # type: ignore[misc]
            life.let_a_week_pass,
        ]
        killed_during = chance.randrange(len(steps))
        for number, step in enumerate(steps):
            if number == killed_during:
                _kill_soon(instance, VICTIMS[round_ % len(VICTIMS)], chance.uniform(0, 1.2))
            step()
    until(_nothing_is_under_way)

    violations = _violations(instance, life)
    record_proof(
        "kill.children",
        trials=rounds,
        violations=len(violations),
        control_violations=_naive_sender_pays_twice(instance),
        seed=SEED,
    )
    assert violations == []


def _kill_soon(instance: Instance, victim: str, after_s: float) -> None:
    threading.Timer(after_s, kill, (instance, victim)).start()


def _nothing_is_under_way() -> bool:
    open_rows = (
        "SELECT count(*) FROM processor_request WHERE state IN ('ready', 'sent', 'unknown')",
        "SELECT count(*) FROM webhook_event WHERE state IN ('new', 'retry')",
        "SELECT count(*) FROM payout_run_line WHERE state = 'waiting'",
        "SELECT count(*) FROM payout WHERE status IN ('reserved', 'sending', 'unknown')",
    )
    connection = db.session.connection()
    return not any(connection.exec_driver_sql(sql).scalar_one() for sql in open_rows)


def _violations(instance: Instance, life: Life) -> list[str]:
    """What was lost or doubled, by our books, the sandbox's books and our notes."""
    with db.engine.connect() as connection:
        found = [f"{it.id}: {it.sample}" for it in findings(connection) if it.rows]
    books = instance.sandbox("GET", "books")
    transfers = Counter(transfer["transfer_group"] for transfer in books["transfers"])
    found += [f"{group} was paid {n} times" for group, n in transfers.items() if n > 1]
    with psycopg.connect(_conninfo()) as connection:
        paid = _column(
            connection, "SELECT replace(id::text, '-', '') FROM payout WHERE status='paid'"
        )
        found += [f"payout {id} is paid without transfer" for id in paid - set(transfers)]
        found += [f"transfer of {id} is not in our books" for id in set(transfers) - paid]
        succeeded = _column(connection, "SELECT id::text FROM deposit WHERE status = 'succeeded'")
        found += [f"deposit {id} was lost" for id in {*map(str, life.paid_deposits)} - succeeded]
        accepted = _column(connection, "SELECT reference FROM income_row WHERE outcome='accepted'")
        found += [f"import row {row} was lost" for row in set(life.imported) - accepted]
        stored = _column(connection, "SELECT event_id FROM webhook_event")
    deliveries = instance.sandbox("GET", "deliveries?state=delivered")
    delivered = {delivery["event_id"] for delivery in deliveries}
    found += [f"event {id} was acknowledged and lost" for id in delivered - stored]
    assert paid, "the proof moves money"
    assert delivered, "the proof receives webhooks"
    return found


def _column(connection: psycopg.Connection[Any], sql: LiteralString) -> set[str]:
    return {value for (value,) in connection.execute(sql)}


def _conninfo() -> str:
    url: str = db.engine.url.render_as_string(hide_password=False)
    return url.replace("postgresql+psycopg://", "postgresql://").partition("options=")[0]


def _naive_sender_pays_twice(instance: Instance) -> int:
    """The control: one who sends again under a new key, because no answer came, pays twice."""
    stripe = registry.get("stripe")
    account = db.session.scalar(select(Destination.remote_account).limit(1))
    assert account is not None
    before = len(instance.sandbox("GET", "books")["transfers"])
    instance.sandbox("PUT", "faults", [{"on": "transfers.create", "fault": "reset_after"}])
    for _ in range(2):
        intent = transfer_intent(account, Money(100, "USD"))
        stripe.execute(request_for(stripe, intent))  # type: ignore[arg-type]
    return len(instance.sandbox("GET", "books")["transfers"]) - before - 1
