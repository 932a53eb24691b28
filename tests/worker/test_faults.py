"""Every fault of the sandbox against every call of a payout: none is paid twice, none released
though it was paid, and none stays unknown.

A trial is one fault on one call. What follows is what always follows: the sender tries again,
events are heard, the worker asks, and in the end the processor's list of events is gone through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace import clock
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import payout as payouts
from marketplace.payouts import refusal
from marketplace.payouts.payout import Payout
from marketplace.processors.stripe import Stripe
from marketplace.sandbox.faults import CALL_FAULTS, PRUNED
from marketplace.webhooks import inbox
from marketplace.worker import polling
from tests.books import broken_invariants, empty_tables
from tests.conftest import Web
from tests.harness import record_proof, trials
from tests.make import make_creator, make_payout, make_paypal_destination
from tests.processors.make import funded, usd
from tests.sandbox.server import SandboxServer
from tests.webhooks.sender import PATHS
from tests.within import within
from tests.worker import ways
from tests.worker.joining import TIMEOUT_S, join

__all__ = ["within"]

# The kinds of trouble, and the sandbox's names for them.
KINDS: dict[str, tuple[str, ...]] = {
    "timeout before success": ("timeout_before",),
    "timeout after success": ("timeout_after_success",),
    "connection reset before": ("reset_before",),
    "connection reset after": ("reset_after",),
    "500, 502, 503, 504": ("e500_stored", "e500_after_success", "e502", "e503", "e504"),
    "429 with Retry-After": ("e429",),
    "409 in progress": ("e409",),
    "400, then 200": ("e400",),
    "slow": ("slow",),
    "truncated JSON": ("truncated",),
    "wrong content type": ("wrong_type",),
    "duplicate object": ("duplicate_object",),
    "unknown enum value": ("unknown_enum",),
    "extra or missing fields": ("extra_fields", "missing_fields"),
    "API version changed": ("api_version",),
    "TLS failure": ("tls_failure",),
    "wrong amount, currency, account, livemode": (
        *("wrong_amount", "wrong_currency", "wrong_account", "wrong_livemode"),
    ),
    "clock ten minutes off": ("clock_ahead", "clock_behind"),
    "key pruned": ("key_pruned",),
}
# The twentieth is about webhooks alone.
WEBHOOK_KINDS = {
    "clock ten minutes off": ("clock_ahead", "clock_behind"),
    "secret rotated": ("rotated_secret",),
}
CREATE, LOOK_UP, FETCH = "transfers.create", "transfers.list", "transfers.retrieve"
PAYPAL_CREATE, PAYPAL_FETCH = "paypal.payouts.create", "paypal.payouts.retrieve"
CALLS = (CREATE, LOOK_UP, FETCH, PAYPAL_CREATE, PAYPAL_FETCH)
STRIPES_EVENT, PAYPALS_EVENT = "webhook.transfer.created", "webhook.PAYMENT.PAYOUTS-ITEM.SUCCEEDED"

HELD_S = 1.3 * TIMEOUT_S  # an answer comes later than we wait
FORGOTTEN = timedelta(hours=26)  # Stripe may know our key no more
ROUNDS = 4
LOST = {"on": "webhook.*", "fault": "lost", "times": None}
RESOLVED = ("paid", "failed", "held")

Trial = tuple[str, str]  # on which call or event, which fault


def cases() -> list[Trial]:
    """Every fault on every call that can have it."""
    on_calls = [
        (call, fault)
        for call in CALLS
        for names in KINDS.values()
        for fault in names
        if fault not in PRUNED or call == CREATE
    ]
    events = (STRIPES_EVENT, PAYPALS_EVENT)
    on_events = [
        (event, fault)
        for event in events
        for names in WEBHOOK_KINDS.values()
        for fault in names
        if fault != "rotated_secret" or event == STRIPES_EVENT
    ]
    return on_calls + on_events


class World:
    """One application and one sandbox that posts its events to it; a creator for each trial."""

    def __init__(self, sandbox: SandboxServer, stripe: Stripe, engine: sa.Engine) -> None:
        self.sandbox, self.stripe, self.engine = sandbox, stripe, engine
        funded(sandbox, stripe, usd(90_000_000))
        sandbox.fund_paypal("900000.00")

    def goes_wrong(self, on: str, fault: str) -> list[str]:
        """Let one fault happen to one payout; what is not as it must be, in the end?"""
        db.session.remove()
        with self.engine.begin() as connection:
            empty_tables(connection)
        by_paypal = on in (PAYPAL_CREATE, PAYPAL_FETCH, PAYPALS_EVENT)
        ids = [self._payout(by_paypal)] if fault == "duplicate_object" else []
        self._round()  # nothing happens to that one: it is what a duplicate repeats
        began = clock.now()
        id = self._payout(by_paypal)
        self._arm(on, fault)
        for _ in range(ROUNDS):
            self._round()
            if self._is_over(id) and self.sandbox.faults()["fired"]:
                break
            self.sandbox.wait_answered()  # no processor works on one call for a day
            ways.waits_are_over()
            ways.domain_time_passes(self.sandbox, FORGOTTEN)
        fired = [it["fault"] for it in self.sandbox.faults()["fired"]]
        self.sandbox.call("PUT", "faults", [])
        self.sandbox.wait_answered()
        inbox.catch_up("stripe", began - timedelta(hours=1))
        self._round()
        found = [] if fault in fired else [f"{fault} never fired"]
        return found + [it for one in (*ids, id) for it in self._wrong(one)] + self._broken()

    def _payout(self, by_paypal: bool) -> UUID:
        creator_id = make_creator(time_zone="UTC").creator.id
        if not by_paypal:
            ways.onboarded(self.sandbox, self.stripe, creator_id)
        creator = db.session.get_one(Creator, creator_id)
        if by_paypal:
            make_paypal_destination(creator)
        id = make_payout(creator).id
        db.session.remove()
        return id

    def _arm(self, on: str, fault: str) -> None:
        """The fault, and what must go wrong before, so that its call is made at all."""
        armed: dict[str, Any] = {"on": on, "fault": fault, "hold_s": HELD_S}
        lost_answer = {"on": CREATE, "fault": "reset_after"}
        before: list[dict[str, Any]] = []
        if on in (LOOK_UP, FETCH):
            before.append(lost_answer)
        if on == LOOK_UP or fault in PRUNED:
            before.append(LOST)  # nobody tells us of it meanwhile
        self.sandbox.call("PUT", "faults", [*before, armed])

    def _round(self) -> None:
        """The sender, what is told, and the worker's own questions."""
        while ways.send():
            pass
        self.sandbox.books()
        self.sandbox.wait_delivered()
        handled(inbox.handle_next)
        handled(lambda at: polling.payouts(at + timedelta(minutes=5)))

    def _is_over(self, id: UUID) -> bool:
        status = db.session.get_one(Payout, id, populate_existing=True).status
        db.session.rollback()
        return status in RESOLVED

    def _wrong(self, id: UUID) -> list[str]:
        payout = db.session.get_one(Payout, id, populate_existing=True)
        status, was_released = payout.status, payout.late_debt_minor is not None
        db.session.rollback()
        made = self._made(id)
        found = [] if status in RESOLVED else [f"still {status}"]
        if made > 1:
            found.append(f"paid {made} times")
        if made and (status == "failed" or was_released):
            found.append("released, though it was paid")
        if not made and status == "paid":
            found.append("paid, though nothing was made")
        return found

    def _made(self, id: UUID) -> int:
        books = self.sandbox.books()
        transfers = [it["transfer_group"] for it in books["transfers"]]
        items = [it["sender_item_id"] for it in books["paypal"]["items"]]
        return [*transfers, *items].count(id.hex)

    def _broken(self) -> list[str]:
        with self.engine.connect() as connection:
            return broken_invariants(connection)


