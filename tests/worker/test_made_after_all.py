"""What a person was to look into, and what is looked at before a further attempt.

An answer that never came is unknown, and what we cannot ask for by our key a person finds. Until
then the processor itself may still tell us; whatever it says is what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import clock
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.payouts import creator_hold, hold, receiver
from marketplace.payouts import payout as payouts
from marketplace.payouts.payout import HoldReason, Payout
from marketplace.processors import outbox, paypal_wire, registry
from marketplace.processors.base import Op
from marketplace.processors.outbox import ProcessorRequest
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import converge
from marketplace.worker import polling
from tests.make import make_creator, make_destination, make_payout, transfer_of
from tests.processors.make import funded, usd
from tests.sandbox.server import SandboxServer
from tests.scripted import Scripted, scripted, send
from tests.webhooks import paypal_world as world
from tests.within import locked, within
from tests.worker import ways

__all__ = ["scripted", "within"]

OPERATOR = "user:1"


# ---- a further attempt


@pytest.fixture
def doubted(within: None, scripted: Scripted) -> Iterator[Payout]:
    """A payout whose only call got no answer, a day ago: two look-ups find nothing."""
    payout = make_payout(make_creator().creator)
    ways.only_this_is_sent(payout.id)
    send(scripted, "down")
    assert payout.status == "unknown"
    yield payout
    assert not scripted.made


def _hold(payout: Payout) -> None:
    until = clock.now() + timedelta(days=5)
    creator_hold.place(payout.creator_id, "taken over", until, OPERATOR, clock.now())


def _replace(payout: Payout) -> None:
    receiver.replace(payout.creator_id, "new@example.com", OPERATOR, clock.now())


@pytest.mark.parametrize(
    ("happens", "reason"), [(_hold, HoldReason.OPERATOR), (_replace, HoldReason.DESTINATION)]
)
def test_before_a_further_attempt_creator_and_destination_are_looked_at_once_more(
    scripted: Scripted, doubted: Payout, happens: Callable[[Payout], None], reason: HoldReason
) -> None:
    happens(doubted)
    db.session.commit()
    clock.set_offset(clock.offset() + timedelta(hours=24))
    for _ in range(3):
        send(scripted, "made")
    assert ways.states(doubted.id) == ["abandoned", "abandoned"]
    assert (doubted.status, doubted.hold_reason) == ("held", reason)


# ---- what PayPal cannot be asked for by our key


@pytest.fixture
def in_review(joined: Stripe, sandbox: SandboxServer) -> world.Mine:
    """Made at PayPal, which told nobody for 31 days: a person must look."""
    payout = world.made_without_an_answer(sandbox)
    world.let_days_pass(sandbox, 31)
    assert ways.states(payout.id) == ["needs_review"]
    assert world.status(payout) == "held"
    return payout


def batch_id(sandbox: SandboxServer) -> str:
    """What an operator reads in PayPal's activity."""
    (item,) = sandbox.books()["paypal"]["items"]
    return str(item["batch"])


def tell(sandbox: SandboxServer) -> None:
    """What an event of PayPal's makes of it: the batch is fetched, and that counts."""
    snapshot = registry.get("paypal").fetch("transfer", batch_id(sandbox), None)
    converge.apply(snapshot, clock.now())
    db.session.commit()
    db.session.remove()


def look_up(payout: world.Mine, remote_id: str) -> None:
    hold.look_up(locked(Payout, payout.id), remote_id, OPERATOR, "seen there", clock.now())
    db.session.commit()
    db.session.remove()
    world.send()


def test_what_the_processor_tells_meanwhile_is_what_happened(
    sandbox: SandboxServer, in_review: world.Mine
) -> None:
    tell(sandbox)
    assert world.status(in_review) == "paid"
    assert ways.states(in_review.id) == ["done"]
    assert world.fresh(in_review.id).hold_reason is None


