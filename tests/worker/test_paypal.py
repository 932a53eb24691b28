"""A payout by PayPal from the sender to the poll, whatever goes wrong in between."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.extensions import db
from marketplace.payouts import hold
from marketplace.processors.stripe import Stripe
from marketplace.worker import polling
from tests.sandbox.server import SandboxServer
from tests.webhooks import paypal_world as world
from tests.worker import ways


def ask() -> None:
    """The worker's own question, some minutes later."""
    while polling.payouts(clock.now() + timedelta(minutes=5)):
        db.session.remove()


def made(sandbox: SandboxServer) -> int:
    return len(sandbox.books()["paypal"]["items"])


@pytest.mark.parametrize(
    "fault", ["timeout_after_success", "reset_after", "e500_after_success", "timeout_before"]
)
def test_without_an_answer_it_is_unknown_and_in_the_end_paid_once(
    joined: Stripe, sandbox: SandboxServer, fault: str
) -> None:
    world.fund(sandbox)
    payout = world.reserved()
    sandbox.fault("paypal.payouts.create", fault, hold_s=1.3)
    world.send()
    assert world.status(payout) == "unknown"
    assert world.owed(payout).minor == 0  # nothing is released
    ways.waits_are_over()
    world.send()
    ask()
    assert world.status(payout) == "paid"
    assert made(sandbox) == 1
    assert ways.states(payout.id) == ["done"]


def test_a_refusal_after_a_doubt_counts_for_nothing(joined: Stripe, sandbox: SandboxServer) -> None:
    """What was made without an answer to us used up the balance; so the key must answer first."""
    sandbox.fund_paypal("160.00")
    payout = world.reserved()
    sandbox.fault("paypal.payouts.create", "timeout_before", hold_s=1.3)
    world.send()
    other = world.reserved("other@example.com")
    world.send()
    assert world.status(other) == "sending"
    ways.waits_are_over()
    world.send()  # refused: the other one was paid out of the balance
    assert world.status(payout) == "unknown"
    assert world.owed(payout).minor == 0
    sandbox.fund_paypal("1000.00")
    ways.waits_are_over()
    world.send()
    ask()
    assert (world.status(payout), world.status(other)) == ("paid", "paid")
    assert made(sandbox) == 2


def test_without_money_there_it_is_held_until_there_is(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    payout = world.reserved()
    world.send()
    assert world.fresh(payout.id).hold_reason == "processor_funds"
    db.session.rollback()
    world.fund(sandbox)
    assert hold.release_due(clock.now() + timedelta(days=1))
    db.session.commit()
    world.send()
    ask()
    assert world.status(payout) == "paid"
    assert ways.states(payout.id) == ["rejected", "done"]


def test_after_29_days_nothing_is_sent_again_and_a_person_looks(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    """PayPal may have forgotten the key: sending once more could pay once more."""
    payout = world.made_without_an_answer(sandbox)
    world.let_days_pass(sandbox, 31)
    assert made(sandbox) == 1
    assert ways.states(payout.id) == ["needs_review"]
    assert world.fresh(payout.id).hold_reason == "review"
    assert world.owed(payout).minor == 0


def test_within_29_days_the_same_key_still_finds_what_was_made(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    payout = world.made_without_an_answer(sandbox)
    world.let_days_pass(sandbox, 28)
    ask()
    assert (world.status(payout), made(sandbox)) == ("paid", 1)


def test_an_unclaimed_one_is_asked_about_each_day_without_end(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    world.fund(sandbox)
    payout = world.reserved("unclaimed@example.com")
    world.send()
    for _ in range(3):
        ask()
        ways.domain_time_passes(sandbox, timedelta(days=1))
    assert world.status(payout) == "unclaimed"
    ways.domain_time_passes(sandbox, timedelta(days=30))
    ask()
    assert world.status(payout) == "returned"
    assert not polling.payouts(clock.now() + timedelta(days=400))