def handled(job: Callable[[datetime], bool]) -> None:
    while job(clock.now()):
        db.session.remove()


@pytest.fixture
def world(
    app: Flask, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> Iterator[World]:
    engine = sa.create_engine(database_url)
    with SandboxServer(
        tmp_path,
        webhook_base=web.url + PATHS["platform"],
        paypal_webhook=web.url + PATHS["paypal"],
        judged=False,  # it answers what Stripe would never answer
    ) as sandbox:
        yield World(sandbox, join(app, sandbox, monkeypatch), engine)
    engine.dispose()


@contextmanager
def no_answer_is_taken_for_a_refusal() -> Iterator[None]:
    """The control: what nobody answered is given back at once."""

    def give_up(payout: Payout, why: str, at: datetime) -> None:
        if payout.status == payouts.PayoutStatus.SENDING:
            refusal.refused(payout, "no_answer", why, at)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(payouts, "doubted", give_up)
        yield


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_no_fault_pays_twice_or_releases_what_was_paid(world: World) -> None:
    tried = cases()[:: trials(34, 1)]
    wrong = {case: found for case in tried if (found := world.goes_wrong(*case))}
    with no_answer_is_taken_for_a_refusal():
        control = [
            (CREATE, fault)
            for fault in ("reset_after", "timeout_after_success", "truncated")
            if world.goes_wrong(CREATE, fault)
        ]
    record_proof(
        "faults.payout",
        trials=len(tried),
        violations=len(wrong),
        control_violations=len(control),
        seed=0,
    )
    assert wrong == {}
    assert len(control) == 3, "who takes no answer for a refusal must release what was paid"


def test_the_twenty_kinds_are_all_that_the_sandbox_has() -> None:
    assert len(set(KINDS) | set(WEBHOOK_KINDS)) == 20
    assert {name for names in KINDS.values() for name in names} == CALL_FAULTS
