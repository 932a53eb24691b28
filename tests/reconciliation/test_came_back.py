"""What PayPal gives back after it was paid: amount and fee, to the cent of its own balance."""

from __future__ import annotations

import pytest
from flask import current_app

from marketplace import clock
from marketplace.extensions import db
from marketplace.ledger.balances import transactions_of
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.processors.stripe import Stripe
from marketplace.reconciliation import mirror
from marketplace.webhooks import converge
from tests.reconciliation.scenes import reconcile, send, standing
from tests.sandbox.server import SandboxServer
from tests.webhooks import paypal_world as world
from tests.webhooks.paypal_world import Mine, usd

PAID = ["payout_reserved", "payout_paid", "processor_fee_charged"]


def at_theirs() -> Money:
    total: Money = current_app.extensions["processors"]["paypal"].cash()["USD"].total
    return total


def kinds(payout: Mine) -> list[str]:
    return [posted.kind for posted in transactions_of(Cause("payout", payout.id))]


def test_what_came_back_after_success_leaves_no_difference_whatever_its_word(
    sandbox: SandboxServer, joined: Stripe
) -> None:
    words = ("RETURNED", "FAILED", "DENIED", "BLOCKED", "REVERSED")
    world.fund(sandbox)
    payouts = {word: world.reserved(f"{word.lower()}-later@example.com") for word in words}
    send()
    for payout in payouts.values():
        sandbox.move_paypal(world.batch_of(payout), "SUCCESS")
    reconcile("paypal")
    assert {world.status(it) for it in payouts.values()} == {"paid"}
    assert world.at_paypal() == at_theirs()

    for word, payout in payouts.items():
        sandbox.move_paypal(world.batch_of(payout), word)
    reconcile("paypal")

    assert {world.status(it) for it in payouts.values()} == {"returned"}
    assert world.at_paypal() == at_theirs() < usd(100_000)  # what is missing is the one fee
    for word, payout in payouts.items():
        fee_back = [] if word == "REVERSED" else ["processor_fee_returned"]
        assert kinds(payout) == [*PAID, "payout_returned", *fee_back], word
    assert standing("paypal") == []
    reconcile("paypal")
    assert standing("paypal") == []


def test_what_a_webhook_told_between_two_runs_is_mirrored_afterwards(
    sandbox: SandboxServer, joined: Stripe
) -> None:
    """Paid and failed again before any run looked: the item's last word alone is left to read."""
    world.fund(sandbox)
    payout = world.reserved()
    send()
    batch = world.batch_of(payout)
    paypal = current_app.extensions["processors"]["paypal"]
    for word in ("SUCCESS", "FAILED"):
        sandbox.move_paypal(batch, word)
        converge.apply(paypal.fetch("transfer", batch, None), clock.now())
        db.session.commit()
    assert world.at_paypal() == at_theirs() == usd(100_000)

    assert reconcile("paypal").movements_found == 2
    assert standing("paypal") == []


def test_what_never_arrived_moved_nothing(
    sandbox: SandboxServer, joined: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fund(sandbox)
    payout = world.reserved("failed@example.com")
    send()
    sandbox.books()

    assert reconcile("paypal").movements_found == 0
    assert world.status(payout) == "failed"
    assert standing("paypal") == []

    # Mirrored all the same, it would be a difference.
    monkeypatch.setattr(mirror, "CAME_TO_NOTHING", ())
    reconcile("paypal")
    assert [it[1] for it in standing("paypal")] == ["transfer", "transfer_refund"]
