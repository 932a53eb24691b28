"""A comparison ends, whatever one object, one line or one moment says; what it lacks has a name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.errors import ProcessorUnavailable
from marketplace.extensions import db
from marketplace.funding.deposit import DepositStatus
from marketplace.payouts.destination import Destination
from marketplace.processors import stripe_balance, stripe_events
from marketplace.processors.base import BadPayload, Ref
from marketplace.processors.stripe import Stripe
from marketplace.reconciliation import run as runs
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.webhooks import converge, inbox
from marketplace.webhooks.event import WebhookEvent
from marketplace.worker import polling, reconciling
from tests.make import make_operator
from tests.reconciliation import scenes
from tests.reconciliation.scenes import deposit_status, paid, reconcile, standing
from tests.reconciliation.test_reconcile import command, forget_events
from tests.sandbox.server import SandboxServer


@pytest.fixture
def operator(joined: Stripe) -> UUID:
    return make_operator().id


def step_until_done(steps: int = 60) -> ReconciliationRun:
    """A run by hand, as far as so many steps bring it; no wait is waited for."""
    assert runs.begin("stripe", clock.now())
    db.session.commit()
    for _ in range(steps):
        scenes.waits_are_over()
        reconciling.reconcile_next(clock.now())
        db.session.remove()
        scenes.handle_events()
    run = db.session.query(ReconciliationRun).one()
    db.session.expunge(run)
    db.session.rollback()
    return run


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProcessorUnavailable("No such payment_intent"), "No such payment_intent"),
        (ZeroDivisionError("ours"), "ZeroDivisionError: ours"),
    ],
)
def test_one_object_that_cannot_be_followed_keeps_none_of_the_others(
    sandbox: SandboxServer,
    joined: Stripe,
    operator: UUID,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
) -> None:
    poisoned, other = paid(sandbox, operator), paid(sandbox, operator)
    forget_events(sandbox)
    apply = converge.apply

    def fail(snapshot: Any, at: Any) -> str:
        if snapshot.our_ref == poisoned.hex:
            raise error
        return apply(snapshot, at)

    monkeypatch.setattr(converge, "apply", fail)
    run = step_until_done()

    assert (run.state, run.asked, run.tries) == ("done", 1, 0)
    (named,) = run.left_out
    assert named.startswith("payment pi_")
    assert named.endswith(said)
    assert (deposit_status(poisoned), deposit_status(other)) == (
        DepositStatus.PENDING,
        DepositStatus.SUCCEEDED,
    )
    assert ("books", "charge", 100_000, 50_000) in standing()

    monkeypatch.setattr(converge, "apply", apply)
    again = reconcile()  # it can be read by now
    assert (again.asked, again.left_out) == (1, [])
    assert deposit_status(poisoned) == DepositStatus.SUCCEEDED


def test_an_object_is_tried_again_before_a_run_goes_on_without_it(
    sandbox: SandboxServer, operator: UUID
) -> None:
    deposit = paid(sandbox, operator)
    forget_events(sandbox)
    sandbox.fault("payment_intents.retrieve", "e503", times=reconciling.TRIES_MAX - 1)
    run = step_until_done()
    assert (run.state, run.left_out) == ("done", [])
    assert deposit_status(deposit) == DepositStatus.SUCCEEDED


def test_one_line_of_a_list_that_cannot_be_read_keeps_none_of_the_others(
    app: Flask, sandbox: SandboxServer, operator: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(sandbox, operator, 70_000)
    paid(sandbox, operator)
    movement, ref_of = stripe_balance.movement, stripe_events.ref_of
    lines: dict[str, list[str]] = {"movement": [], "event": []}

    def read_movement(entry: Any) -> Any:
        if entry["amount"] == 70_000:
            lines["movement"].append(entry["id"])
            raise KeyError("currency")
        return movement(entry)

    def read_event(endpoint: Any, event: Any) -> Any:
        if event["type"] == "charge.succeeded" and not lines["event"]:
            lines["event"].append(event["id"])
            raise BadPayload("the event does not say whether it is live")
        return ref_of(endpoint, event)

    monkeypatch.setattr(stripe_balance, "movement", read_movement)
    monkeypatch.setattr(stripe_events, "ref_of", read_event)
    said = command(app, "--processor", "stripe")[1]

    ((movement_id,), (event_id,)) = lines.values()
    assert f"went on without: movement {movement_id}" in said
    assert f"went on without: event {event_id}" in said
    # What it followed meanwhile counts from the next run on.
    status, said = command(app, "--processor", "stripe")
    assert status == 1
    assert "charge: stripe 500.00 USD, books 1200.00 USD  (new)" in said


def test_an_error_of_ours_is_written_down_and_tried_again(
    sandbox: SandboxServer, operator: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(sandbox, operator)
    store = inbox.store_listed
    monkeypatch.setattr(inbox, "store_listed", lambda *_: 1 // 0)
    assert runs.begin("stripe", clock.now())
    db.session.commit()
    assert reconciling.reconcile_next(clock.now())
    run = db.session.query(ReconciliationRun).one()
    assert (run.state, run.tries) == ("events", 1)
    assert run.last_error == "ZeroDivisionError: integer division or modulo by zero"
    assert not reconciling.reconcile_next(clock.now())  # not at once

    monkeypatch.setattr(inbox, "store_listed", store)
    scenes.waits_are_over()
    assert reconcile().left_out == []


def test_a_run_ends_although_events_keep_coming(sandbox: SandboxServer, operator: UUID) -> None:
    paid(sandbox, operator)
    assert runs.begin("stripe", clock.now())
    db.session.commit()
    for number in range(20):
        scenes.waits_are_over()
        scenes.handle_events()
        ref = Ref(f"evt_{number}", "charge.updated", False, None, None, None)
        inbox.store("stripe", "platform", ref, b"{}", {}, clock.wall_now())
        reconciling.reconcile_next(clock.now())
        db.session.remove()
    run = db.session.query(ReconciliationRun).one()
    assert (run.state, run.differences_found) == ("done", 0)
    assert db.session.query(WebhookEvent).filter_by(state="new").count() > 0


def test_what_moves_while_a_run_is_under_way_is_no_difference_before_its_event_is_late(
    sandbox: SandboxServer, operator: UUID
) -> None:
    """The books have it already, because it was asked about; its event is still on its way."""
    assert runs.begin("stripe", clock.now())
    db.session.commit()
    assert reconciling.reconcile_next(clock.now())  # events are listed
    db.session.commit()
    sandbox.set_offset(2)  # whole seconds are all that Stripe says of a time
    deposit = paid(sandbox, operator)

    run = reconcile()

    assert (run.events_found, run.asked, run.differences_found) == (0, 1, 0)
    assert deposit_status(deposit) == DepositStatus.SUCCEEDED
    # The next run finds the event; had it never come, that would be a difference from then on.
    clock.set_offset(timedelta(seconds=10))
    forget_events(sandbox)
    assert reconcile().differences_found == 1
    assert standing() == [("inbox", "charge", 50_000, 0)]


# ---- events that no list of ours has


@pytest.mark.parametrize("hears", ["restricted", "cured"])
def test_a_lost_thin_event_about_an_account_is_made_good_by_the_days_question(
    sandbox: SandboxServer, operator: UUID, hears: str
) -> None:
    creator = scenes.receiver(sandbox)
    destination = db.session.query(Destination).filter_by(creator_id=creator).one()
    account, id = destination.remote_account, destination.id
    assert account
    assert (destination.status, destination.next_check_at) == ("active", None)
    sandbox.fail_onboarding(account)  # nobody listens to the sandbox here
    paid(sandbox, operator)
    reconcile()
    assert polling.destinations(clock.now())
    if hears == "cured":
        sandbox.complete_onboarding(account)
        db.session.get_one(Destination, id).next_check_at = None  # as after many questions
        db.session.commit()
        reconcile()
        assert polling.destinations(clock.now())
    found = db.session.get_one(Destination, id, populate_existing=True)
    assert found.status == ("restricted" if hears == "restricted" else "active")


def test_a_lost_event_of_a_connected_account_says_nothing_that_we_need(
    sandbox: SandboxServer, operator: UUID
) -> None:
    """What a creator's account pays to their bank is between them and Stripe."""
    paid(sandbox, operator)
    reconcile()
    sandbox.settings(bank_payout_delay_s=0)
    (payout,) = scenes.reserved_for([scenes.receiver(sandbox)])
    scenes.send()
    sandbox.books()  # the account's own payout happens, and its event is lost
    with sandbox.world.act() as act:
        assert act.sql.execute(
            "SELECT count(*) FROM delivery WHERE endpoint = 'connect'"
        ).fetchone()[0]
    run = reconcile()
    assert (run.differences_found, standing()) == (0, [])
    assert scenes.payout_status(payout) == "paid"
    told = db.session.query(WebhookEvent).filter(WebhookEvent.endpoint != "platform").count()
    assert told == 0
