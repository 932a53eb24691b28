"""A new destination cools off, its owner is told, and what was to go to the old one is not lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from marketplace import clock, statuses
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import destination as destinations
from marketplace.payouts import hold, leaving
from marketplace.payouts.destination import COOLING, Destination, DestinationStatus
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.gate import Reason
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus, put_on_hold
from marketplace.processors import outbox
from marketplace.processors.base import Op, Snapshot
from tests.make import do_runs, earn_matured, make_creator, make_destination, make_payout
from tests.within import at_once, locked, refusals, refused, within

__all__ = ["within"]

SECOND = timedelta(seconds=1)


@pytest.fixture
def creator() -> Creator:
    """150.00 USD, available."""
    creator = make_creator("ines").creator
    earn_matured(creator, "150.00 USD")
    return creator


def replace(creator: Creator) -> Destination:
    made = destinations.replace(creator.id, "pay@example.com", "USD", "user:1", clock.now())
    db.session.commit()
    return made


def told(creator: Creator) -> list[str]:
    address = db.session.get_one(User, creator.user_id).email
    return [mail.subject for mail in db.session.query(Mail).filter_by(to=address)]


def test_a_new_destination_is_not_paid_for_72_hours_and_the_page_says_until_when(
    creator: Creator,
) -> None:
    destination = make_destination(creator, cooled=False)
    assert destination.usable_at is not None
    until = destination.usable_at + COOLING
    decision = decision_for(creator, "USD", until - SECOND)
    (blocker,) = decision.blockers
    assert (blocker.reason, blocker.on, blocker.until) == (
        Reason.DESTINATION_COOLING,
        "time",
        until,
    )
    assert as_json(decision)["blockers"][0]["until"] == until.isoformat()
    assert decision_for(creator, "USD", until).payable


def test_a_restriction_and_its_end_do_not_begin_the_cooling_anew(creator: Creator) -> None:
    destination = make_destination(creator)
    usable_at = destination.usable_at
    for state in ("restricted", "active"):
        snapshot = Snapshot(
            "recipient", destination.remote_account or "", destination.id.hex, state, False
        )
        destinations.converge(locked(Destination, destination.id), snapshot, clock.now())
        db.session.commit()
    assert destination.usable_at == usable_at
    assert decision_for(creator, "USD", clock.now()).payable


def test_the_owner_is_told_when_one_is_asked_for_and_when_it_is_ready(creator: Creator) -> None:
    make_destination(creator, cooled=False)
    assert told(creator) == [
        "Your payouts are to go to a new account",
        "A new account is ready for your payouts",
    ]
    replace(creator)
    assert len(told(creator)) == 3


def test_another_account_is_another_row_and_the_old_one_is_retired(creator: Creator) -> None:
    old = make_destination(creator)
    new = replace(creator)
    assert (old.status, new.status) == (DestinationStatus.REPLACED, DestinationStatus.REQUESTED)
    assert old.remote_account is not None, "what it was stays to be seen"
    assert destinations.current(creator.id) == new
    assert statuses.history(old)[-1].actor == "user:1"
    with refused(WrongState):
        replace(creator)  # the new one is still being opened


def test_of_eight_replacements_at_once_one_is_made(app: Flask, creator: Creator) -> None:
    make_destination(creator)
    id = creator.id
    db.session.commit()

    def act() -> None:
        destinations.replace(id, "pay@example.com", "USD", "user:1", clock.now())

    assert len(refusals(at_once(app, *[act] * 8))) == 7
    kept = [it.status for it in db.session.query(Destination).order_by(Destination.id)]
    assert kept == [DestinationStatus.REPLACED, DestinationStatus.REQUESTED]


def test_what_was_reserved_for_a_replaced_destination_is_held_not_sent(creator: Creator) -> None:
    """The last look, under lock, right before it would leave."""
    payout = make_payout(creator, "20.00 USD")
    old = payout.destination_id
    replace(creator)
    make_destination_of(creator)
    assert not leaving.may_send(locked(Payout, payout.id), clock.now())
    assert outbox.abandon(Op.TRANSFER, payout.id)  # as the sender does
    db.session.commit()
    assert (payout.status, payout.hold_reason) == (PayoutStatus.HELD, HoldReason.DESTINATION)
    assert payout.destination_id == old, "a payout is never sent elsewhere"
    assert told_to_act() == 0, "a later run pays it by itself"

    assert payout.review_at is not None
    assert hold.release_due(payout.review_at)
    db.session.commit()
    assert payout.status == PayoutStatus.CANCELED
    available = balance(postings.creator_available(creator.ledger_owner), "USD")
    assert available == Money(17_000, "USD")


def make_destination_of(creator: Creator) -> None:
    """The new account is ready, and has cooled off."""
    made = destinations.current(creator.id)
    assert made is not None
    snapshot = Snapshot("recipient", f"acct_{made.id.hex}", made.id.hex, "active", False)
    destinations.converge(locked(Destination, made.id), snapshot, clock.now() - COOLING)
    db.session.commit()


def test_a_destination_that_cools_or_is_restricted_holds_what_would_leave(
    creator: Creator,
) -> None:
    payout = make_payout(creator, "20.00 USD")
    destination = db.session.get_one(Destination, payout.destination_id)
    usable_at = destination.usable_at
    destination.usable_at = clock.now()
    db.session.commit()
    assert not leaving.may_send(locked(Payout, payout.id), clock.now())
    assert payout.status == PayoutStatus.HELD
    assert told_to_act() == 0, "time alone lets it go"
    db.session.rollback()
    db.session.get_one(Destination, payout.destination_id).usable_at = usable_at
    db.session.commit()
    assert leaving.may_send(locked(Payout, payout.id), clock.now())
    db.session.rollback()


def told_to_act() -> int:
    """How many mails there are that a payout waits for its creator."""
    return db.session.query(Mail).filter(Mail.subject.like("%waits for you.")).count()


def test_who_must_act_for_a_held_payout_is_told_once_for_each_reason(creator: Creator) -> None:
    payout = make_payout(creator, "20.00 USD")

    def hold_it(reason: HoldReason, why: str) -> None:
        put_on_hold(locked(Payout, payout.id), reason, why, clock.now())
        db.session.commit()
        statuses.advance(locked(Payout, payout.id), "release", clock.now(), "system")
        payout.hold_reason = None
        db.session.commit()

    hold_it(HoldReason.PROCESSOR_FUNDS, "our balance is too low")
    hold_it(HoldReason.REVIEW, "an operator looks")
    assert told_to_act() == 0, "nothing for the creator to do"
    for _ in range(3):
        hold_it(HoldReason.DESTINATION, "the account is closed")
    assert told_to_act() == 1
    hold_it(HoldReason.DESTINATION, "an earlier payout to it came back")
    assert told_to_act() == 2


def test_the_run_after_the_cooling_pays_to_the_new_account(creator: Creator) -> None:
    make_destination(creator)
    new = replace(creator)
    make_destination_of(creator)
    do_runs(clock.now() + timedelta(days=9))
    assert db.session.query(Payout).one().destination_id == new.id