def test_what_was_heard_of_in_time_is_nothing_for_a_person_to_look_into(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    payout = world.made_without_an_answer(sandbox)
    tell(sandbox)
    world.let_days_pass(sandbox, 31)
    assert (world.status(payout), ways.states(payout.id)) == ("paid", ["done"])


def test_what_an_operator_found_there_is_looked_up_and_nothing_is_sent(
    sandbox: SandboxServer, in_review: world.Mine
) -> None:
    look_up(in_review, batch_id(sandbox))
    while polling.payouts(clock.now() + timedelta(minutes=5)):
        db.session.remove()
    assert (world.status(in_review), ways.states(in_review.id)) == ("paid", ["done"])
    assert len(sandbox.books()["paypal"]["items"]) == 1


def test_a_number_that_is_no_batch_of_ours_brings_it_back_to_the_operator(
    sandbox: SandboxServer, in_review: world.Mine
) -> None:
    look_up(in_review, "NOSUCHBATCH")
    assert world.fresh(in_review.id).hold_reason == "review"
    db.session.rollback()
    asked = db.session.query(ProcessorRequest).filter_by(subject_id=in_review.id).one()
    assert asked.state == "needs_review"
    assert "NOSUCHBATCH" in (asked.error_message or "")


def test_a_batch_of_another_payout_is_not_taken_for_it(
    sandbox: SandboxServer, in_review: world.Mine
) -> None:
    other = world.reserved("other@example.com")
    world.send()
    look_up(in_review, world.batch_of(other))
    assert world.fresh(in_review.id).hold_reason == "review"
    assert ways.states(in_review.id) == ["needs_review"]


def test_only_what_waits_for_a_person_is_looked_up(joined: Stripe, sandbox: SandboxServer) -> None:
    payout = world.reserved()
    world.send()  # nothing is there to pay it from
    assert world.fresh(payout.id).hold_reason == "processor_funds"
    with pytest.raises(WrongState):
        look_up(payout, "ANY1")


def test_what_was_called_off_and_had_been_made_is_taken_back_out(
    sandbox: SandboxServer, in_review: world.Mine
) -> None:
    """The operator saw nothing there and gave it back; then PayPal tells of it."""
    payouts.cancel(locked(Payout, in_review.id), OPERATOR, "not found there", clock.now())
    db.session.commit()
    assert world.owed(in_review) == in_review.amount
    tell(sandbox)
    assert (world.status(in_review), world.owed(in_review).minor) == ("paid", 0)
    subjects = db.session.scalars(db.select(Mail.subject)).all()
    assert any("arrived after all" in subject for subject in subjects)


def test_a_batch_that_was_denied_as_a_whole_fails_the_payout(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    """PayPal may name no items of a batch that it did not process."""
    world.fund(sandbox)
    payout = world.reserved()
    world.send()
    header = {
        "payout_batch_id": world.batch_of(payout),
        "batch_status": "DENIED",
        "sender_batch_header": {"sender_batch_id": f"trf:{payout.id.hex}:1"},
    }
    converge.apply(paypal_wire.batch({"batch_header": header}, False), clock.now())
    db.session.commit()
    assert (world.status(payout), world.owed(payout)) == ("failed", payout.amount)


# ---- an answer that does not fit


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_account", "wrong_livemode"])
def test_an_answer_that_does_not_fit_holds_the_payout_for_a_person(
    app: Flask, joined: Stripe, sandbox: SandboxServer, fault: str
) -> None:
    with app.app_context():
        creator_id = make_creator().creator.id
        db.session.commit()
        funded(sandbox, joined, usd(1_000_000))
        ways.onboarded(sandbox, joined, creator_id)
        id = make_payout(db.session.get_one(Creator, creator_id)).id
        sandbox.fault("transfers.create", fault)
        world.send()
        held = world.fresh(id)
        assert (held.status, held.hold_reason) == ("held", "review")
        assert held.review_at is not None
        db.session.rollback()
        (made,) = ways.transfers(sandbox, id)  # an event names it, and it fits
        converge.apply(joined.fetch("transfer", made["id"], None), clock.now())
        db.session.commit()
        assert (world.fresh(id).status, ways.states(id)) == ("paid", ["done"])


# ---- whatever the processor says, whenever


STATES = ("paid", "pending", "unclaimed", "failed", "returned", "reversed")
ENDS: dict[str, dict[str, str]] = {
    "held": {
        **{"paid": "paid", "pending": "sending", "unclaimed": "unclaimed"},
        **{"failed": "failed", "returned": "returned", "reversed": "returned"},
    },
    "canceled": {
        **{"paid": "paid", "pending": "refused", "unclaimed": "refused"},
        **{"failed": "canceled", "returned": "canceled", "reversed": "returned"},
    },
    "never sent": dict.fromkeys(STATES, "refused"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("before", ENDS)
def test_what_the_processor_says_of_a_payout_that_is_held_or_called_off(
    within: None, scripted: Scripted, before: str, state: str
) -> None:
    creator = make_creator().creator
    make_destination(creator)
    payout = make_payout(creator)
    if before == "never sent":
        outbox.abandon(Op.TRANSFER, payout.id)
        payouts.put_on_hold(locked(Payout, payout.id), HoldReason.REVIEW, "look", clock.now())
    else:
        send(scripted, "balance_insufficient")
    if before == "canceled":
        payout = locked(Payout, payout.id)
        payouts.cancel(payout, OPERATOR, "not found there", clock.now())
    db.session.commit()
    told: dict[str, Any] = {"state": state}
    try:
        converge.apply(transfer_of(locked(Payout, payout.id), **told), clock.now())
        db.session.commit()
        end = payout.status
    except converge.Quarantine:
        db.session.rollback()
        end = "refused"
    assert end == ENDS[before][state]
    if end not in ("held", "refused"):
        assert payout.hold_reason is None
