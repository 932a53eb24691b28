"""The inbox: an event is a hint; what it names is fetched, and our row follows it once."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, text

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Deposit, DepositStatus, Purpose
from marketplace.ledger.balances import balance
from marketplace.ledger.postings import POOLS
from marketplace.money import Money
from marketplace.processors.base import Snapshot
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import converge, inbox
from marketplace.webhooks.event import WebhookEvent
from marketplace.webhooks.inbox import TRIES_MAX
from marketplace.worker.sender import send_next
from tests.make import make_operator
from tests.processors.make import payee, transfer_intent, usd
from tests.sandbox.server import SandboxServer
from tests.webhooks.sender import Sender, event
from tests.worker.recorder import Crash


def handle() -> bool:
    """One unit of the inbox, as the worker runs it."""
    try:
        return inbox.handle_next(clock.now())
    except Crash:
        return True
    finally:
        db.session.remove()


def handle_all() -> None:
    while handle():
        pass


def waits_are_over() -> None:
    db.session.execute(text("UPDATE webhook_event SET next_try_at = now() - interval '1 second'"))
    db.session.commit()


def states(event_type: str = "%") -> list[str]:
    """The states of the events of a type, the first received first."""
    found = list(
        db.session.scalars(
            select(WebhookEvent.state)
            .where(WebhookEvent.event_type.like(event_type))
            .order_by(WebhookEvent.received_at)
        )
    )
    db.session.rollback()
    return found


def pool() -> Money:
    held = balance(POOLS["fund"], "USD")
    db.session.rollback()
    return held


class Opened(NamedTuple):
    """A deposit whose checkout is open."""

    id: UUID
    checkout: str

    @property
    def status(self) -> str:
        found: str = db.session.get_one(Deposit, self.id, populate_existing=True).status
        db.session.rollback()
        return found


@pytest.fixture
def deposit(sandbox: SandboxServer, joined: Stripe) -> Opened:
    """A deposit into the fund's pool whose checkout is open."""
    operator = make_operator()
    requested = deposits.request(
        Purpose.FUND_POOL,
        usd(50_000),
        requested_by=operator.id,
        payer_email=operator.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/operator",
        description="Pool",
        at=clock.now(),
    )
    db.session.commit()
    send_next(clock.now())
    assert requested.checkout_ref
    opened = Opened(requested.id, requested.checkout_ref)
    db.session.remove()
    return opened


def pay(sandbox: SandboxServer, deposit: Opened) -> None:
    sandbox.pay(deposit.checkout)
    sandbox.wait_delivered()


def test_a_payment_is_booked_once_whatever_tells_of_it_and_how_often(
    sandbox: SandboxServer, deposit: Opened
) -> None:
    sandbox.fault("webhook.*", "duplicate", n=3, times=None)
    pay(sandbox, deposit)
    handle_all()

    assert deposit.status == DepositStatus.SUCCEEDED
    assert pool() == usd(50_000)
    told = states()
    assert len(told) > 1  # several events tell of the same payment
    assert set(told) <= {"done", "ignored"}

    for row in db.session.scalars(select(WebhookEvent)):
        inbox.replay(row)
    db.session.commit()
    handle_all()
    assert states() == told
    assert pool() == usd(50_000)


@pytest.mark.parametrize("order", [1, -1], ids=["as it happened", "backwards"])
def test_the_order_of_events_does_not_matter(
    sandbox: SandboxServer, deposit: Opened, order: int
) -> None:
    pay(sandbox, deposit)
    rows = db.session.scalars(select(WebhookEvent).order_by(WebhookEvent.received_at)).all()
    for seconds, row in enumerate(rows):
        row.next_try_at = clock.wall_now() - timedelta(seconds=100 - order * seconds)
    db.session.commit()

    handle_all()

    assert deposit.status == DepositStatus.SUCCEEDED
    assert pool() == usd(50_000)
    assert set(states()) <= {"done", "ignored"}


def test_what_is_of_no_concern_is_ignored_and_nothing_is_fetched(
    deliver: Sender, sandbox: SandboxServer, joined: Stripe
) -> None:
    deliver(event("customer.created", "cus_1"))
    deliver(event("balance.available", data={"object": {"object": "balance"}}))
    deliver(event("payout.failed", "po_1", account="acct_1"), endpoint="connect")
    deliver(event("payment_intent.succeeded", "pi_1", account="acct_1"), endpoint="connect")

    handle_all()

    assert states() == ["ignored"] * 4


def test_an_event_of_an_unknown_object_is_tried_ever_later_and_parked_in_the_end(
    deliver: Sender, joined: Stripe
) -> None:
    deliver(event("transfer.created", "tr_nobody"))

    handle_all()
    assert states() == ["retry"]
    row = db.session.scalars(select(WebhookEvent)).one()
    assert row.next_try_at > clock.wall_now()
    assert "No such transfer" in (row.last_error or "")
    db.session.rollback()

    for _ in range(TRIES_MAX - 2):
        waits_are_over()
        assert handle()
    assert states() == ["retry"]
    waits_are_over()
    handle()
    assert states() == ["parked"]
    waits_are_over()
    assert not handle()


