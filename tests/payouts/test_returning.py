"""A payout that came back: owed again, once, and paid again only after its creator confirmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace import clock, statuses
from marketplace.earnings.earning import Earning
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import hold, leaving, returning, settling
from marketplace.payouts import payout as payouts
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Blocker, Reason
from marketplace.payouts.payout import HoldReason, Mismatch, Payout, PayoutStatus
from marketplace.payouts.run import PayoutRunLine
from marketplace.processors import outbox
from marketplace.processors.base import Op
from tests.make import (
    do_runs,
    earn_matured,
    make_clawback,
    make_creator,
    make_payout,
    make_returned,
    run_after_maturity,
    transfer_of,
)
from tests.within import at_once, locked, refused, within

__all__ = ["within"]

CLEARING = postings.processor_clearing("stripe")


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


@pytest.fixture
def sending(creator: Creator) -> Payout:
    """150.00 USD whose transfer was asked for, without an answer yet."""
    payout = make_payout(creator)
    assert leaving.may_send(locked(Payout, payout.id), clock.now())
    db.session.commit()
    return payout


def come_back(payout: Payout) -> None:
    returning.returned(locked(Payout, payout.id), transfer_of(payout, "reversed"), clock.now())
    db.session.commit()


def confirm(payout: Payout) -> None:
    returning.confirm(locked(Payout, payout.id), "user:1", clock.now())
    db.session.commit()


def books(creator: Creator) -> tuple[Money, Money, Money]:
    """What a creator has available, what is in a payout, what they owe."""
    owner = creator.ledger_owner
    accounts = postings.creator_available, postings.payout_reserved_of, postings.creator_debt
    available, reserved, debt = (balance(account(owner), "USD") for account in accounts)
    db.session.rollback()
    return available, reserved, debt


def postings_of(payout: Payout) -> list[str]:
    return [posted.kind for posted in transactions_of(payout.cause)]


def reasons(creator: Creator, currency: str = "USD") -> list[Reason]:
    found = [it.reason for it in decision_for(creator, currency, clock.now()).blockers]
    db.session.rollback()
    return found


# ---- what came back


def test_what_comes_back_is_available_again_and_at_the_processor(
    creator: Creator, sending: Payout
) -> None:
    before = balance(CLEARING, "USD")
    settling.paid(locked(Payout, sending.id), transfer_of(sending), clock.now())
    db.session.commit()
    assert balance(CLEARING, "USD") == before - usd(15_000)
    come_back(sending)
    assert sending.status == PayoutStatus.RETURNED
    assert books(creator) == (usd(15_000), usd(0), usd(0))
    assert balance(CLEARING, "USD") == before
    assert postings_of(sending) == ["payout_reserved", "payout_paid", "payout_returned"]


@pytest.mark.parametrize("doubted", [False, True], ids=["sending", "unknown"])
def test_what_came_back_before_we_heard_that_it_was_paid_is_paid_and_returned_at_once(
    creator: Creator, sending: Payout, doubted: bool
) -> None:
    if doubted:
        payouts.doubted(locked(Payout, sending.id), "no answer", clock.now())
        db.session.commit()
    come_back(sending)
    assert [move.event for move in statuses.history(sending)][-2:] == ["pay", "return"]
    assert postings_of(sending) == ["payout_reserved", "payout_paid", "payout_returned"]
    assert books(creator) == (usd(15_000), usd(0), usd(0))


def test_eight_times_the_same_news_is_one_return(creator: Creator, sending: Payout) -> None:
    for _ in range(8):
        come_back(sending)
    assert postings_of(sending).count("payout_returned") == 1
    assert books(creator)[0] == usd(15_000)


def test_the_same_news_at_one_moment_is_one_return(
    app: Flask, creator: Creator, sending: Payout
) -> None:
    id = sending.id

    def hear() -> None:
        row = locked(Payout, id)
        returning.returned(row, transfer_of(row, "reversed"), clock.now())

    assert at_once(app, *[hear] * 8) == [None] * 8
    db.session.expire_all()
    assert postings_of(sending).count("payout_returned") == 1
    assert books(creator)[0] == usd(15_000)


def test_the_debt_that_a_payout_repaid_stays_repaid_when_it_comes_back(creator: Creator) -> None:
    first = make_payout(creator, "200.00 USD")
    assert leaving.may_send(locked(Payout, first.id), clock.now())
    settling.paid(locked(Payout, first.id), transfer_of(first), clock.now())
    db.session.commit()
    make_clawback(db.session.query(Earning).filter_by(creator_id=creator.id).one(), 8_000)
    assert books(creator) == (usd(0), usd(0), usd(12_000))
    back = make_returned(creator, "200.00 USD")
    assert (back.amount, back.recovered) == (usd(15_000), usd(5_000))
    assert books(creator) == (usd(15_000), usd(0), usd(7_000))


def test_what_was_never_sent_cannot_come_back(creator: Creator) -> None:
    payout = make_payout(creator)
    with refused(Mismatch, match="yet a transfer exists"):
        come_back(payout)


# ---- it is not paid again by itself


def test_a_payout_that_came_back_blocks_the_next_until_its_creator_confirms(
    creator: Creator,
) -> None:
    back = make_returned(creator)
    decision = decision_for(creator, "USD", clock.now())
    assert decision.blockers == (
        Blocker(Reason.LAST_PAYOUT_RETURNED, on="creator", details=(back.id.hex,)),
    )
    do_runs(run_after_maturity(creator))
    (line,) = db.session.query(PayoutRunLine).filter_by(state="excluded")
    assert [it["reason"] for it in line.blockers] == ["last_payout_returned"]
    assert db.session.query(Payout).count() == 1

    confirm(back)
    assert (back.return_seen_by, back.return_seen_at is not None) == ("user:1", True)
    do_runs(run_after_maturity(creator))
    again = db.session.query(Payout).filter(Payout.id != back.id).one()
    assert (again.amount, again.status) == (usd(15_000), PayoutStatus.RESERVED)
    assert leaving.may_send(locked(Payout, again.id), clock.now())
    db.session.commit()


def test_money_in_another_currency_does_not_go_there_either(creator: Creator) -> None:
    make_returned(creator)
    earn_matured(creator, "200.00 EUR")
    assert reasons(creator, "EUR") == [Reason.LAST_PAYOUT_RETURNED]


def test_of_two_that_came_back_each_is_confirmed(creator: Creator) -> None:
    first = make_payout(creator)
    assert leaving.may_send(locked(Payout, first.id), clock.now())
    settling.paid(locked(Payout, first.id), transfer_of(first), clock.now())
    db.session.commit()
    second = make_returned(creator)
    come_back(first)
    confirm(second)
    assert reasons(creator) == [Reason.LAST_PAYOUT_RETURNED]
    confirm(first)
    assert reasons(creator) == []


def test_what_was_reserved_before_another_came_back_is_held_until_it_is_confirmed(
    creator: Creator, sending: Payout
) -> None:
    waiting = make_payout(creator, "200.00 EUR")
    come_back(sending)
    assert not leaving.may_send(locked(Payout, waiting.id), clock.now())
    outbox.abandon(Op.TRANSFER, waiting.id)
    db.session.commit()
    assert (waiting.status, waiting.hold_reason) == (PayoutStatus.HELD, HoldReason.DESTINATION)
    later = clock.now() + timedelta(days=2)
    assert hold.release_due(later)
    db.session.commit()
    assert waiting.status == PayoutStatus.HELD
    confirm(sending)
    assert hold.release_due(later + timedelta(days=2))
    db.session.commit()
    assert waiting.status == PayoutStatus.RESERVED


# ---- the confirmation


def test_the_first_confirmation_counts_and_a_second_changes_nothing(creator: Creator) -> None:
    back = make_returned(creator)
    confirm(back)
    first = back.return_seen_at
    returning.confirm(locked(Payout, back.id), "user:2", clock.now() + timedelta(days=1))
    db.session.commit()
    assert (back.return_seen_at, back.return_seen_by) == (first, "user:1")


def test_only_what_came_back_can_be_confirmed(sending: Payout) -> None:
    with refused(WrongState):
        confirm(sending)


def test_the_database_refuses_a_confirmation_of_anything_else(
    creator: Creator, sending: Payout, owner: psycopg.Connection[Any]
) -> None:
    for change in (
        "return_seen_at = now()",
        "return_seen_by = 'user:1'",
        "return_seen_at = now(), return_seen_by = 'user:1'",
        "status = 'paid'",
        "transfer_ref = 'tr_1'",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE payout SET {change}")
        owner.rollback()


# ---- what its creator is told


def test_its_creator_is_told_once_by_mail_in_their_language_what_to_do(
    creator: Creator, sending: Payout
) -> None:
    person = db.session.get_one(User, creator.user_id)
    person.locale = "fr"
    db.session.commit()
    for _ in range(2):  # the same news twice
        come_back(sending)
    mails = db.session.query(Mail).filter_by(to=person.email)
    (told,) = [it for it in mails if "est revenu" in it.subject]
    assert "150,00" in told.subject
    assert "Vérifiez le compte où il est parti" in told.body
    assert "/creator/payouts" in told.body
