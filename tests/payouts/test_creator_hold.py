"""A hold on a creator: nothing leaves until it is lifted; the creator reads why and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from marketplace import clock, statuses
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import creator_hold, hold, leaving
from marketplace.payouts.creator_hold import REVIEW_WITHIN, CreatorHold, CreatorHoldStatus
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Blocker, Reason
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus
from marketplace.processors import outbox
from marketplace.processors.base import Op
from tests.make import do_runs, earn_matured, make_creator, make_destination, make_payout
from tests.within import at_once, locked, refusals, refused, within

__all__ = ["within"]

DAY = timedelta(days=1)


@pytest.fixture
def creator() -> Creator:
    """150.00 USD that could leave."""
    creator = make_creator("ines").creator
    earn_matured(creator, "150.00 USD")
    make_destination(creator)
    return creator


def place(creator: Creator) -> CreatorHold:
    made = creator_hold.place(
        creator.id, "we ask about an order", clock.now() + 10 * DAY, "user:1", clock.now()
    )
    db.session.commit()
    return made


def lift(held: CreatorHold) -> None:
    creator_hold.lift(locked(CreatorHold, held.id), "user:2", "all in order", clock.now())
    db.session.commit()


def test_what_is_held_is_not_payable_and_says_why_whose_turn_it_is_and_until_when(
    creator: Creator,
) -> None:
    held = place(creator)
    (blocker,) = decision_for(creator, "USD", clock.now()).blockers
    assert blocker == Blocker(
        Reason.ON_HOLD, "operator", until=held.review_at, details=("we ask about an order",)
    )
    do_runs(clock.now() + 9 * DAY)
    assert db.session.query(Payout).count() == 0
    lift(held)
    assert decision_for(creator, "USD", clock.now()).payable


def test_what_was_reserved_before_is_held_when_it_would_leave_and_goes_on_once_lifted(
    creator: Creator,
) -> None:
    payout = make_payout(creator, "20.00 USD")
    held = place(creator)
    assert not leaving.may_send(locked(Payout, payout.id), clock.now())
    assert outbox.abandon(Op.TRANSFER, payout.id), "as the sender does"
    db.session.commit()
    assert (payout.status, payout.hold_reason) == (PayoutStatus.HELD, HoldReason.OPERATOR)
    assert payout.review_at == held.review_at
    first = decision_for(creator, "USD", clock.now()).blockers[0]
    assert (first.on, first.until) == ("operator", held.review_at)

    assert hold.release_due(held.review_at), "time alone ends no hold"
    db.session.commit()
    assert payout.status == PayoutStatus.HELD
    lift(held)
    assert hold.release_due(clock.now())
    db.session.commit()
    assert payout.status == PayoutStatus.RESERVED
    assert leaving.may_send(locked(Payout, payout.id), clock.now())
    db.session.rollback()


def test_a_hold_has_a_trace_and_another_one_is_another_row(creator: Creator) -> None:
    first = place(creator)
    lift(first)
    second = place(creator)
    assert second.id != first.id
    moves = [(it.event, it.actor, it.reason) for it in statuses.history(first)]
    assert moves == [("create", "user:1", ""), ("lift", "user:2", "all in order")]
    with refused(WrongState):
        lift(first)


@pytest.mark.parametrize("after", [timedelta(0), -DAY, REVIEW_WITHIN + DAY])
def test_its_review_is_within_a_month(creator: Creator, after: timedelta) -> None:
    with refused(BadInput):
        creator_hold.place(creator.id, "why", clock.now() + after, "user:1", clock.now())


def test_of_eight_holds_at_once_one_is_placed(app: Flask, creator: Creator) -> None:
    id = creator.id
    db.session.commit()

    def act() -> None:
        creator_hold.place(id, "why", clock.now() + DAY, "user:1", clock.now())

    assert len(refusals(at_once(app, *[act] * 8))) == 7
    (held,) = db.session.query(CreatorHold)
    assert held.status == CreatorHoldStatus.ACTIVE


def test_the_database_keeps_one_active_hold_per_creator(creator: Creator) -> None:
    held = place(creator)
    with refused(IntegrityError, match="uq_creator_hold_active"):
        twin = CreatorHold(
            creator_id=creator.id,
            status=CreatorHoldStatus.ACTIVE,
            reason="twice",
            review_at=held.review_at,
            placed_by="user:1",
        )
        statuses.born(twin, clock.now(), "user:1")
        db.session.flush()