def test_an_object_that_is_not_ours_yet_waits(
    sandbox: SandboxServer, joined: Stripe, deposit: Opened
) -> None:
    pay(sandbox, deposit)
    handle_all()
    account = payee(sandbox, joined)
    parameters: Any = transfer_body(joined, account)
    sandbox.client().v1.transfers.create(parameters, {"idempotency_key": "by hand"})
    sandbox.wait_delivered()

    handle_all()

    assert states("transfer.created") == ["retry"]


def transfer_body(stripe: Stripe, account: str) -> Any:
    return dict(stripe.body(transfer_intent(account, usd(100))))


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency", "wrong_livemode"])
def test_an_authentic_payment_that_does_not_fit_is_quarantined(
    sandbox: SandboxServer, deposit: Opened, fault: str
) -> None:
    pay(sandbox, deposit)
    sandbox.fault("payment_intents.retrieve", fault, times=None)
    handle_all()

    assert "quarantined" in states()
    assert "done" not in states("payment_intent.%")
    assert deposit.status == DepositStatus.PENDING
    assert pool() == usd(0)

    sandbox.call("PUT", "faults", [])
    for row in db.session.scalars(select(WebhookEvent).filter_by(state="quarantined")):
        inbox.replay(row)
    db.session.commit()
    handle_all()
    assert pool() == usd(50_000)


def test_a_processor_that_is_away_is_asked_again(sandbox: SandboxServer, deposit: Opened) -> None:
    pay(sandbox, deposit)
    sandbox.fault("*", "e503", times=None)
    handle_all()
    assert set(states()) <= {"retry", "ignored"}
    assert deposit.status == DepositStatus.PENDING

    sandbox.call("PUT", "faults", [])
    waits_are_over()
    handle_all()
    assert pool() == usd(50_000)


def test_what_an_error_left_half_done_is_undone(
    sandbox: SandboxServer, deposit: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = converge.apply

    def breaks_afterwards(snapshot: Snapshot, at: Any) -> str:
        apply(snapshot, at)
        raise RuntimeError("a mistake of ours")

    pay(sandbox, deposit)
    monkeypatch.setattr(converge, "apply", breaks_afterwards)
    handle_all()
    assert deposit.status == DepositStatus.PENDING
    assert pool() == usd(0)
    errors = {row.last_error for row in db.session.scalars(select(WebhookEvent))}
    assert "RuntimeError: a mistake of ours" in errors

    monkeypatch.setattr(converge, "apply", apply)
    waits_are_over()
    handle_all()
    assert pool() == usd(50_000)


def test_a_dead_workers_event_is_handled_once_its_lease_ends(
    sandbox: SandboxServer, deposit: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(sandbox, deposit)

    def dies(*_: object) -> str:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(converge, "apply", dies)
        handle_all()
    assert deposit.status == DepositStatus.PENDING
    assert not handle()  # somebody may still be at it
    waits_are_over()
    handle_all()

    assert pool() == usd(50_000)


def test_several_workers_handle_each_event_once(
    sandbox: SandboxServer, deposit: Opened, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(sandbox, deposit)
    count = len(states())
    applied = itertools.count()
    apply = converge.apply

    def counted(snapshot: Snapshot, at: Any) -> str:
        next(applied)
        return apply(snapshot, at)

    monkeypatch.setattr(converge, "apply", counted)

    def work() -> None:
        with app.app_context():
            handle_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert set(states()) <= {"done", "ignored"}
    assert next(applied) <= count
    assert pool() == usd(50_000)


def test_events_that_never_reached_us_are_caught_up_with(
    sandbox: SandboxServer, deposit: Opened
) -> None:
    since = clock.wall_now() - timedelta(hours=1)
    sandbox.fault("webhook.*", "lost", times=None)
    pay(sandbox, deposit)
    assert states() == []

    assert inbox.catch_up("stripe", since) > 0
    assert inbox.catch_up("stripe", since) == 0

    handle_all()
    assert deposit.status == DepositStatus.SUCCEEDED
    assert pool() == usd(50_000)


def test_an_applied_event_and_its_effect_are_committed_together(
    sandbox: SandboxServer, deposit: Opened, owner: psycopg.Connection[Any]
) -> None:
    pay(sandbox, deposit)
    handle_all()
    rows = owner.execute(
        "SELECT state IN ('done', 'ignored'), handled_at IS NOT NULL, tries FROM webhook_event"
    ).fetchall()
    assert set(rows) == {(True, True, 1)}
