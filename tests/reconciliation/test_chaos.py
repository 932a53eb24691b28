"""Webhook chaos: events lost, repeated, out of order, forged, authentic but wrong.

After one reconciliation our books agree with the sandbox's own, object by object; before it they do
not, which is the control.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import refund as refunds
from marketplace.processors.stripe import Stripe
from marketplace.reconciliation.difference import Leg
from tests.conftest import Web
from tests.harness import record_proof, trials
from tests.make import make_operator
from tests.processors.make import usd
from tests.reconciliation import scenes
from tests.reconciliation.post import Postman
from tests.sandbox.server import SandboxServer
from tests.webhooks.sender import Sender
from tests.worker.joining import join

SEED = 20261130
A_RUN = 10  # payouts at once: below the sum that somebody must approve

Owner = psycopg.Connection[Any]
Books = dict[tuple[str, str], int]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxServer]:
    """A sandbox that posts nothing itself; its wire is judged elsewhere."""
    server = SandboxServer(tmp_path, judged=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def joined(app: Flask, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    stripe = join(app, sandbox, monkeypatch)
    with app.app_context():
        yield stripe
        db.session.remove()


class Traffic:
    """Deposits, refunds and payouts at the sandbox, of which only events tell."""

    def __init__(self, sandbox: SandboxServer, size: int) -> None:
        self.sandbox = sandbox
        self.size = size
        self.operator = make_operator().id
        sandbox.settings(bank_payout_delay_s=0)
        scenes.follow(scenes.paid(sandbox, self.operator, 1_000_000))
        self.brands = scenes.refundable(sandbox)

    def happen(self, events: int, postman: Postman) -> None:
        """Let things happen until there are so many events."""
        self._pay_out()
        self._refund()
        while len(postman.events()) < events:
            for _ in range(10):
                deposit = scenes.asked_for(self.operator, 5_000)
                scenes.pay(self.sandbox, deposit)
        self.sandbox.call("GET", "books")  # what is due by then happens

    def _pay_out(self) -> None:
        """Transfers whose answers are lost; every other one comes back."""
        for _ in range(0, self.size, A_RUN):
            payees = [scenes.receiver(self.sandbox) for _ in range(min(A_RUN, self.size))]
            payouts = scenes.reserved_for(payees, "101.00")
            assert len(payouts) == len(payees)
            self.sandbox.fault("transfers.create", "reset_after", times=len(payees))
            scenes.send()
        for number, transfer in enumerate(self.sandbox.books()["transfers"]):
            if number % 2:
                self.sandbox.reverse(transfer["id"])

    def _refund(self) -> None:
        """Refunds: a third succeeds at once, a third later, a third comes back in the end."""
        for number in range(self.size):
            refunds.request(
                self.brands, usd(100 + number), actor="user:1", form_key=new_id(), at=clock.now()
            )
            db.session.commit()
            fault = (None, "refund_pending", "refund_fails_after_success")[number % 3]
            if fault:
                self.sandbox.fault("refunds.create", fault, delay_s=0)
            scenes.send()


def theirs(sandbox: SandboxServer) -> Books:
    """What the sandbox's own books say of each object, in cents: major-unit decimals there."""
    books = sandbox.books()
    found: Books = {}
    for charge in books["charges"]:
        found["charge", charge["id"]] = _cents(charge["amount"])
        found["fee", charge["balance_transaction"]] = -_cents(charge["fee"])
    for refund in books["refunds"]:
        moved = -_cents(refund["amount"]) if refund["status"] == "succeeded" else 0
        found["refund", refund["metadata"]["subject"]] = moved
    for transfer in books["transfers"]:
        left = Decimal(transfer["amount"]) - Decimal(transfer.get("reversed", 0))
        found["payout", transfer["transfer_group"]] = -_cents(left)
    assert sum(found.values()) == _cents(books["currencies"]["usd"]["balance"])
    return {key: cents for key, cents in found.items() if cents}


def _cents(major: object) -> int:
    return int(Decimal(str(major)) * 100)


def ours(owner: Owner) -> Books:
    """The same by our ledger: each posting on the clearing account, by what it is about."""
    rows = owner.execute(
        "SELECT t.cause_type, replace(t.cause_id::text, '-', ''), t.idempotency_key, e.amount_minor"
        " FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        " JOIN ledger.account a ON a.id = e.account_id"
        " WHERE a.kind = 'processor_clearing' AND a.owner = 'processor:stripe'"
    ).fetchall()
    owner.rollback()
    found: Books = {}
    for cause_type, cause, key, minor in rows:
        event, _, about = key.partition(":")
        name = {"deposit": ("charge", about), "processor_fee": ("fee", about)}.get(
            event, (cause_type, cause)
        )
        found[name] = found.get(name, 0) + minor
    return {key: minor for key, minor in found.items() if minor}


def mismatches(sandbox: SandboxServer, owner: Owner) -> int:
    """How many objects the two books do not agree about."""
    one, other = theirs(sandbox), ours(owner)
    return sum(one.get(key) != other.get(key) for key in {*one, *other})


@pytest.mark.proof
def test_one_reconcile_after_any_chaos_leaves_no_difference_to_the_processors_own_books(
    sandbox: SandboxServer, joined: Stripe, web: Web, owner: Owner
) -> None:
    events, size = trials(200, 2_000), trials(6, 60)
    postman = Postman(sandbox, Sender(web.url), random.Random(SEED))
    Traffic(sandbox, size).happen(events, postman)
    letters = postman.events()

    postman.deliver_all(letters, scenes.handle_events)
    control = mismatches(sandbox, owner)
    run = scenes.reconcile()
    violations = mismatches(sandbox, owner)
    # Where a wrong event took the place of the true one, the inbox says so; the books are right.
    violations += sum(leg == Leg.BOOKS for leg, *_ in scenes.standing())

    record_proof(
        "chaos.webhooks",
        trials=len(letters),
        violations=violations,
        control_violations=control,
        seed=SEED,
    )
    assert violations == 0
    assert control > 0, "without a reconcile, what was lost must be missing"
    assert run.events_found > 0
    forged = {status for kind, status in postman.answers if kind == "forged"}
    assert forged <= {400, 401}, postman.answers
    assert {status for kind, status in postman.answers if kind == "true"} == {200}
    again = scenes.reconcile()
    assert (again.events_found, again.movements_found, again.differences_found) == (0, 0, 0)
