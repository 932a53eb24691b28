"""An account that closes: no new work, the rest is paid below the threshold, then it is closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from marketplace import business_days, clock, verify
from marketplace.campaigns import acceptance
from marketplace.campaigns import application as applications
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning
from marketplace.earnings.maturity import mature_due
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.closing import AccountClosing, ClosingStatus
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import approval, closing, leaving, rest, threshold, totals
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.gate import Lift, Reason
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.rest import RestPayment
from marketplace.payouts.run import PayoutRun, RunStatus
from marketplace.program import application as program
from marketplace.webhooks import converge
from tests.make import (
    ADULT,
    do_runs,
    earn,
    earn_matured,
    make_brand,
    make_campaign,
    make_clawback,
    make_creator,
    make_destination,
    make_member,
    make_operator,
    measure,
    run_after_maturity,
    transfer_of,
)
from tests.within import locked, refused, within

__all__ = ["within"]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    """12.34 USD available; an active destination."""
    creator = make_creator("ines").creator
    earn_matured(creator, "12.34 USD")
    make_destination(creator)
    return creator


def close(creator: Creator) -> AccountClosing:
    made = closing.begin(creator.id, "you asked for it", f"user:{creator.user_id.hex}", clock.now())
    db.session.commit()
    return made


def closed(at: datetime | None = None) -> bool:
    did = closing.close_due(at or clock.now())
    db.session.commit()
    return did


def pay_out(creator: Creator) -> Payout:
    """Let the next run pay whatever it does, and the processor make it."""
    at = run_after_maturity(creator)
    do_runs(at)
    for run in db.session.query(PayoutRun).filter_by(status=RunStatus.LOCKED):
        approval.approve(locked(PayoutRun, run.id), make_operator(), at)
        db.session.commit()
        do_runs(at)
    newest = db.session.query(Payout).order_by(Payout.id.desc()).limit(1).one()
    payout = locked(Payout, newest.id)
    assert leaving.may_send(payout, clock.now())
    converge.apply(transfer_of(payout), clock.now())
    db.session.commit()
    return payout


# ---- the rest is paid


def test_the_threshold_does_not_hold_any_more_and_the_decision_says_why(creator: Creator) -> None:
    assert [it.reason for it in decision_for(creator, "USD", clock.now()).blockers] == [
        Reason.BELOW_THRESHOLD
    ]
    close(creator)
    decision = decision_for(creator, "USD", clock.now())
    assert decision.payable
    assert decision.lifted_for is Lift.CLOSING
    assert as_json(decision)["lifted_for"] == "closing"


def test_it_is_paid_marked_and_closed_once_nothing_is_owed(creator: Creator) -> None:
    close(creator)
    assert not closed(), "something is owed"
    payout = pay_out(creator)
    assert (payout.amount, payout.lifted_for) == (usd(1_234), "closing")
    assert closed()
    (row,) = db.session.query(AccountClosing)
    assert row.status == ClosingStatus.CLOSED
    assert "Everything you had earned was paid" in told_of_the_end()
    assert not closed()


def test_what_is_pending_matures_as_ever_and_is_paid_too(creator: Creator) -> None:
    close(creator)
    pay_out(creator)
    earn(creator, "5.00 USD")
    assert not closed(), "something is pending"
    assert mature_due(clock.now() + timedelta(days=8))
    db.session.commit()
    assert pay_out(creator).amount == usd(500)
    assert closed()


def test_an_account_to_which_nothing_is_owed_is_closed_at_once() -> None:
    creator = make_creator().creator
    close(creator)
    assert closed()


def test_what_waits_in_a_payout_is_owed_still(creator: Creator) -> None:
    close(creator)
    do_runs(run_after_maturity(creator))
    assert db.session.query(Payout).one().status == PayoutStatus.RESERVED
    assert not closed()


def test_income_that_comes_after_the_end_is_paid_too(creator: Creator) -> None:
    other = make_creator().creator
    close(other)
    assert closed()
    earn_matured(other, "0.01 USD")
    make_destination(other)
    assert decision_for(other, "USD", clock.now()).payable


def test_a_payout_that_reaches_the_threshold_is_no_exception(creator: Creator) -> None:
    earn_matured(creator, "100.00 USD")
    close(creator)
    assert pay_out(creator).lifted_for is None


def test_debt_is_repaid_out_of_the_last_payout_by_the_usual_rule(creator: Creator) -> None:
    paid = make_creator("tom").creator
    earn_matured(paid, "150.00 USD")
    make_destination(paid)
    pay_out(paid)
    earning = db.session.query(Earning).filter_by(creator_id=paid.id).one()
    make_clawback(locked(Earning, earning.id))
    earn_matured(paid, "20.00 USD")
    close(paid)
    payout = pay_out(paid)
    assert (payout.amount, payout.recovered) == (usd(1_500), usd(500))
    assert closed()
    assert balances.balance(postings.creator_debt(paid.ledger_owner), "USD") == usd(14_500)
    assert "was taken back or repaid what you owed" in told_of_the_end()


def test_whose_last_earning_was_taken_back_is_not_told_that_it_was_paid(creator: Creator) -> None:
    earning = db.session.query(Earning).filter_by(creator_id=creator.id).one()
    make_clawback(locked(Earning, earning.id))
    close(creator)
    assert closed()
    assert "Everything you had earned was paid" not in told_of_the_end()


def told_of_the_end() -> str:
    """The mail to who has just been closed."""
    mail = db.session.query(Mail).filter(Mail.subject.like("%account is closed%")).one()
    return mail.body


def test_less_than_the_rail_can_pay_keeps_it_closing_and_waits_for_an_operator() -> None:
    threshold.adopt(Money(3_500_000, "HUF"), clock.now().date(), "user:1", clock.now())
    creator = make_creator().creator
    earn_matured(creator, "12.67 HUF")
    make_destination(creator)
    close(creator)
    assert pay_out(creator).amount == Money(1_200, "HUF")
    assert not closed()
    (blocker,) = decision_for(creator, "HUF", clock.now()).blockers
    assert (blocker.reason, blocker.on) == (Reason.BELOW_RAIL_MINIMUM, "operator")
    assert blocker.missing == Money(33, "HUF")


def test_it_closes_once_and_tells_its_creator(creator: Creator) -> None:
    close(creator)
    with refused(BadInput):
        closing.begin(creator.id, "again", "user:1", clock.now())
    assert [it.subject for it in db.session.query(Mail).filter(Mail.subject.like("%closing%"))]


# ---- a rest that no rail can send


@pytest.fixture
def rest_left() -> Creator:
    """Somebody whose account closes and to whom 0.67 HUF are left."""
    threshold.adopt(Money(3_500_000, "HUF"), clock.now().date(), "user:1", clock.now())
    creator = make_creator("rita").creator
    earn_matured(creator, "0.67 HUF")
    close(creator)
    return creator


def look() -> bool:
    did = rest.look_next(clock.now())
    db.session.commit()
    return did


def pay_rest(reference: str = "T-1", **told: Any) -> RestPayment:
    fields: dict[str, Any] = {"currency": "HUF", "processor": "stripe", "reason": "by hand"}
    closing_id = db.session.query(AccountClosing.id).scalar()
    payer = told.pop("payer", None) or make_operator()
    made = rest.pay_rest(
        closing_id, reference=reference, payer=payer, at=clock.now(), **(fields | told)
    )
    db.session.commit()
    return made


def test_an_operator_pays_the_rest_another_way_by_a_day_and_the_account_closes(
    rest_left: Creator,
) -> None:
    assert not closed()
    assert look()
    (row,) = db.session.query(AccountClosing)
    waits = AccountClosing.WAITS[row.status]
    assert (row.status, waits.on) == (ClosingStatus.UNPAYABLE, "operator")
    assert waits.due(row) == business_days.after(row.status_at, 3, "UTC")
    assert not look(), "it is noted"
    owner = rest_left.ledger_owner
    before = balances.balance(postings.processor_clearing("stripe"), "HUF")
    first, again = pay_rest(), pay_rest()
    assert first.id == again.id, "a second click finds what the first one wrote"
    assert first.amount == Money(67, "HUF")
    assert balances.balance(postings.creator_available(owner), "HUF") == Money(0, "HUF")
    after = balances.balance(postings.processor_clearing("stripe"), "HUF")
    assert after == before - Money(67, "HUF")
    (mail,) = db.session.query(Mail).filter(Mail.subject.like("%another way%"))
    assert "How it was paid: by hand. Its reference: T-1." in mail.body
    assert closed()
    day = timedelta(days=1)
    sums = totals.paid_out(rest_left.id, "HUF", clock.now() - day, clock.now() + day)
    assert sums.paid == Money(67, "HUF")
    assert broken() == set()


def test_income_that_comes_meanwhile_takes_the_rest_along(rest_left: Creator) -> None:
    assert look()
    earn(rest_left, "5.00 HUF")
    assert look()
    (row,) = db.session.query(AccountClosing)
    assert row.status == ClosingStatus.CLOSING
    with refused(WrongState):
        pay_rest()


def test_nobody_pays_their_own_rest_nor_what_is_none_nor_from_where_nothing_lies(
    rest_left: Creator,
) -> None:
    assert look()
    own = db.session.get_one(User, rest_left.user_id)
    wrong: dict[str, dict[str, Any]] = {
        "reason": {"payer": own},
        "currency": {"currency": "USD"},
        "processor": {"processor": "nowhere"},
    }
    for field, told in wrong.items():
        with refused(BadInput) as refusal:
            pay_rest(**told)
        assert field in refusal.value.fields


# ---- no new work


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(make_brand(), status="open")


def test_a_closing_account_applies_to_nothing(creator: Creator, campaign: Campaign) -> None:
    make_member(creator)
    close(creator)
    with refused(BadInput, "closing"):
        applications.apply(
            locked(Campaign, campaign.id),
            creator,
            "",
            form_key=new_id(),
            actor="user:1",
            at=clock.now(),
        )


def test_what_it_had_applied_to_is_not_agreed_any_more(
    creator: Creator, campaign: Campaign
) -> None:
    make_member(creator)
    asked = applications.apply(
        locked(Campaign, campaign.id),
        creator,
        "",
        form_key=new_id(),
        actor="user:1",
        at=clock.now(),
    )
    db.session.commit()
    close(creator)
    with refused(BadInput, "closing"):
        acceptance.accept(asked.id, "user:1", clock.now())


def test_a_closing_account_does_not_join_the_program(creator: Creator) -> None:
    measure(creator)
    close(creator)
    with refused(BadInput, "closing"):
        program.apply(
            locked(Creator, creator.id),
            ADULT,
            "FR",
            form_key=new_id(),
            actor="user:1",
            at=clock.now(),
        )


# ---- invariants


def broken() -> set[str]:
    db.session.rollback()
    with db.engine.connect() as connection:
        return {it.id for it in verify.findings(connection) if it.rows}


@pytest.mark.parametrize(
    "plant",
    [
        "UPDATE payout SET lifted_for = NULL",
        "DELETE FROM account_closing",
        "UPDATE status_change SET at = at + interval '30 days' WHERE thing = 'account_closing'",
    ],
)
def test_a_payout_below_the_threshold_without_its_reason_is_found(
    creator: Creator, owner: Any, broken_on_purpose: None, plant: str
) -> None:
    close(creator)
    pay_out(creator)
    assert broken() == set()
    owner.execute(plant)
    owner.commit()
    assert "T1" in broken()


@pytest.mark.parametrize(
    "plant",
    [
        "UPDATE rest_payment SET amount_minor = amount_minor + 1",
        "UPDATE rest_payment SET processor = 'paypal'",
        "DELETE FROM rest_payment",
        "UPDATE rest_payment SET creator_id = (SELECT id FROM creator WHERE handle <> 'rita')",
    ],
)
def test_a_rest_that_was_not_paid_as_it_was_written_down_is_found(
    rest_left: Creator, owner: Any, broken_on_purpose: None, plant: str
) -> None:
    make_creator("ines")
    assert look()
    pay_rest()
    assert broken() == set()
    owner.execute(plant)
    owner.commit()
    assert "P13" in broken()
