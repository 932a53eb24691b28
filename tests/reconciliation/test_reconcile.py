"""A reconciliation repairs what never reached us, and says what still does not agree."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from marketplace import clock
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.ledger.balances import balance
from marketplace.ledger.postings import POOLS
from marketplace.payouts.payout import PayoutStatus
from marketplace.processors import stripe as stripe_adapter
from marketplace.processors.stripe import Stripe
from marketplace.reconciliation import comparing
from marketplace.reconciliation import run as runs
from marketplace.reconciliation.mirror import BalanceTransaction
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.webhooks.event import WebhookEvent
from marketplace.worker import reconciling
from tests.make import make_operator
from tests.processors.make import funded, usd
from tests.reconciliation import scenes
from tests.reconciliation.scenes import deposit_status, paid, payout_status, reconcile, standing
from tests.sandbox.server import SandboxServer
from tests.webhooks.paypal_world import batch_of, fund, reserved
from tests.webhooks.paypal_world import status as paypal_status


@pytest.fixture
def operator(joined: Stripe) -> UUID:
    return make_operator().id


def forget_events(sandbox: SandboxServer) -> None:
    """As after 30 days: Stripe lists no event any more."""
    with sandbox.world.act() as act:
        act.sql.execute("DELETE FROM thing WHERE kind = 'event'")


def pool() -> int:
    held = balance(POOLS["fund"], "USD").minor
    db.session.rollback()
    return held


def test_events_that_never_reached_us_are_stored_and_followed(
    sandbox: SandboxServer, operator: UUID
) -> None:
    deposit = paid(sandbox, operator)
    assert deposit_status(deposit) == DepositStatus.PENDING

    first = reconcile()

    assert deposit_status(deposit) == DepositStatus.SUCCEEDED
    assert pool() == 50_000
    assert first.events_found == len(db.session.query(WebhookEvent).all()) > 0
    assert (first.movements_found, first.differences_found) == (1, 0)
    assert standing() == []
    again = reconcile()
    assert (again.events_found, again.movements_found, again.asked) == (0, 0, 0)
    assert pool() == 50_000


def test_money_that_no_event_tells_of_any_more_is_asked_about_by_itself(
    sandbox: SandboxServer, operator: UUID
) -> None:
    deposit = paid(sandbox, operator)
    forget_events(sandbox)

    run = reconcile()

    assert deposit_status(deposit) == DepositStatus.SUCCEEDED
    assert (run.events_found, run.asked) == (0, 1)
    # The books are right; that nobody ever told us stays to be explained.
    assert standing() == [("inbox", "charge", 50_000, 0)]


def test_nothing_is_compared_before_the_inbox_has_handled_what_was_found(
    sandbox: SandboxServer, operator: UUID
) -> None:
    paid(sandbox, operator)
    assert runs.begin("stripe", clock.now())
    db.session.commit()
    while reconciling.reconcile_next(clock.now()):
        db.session.commit()
    db.session.commit()
    assert db.session.query(ReconciliationRun).one().state == "settling"

    scenes.handle_events()
    scenes.waits_are_over()
    assert reconciling.reconcile_next(clock.now())
    db.session.commit()
    run = db.session.query(ReconciliationRun).one()
    assert (run.state, run.differences_found) == ("done", 0)


def test_what_is_open_and_not_asked_about_any_more_is_asked_about_again(
    sandbox: SandboxServer, operator: UUID
) -> None:
    given_up, soon = scenes.asked_for(operator, 5_000), scenes.asked_for(operator, 5_000)
    scenes.send()
    planned = db.session.get_one(Deposit, soon).next_check_at
    db.session.get_one(Deposit, given_up).next_check_at = None
    db.session.commit()

    run = reconcile()

    assert db.session.get_one(Deposit, given_up).next_check_at is not None
    assert db.session.get_one(Deposit, soon).next_check_at == planned
    assert run.differences_found == 0


def test_a_transfer_whose_answer_was_lost_and_one_that_came_back_are_followed(
    sandbox: SandboxServer, operator: UUID
) -> None:
    paid(sandbox, operator)
    reconcile()
    lost, returned = scenes.reserved_for([scenes.receiver(sandbox), scenes.receiver(sandbox)])
    sandbox.fault("transfers.create", "reset_after", times=2)
    scenes.send()
    assert {payout_status(lost), payout_status(returned)} == {PayoutStatus.UNKNOWN}
    (transfer,) = (
        it["id"] for it in sandbox.books()["transfers"] if it["transfer_group"] == returned.hex
    )
    sandbox.reverse(transfer)

    run = reconcile()

    assert payout_status(lost) == PayoutStatus.PAID
    assert payout_status(returned) == PayoutStatus.RETURNED
    assert (run.movements_found, run.differences_found) == (3, 0)
    assert standing() == []


def test_what_moved_without_us_is_a_difference(sandbox: SandboxServer, operator: UUID) -> None:
    paid(sandbox, operator)
    sandbox.fund_paypal("100.00", from_stripe=True)

    assert reconcile().differences_found == 1

    assert standing() == [("books", "payout", -10_000, 0)]


def test_money_of_somebody_else_is_a_difference_and_breaks_nothing(
    sandbox: SandboxServer, joined: Stripe, operator: UUID
) -> None:
    funded(sandbox, joined, usd(7_000))

    reconcile()

    assert ("books", "charge", 7_000, 0) in standing()
    assert pool() == 0


def test_a_posting_counts_on_the_day_of_what_it_follows(
    sandbox: SandboxServer, operator: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(sandbox, operator)
    clock.set_offset(timedelta(days=2))
    reconcile()
    assert standing() == []

    # Without knowing what it follows, it would count on its own day.
    monkeypatch.setattr(
        comparing, "_COMPARED", comparing._COMPARED.replace(comparing.POSTING_KEY, "NULL::text")
    )
    reconcile()
    assert len(standing()) == 4  # charge and fee, on either day


def test_a_run_goes_on_where_it_was_left(
    sandbox: SandboxServer, operator: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stripe_adapter._since
    monkeypatch.setattr(stripe_adapter, "_since", lambda *it: {**whole(*it), "limit": 3})
    deposit = paid(sandbox, operator)
    listed = len(joined_events(sandbox))
    assert runs.begin("stripe", clock.now())
    db.session.commit()
    at = clock.now()
    assert reconciling.reconcile_next(at)  # one page of events
    sandbox.fault("events.list", "reset_before")
    assert reconciling.reconcile_next(at)  # no answer

    run = db.session.query(ReconciliationRun).one()
    assert (run.state, run.events_found, run.tries) == ("events", 3, 1)
    assert run.cursor is not None
    assert run.last_error
    scenes.waits_are_over()

    ended = reconcile()
    assert ended.events_found == listed > 3
    assert deposit_status(deposit) == DepositStatus.SUCCEEDED
    assert standing() == []


def joined_events(sandbox: SandboxServer) -> list[object]:
    with sandbox.world.act() as act:
        return list(act.find("event", "platform"))


def test_each_day_has_one_run_per_processor_that_was_asked_before(
    sandbox: SandboxServer, operator: UUID
) -> None:
    at = clock.now()
    paid(sandbox, operator)
    assert not reconciling.reconcile_next(at)  # no day is over since
    for days in (1, 1, 2):
        while reconciling.reconcile_next(at + timedelta(days=days)):
            db.session.commit()
            scenes.handle_events()
            scenes.waits_are_over()

    begun = [it.day for it in db.session.query(ReconciliationRun).order_by(ReconciliationRun.day)]
    assert begun == [at.date() + timedelta(days=days) for days in (1, 2)]


def test_a_paypal_batch_is_asked_about_whatever_it_said_before(
    sandbox: SandboxServer, operator: UUID
) -> None:
    fund(sandbox)
    payout = reserved()
    scenes.send()
    sandbox.books()  # what is due there happens

    run = reconcile("paypal")

    assert paypal_status(payout) == PayoutStatus.PAID
    assert (run.asked, run.movements_found, standing("paypal")) == (1, 1, [])
    sandbox.move_paypal(batch_of(payout), "REVERSED")

    reconcile("paypal")

    assert paypal_status(payout) == PayoutStatus.RETURNED
    assert standing("paypal") == []
    types = [it.type for it in db.session.query(BalanceTransaction)]
    assert sorted(types) == ["transfer", "transfer_refund"]


def test_what_was_mirrored_is_never_changed(
    sandbox: SandboxServer, operator: UUID, app_role: psycopg.Connection[tuple[object, ...]]
) -> None:
    paid(sandbox, operator)
    reconcile()
    for change in (
        "UPDATE balance_transaction SET fee_minor = 0",
        "DELETE FROM balance_transaction",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(change)
        app_role.rollback()


def command(app: Flask, *arguments: str) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(args=["processors", "reconcile", *arguments])
    return done.exit_code, done.output


def test_the_command_fails_for_a_new_difference_alone(
    app: Flask, sandbox: SandboxServer, operator: UUID
) -> None:
    paid(sandbox, operator)
    status, said = command(app)
    assert (status, "no difference" in said) == (0, True)

    sandbox.fund_paypal("100.00", from_stripe=True)
    status, said = command(app, "--processor", "stripe")
    assert status == 1
    assert "payout: stripe -100.00 USD, books 0.00 USD  (new)" in said

    status, said = command(app)
    assert status == 0
    assert "(known since " in said


def test_the_command_says_that_a_processor_does_not_answer(
    app: Flask, sandbox: SandboxServer, operator: UUID
) -> None:
    sandbox.fault("events.list", "e503", times=None)
    status, said = command(app, "--processor", "stripe")
    assert status == 1
    assert "stripe gives no usable answer" in said
    assert command(app, "--processor", "nobody")[0] == 1
