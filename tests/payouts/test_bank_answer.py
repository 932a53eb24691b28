"""What an operator writes down of the bank's answer moves the money, once, and is told."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace import clock
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import bank_answer, returning, solvency
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Reason
from marketplace.payouts.payout import Payout, PayoutStatus
from tests.make import earn_matured, fund_bank, make_bank_destination, make_creator, make_operator
from tests.payouts.test_bank_file import GERMAN, eur, files, owed, payout_of, run_for
from tests.within import at_once, locked, refusals, refused, within

__all__ = ["within"]


def later(file: BankFile) -> datetime:
    """When the bank's statement is read; the run fell due some days from now."""
    return file.made_at + timedelta(days=1)


def day(file: BankFile) -> date:
    return later(file).date()


def sent(*creators: Creator) -> BankFile:
    """The file that pays these creators; 1,000.00 EUR lie on our account."""
    fund_bank(eur(100_000))
    run_for(*creators)
    return files()[0]


def execute(file: BankFile, operator: User | None = None) -> int:
    by = operator or make_operator()
    done = bank_answer.executed(file, day(file), "STM-1", by, later(file))
    db.session.commit()
    return done


def answer(creator: Creator, file: BankFile, code: str) -> None:
    payout = locked(Payout, payout_of(creator).id)
    by = make_operator()
    bank_answer.not_paid(payout, file, code, day(file), "STM-2", by, later(file))
    db.session.commit()


def at_bank() -> Money:
    return balances.balance(postings.processor_clearing("bank"), "EUR")


def available(creator: Creator) -> Money:
    return balances.balance(postings.creator_available(creator.ledger_owner), "EUR")


def mails_to(creator: Creator) -> list[str]:
    person = db.session.get_one(User, creator.user_id)
    found = db.session.query(Mail).filter_by(to=person.email).order_by(Mail.id)
    return [it.subject for it in found]


def test_executed_pays_every_payment_and_our_account_is_the_less() -> None:
    first, second = owed("150.00 EUR"), owed("120.00 EUR", GERMAN)
    file = sent(first, second)
    assert execute(file) == 2
    assert [payout_of(it).status for it in (first, second)] == [PayoutStatus.PAID] * 2
    assert at_bank() == eur(100_000 - 27_000)
    (said,) = bank_answer.answers_of(payout_of(first).id)
    assert (said.kind, said.answered_on, said.reference) == ("executed", day(file), "STM-1")
    assert said.recorded_by.startswith("user:")


def test_what_lies_in_our_bank_account_counts_as_there_until_a_file_is_executed() -> None:
    file = sent(owed("150.00 EUR"))
    nothing: solvency.Said = {"stripe": {}, "paypal": {}}

    def measured() -> tuple[Money | None, Money]:
        solvency.record(solvency.books(), nothing, later(file))
        db.session.commit()
        (row,) = (it for it in solvency.latest() if it.currency == "EUR")
        return row.cash, row.needed

    assert measured() == (eur(100_000), eur(15_000))
    execute(file)
    assert measured() == (eur(85_000), eur(0))


def test_executed_is_written_down_once() -> None:
    file = sent(owed())
    execute(file)
    with refused(WrongState):
        bank_answer.executed(file, day(file), "STM-1", make_operator(), later(file))


def test_two_operators_at_once_pay_once(app: Flask) -> None:
    creator = owed()
    file_id = sent(creator).id
    operators = [make_operator().id for _ in range(2)]
    db.session.commit()

    def one(operator: Any) -> int:
        file = db.session.get_one(BankFile, file_id)
        by = db.session.get_one(User, operator)
        return bank_answer.executed(file, day(file), "STM-1", by, later(file))

    results = at_once(app, *(lambda it=it: one(it) for it in operators))
    assert [it for it in results if it == 1] == [1]
    assert [type(it) for it in refusals(results)] == [WrongState]
    assert at_bank() == eur(85_000)


@pytest.mark.parametrize("code", ["AC04", "AC01", "MS03"])
def test_what_the_account_is_to_blame_for_comes_back_and_waits_for_its_creator(code: str) -> None:
    creator, other = owed(), owed("120.00 EUR", GERMAN)
    file = sent(creator, other)
    answer(creator, file, code)
    payout = payout_of(creator)
    assert (payout.status, payout.failure) == (PayoutStatus.RETURNED, code)
    assert (available(creator), at_bank()) == (eur(15_000), eur(100_000))
    assert mails_to(creator)[-1] == "A payout of €150.00 came back."
    blockers = [it.reason for it in decision_for(creator, "EUR", clock.now()).blockers]
    assert blockers == [Reason.LAST_PAYOUT_RETURNED]
    assert execute(file) == 1  # the other one
    returning.confirm(locked(Payout, payout.id), "user:1", clock.now())
    db.session.commit()
    assert decision_for(creator, "EUR", clock.now()).payable


@pytest.mark.parametrize("code", bank_answer.OUR_CODES)
def test_what_is_our_own_fault_fails_and_asks_nothing_of_its_creator(code: str) -> None:
    creator = owed()
    answer(creator, sent(creator), code)
    assert payout_of(creator).status == PayoutStatus.FAILED
    assert available(creator) == eur(15_000)
    told = [it for it in mails_to(creator) if it.startswith("A payout of")]
    assert told == ["A payout of €150.00 did not arrive."]
    assert decision_for(creator, "EUR", clock.now()).payable


def test_what_comes_back_after_it_was_paid_is_the_creators_again() -> None:
    creator = owed()
    file = sent(creator)
    execute(file)
    answer(creator, file, "AC04")
    payout = payout_of(creator)
    assert (payout.status, payout.failure) == (PayoutStatus.RETURNED, "AC04")
    assert payout.transfer_ref == payout.id.hex
    assert (available(creator), at_bank()) == (eur(15_000), eur(100_000))
    assert [it.kind for it in bank_answer.answers_of(payout.id)] == ["executed", "returned"]


def test_an_answer_that_was_given_is_not_given_again() -> None:
    creator = owed()
    file = sent(creator)
    answer(creator, file, "AC04")
    with refused(WrongState):
        payout = locked(Payout, payout_of(creator).id)
        bank_answer.not_paid(payout, file, "AC04", day(file), "S", make_operator(), later(file))
    with refused(WrongState):
        bank_answer.executed(file, day(file), "STM-1", make_operator(), later(file))


@pytest.mark.parametrize("days", [-400, 1])
def test_a_day_before_the_file_or_to_come_is_refused(days: int) -> None:
    creator = owed()
    file = sent(creator)
    on = day(file) + timedelta(days=days)
    with refused(BadInput) as refusal:
        bank_answer.executed(file, on, "STM-1", make_operator(), later(file))
    assert "answered_on" in refusal.value.fields


def test_nobody_writes_down_an_answer_about_their_own_pay() -> None:
    person = make_creator()
    person.user.is_operator = True
    make_bank_destination(person.creator)
    earn_matured(person.creator, "150.00 EUR")
    file = sent(person.creator)
    with refused(BadInput, match="own payout"):
        bank_answer.executed(file, day(file), "STM-1", person.user, later(file))
    with refused(BadInput, match="own payout"):
        payout = locked(Payout, payout_of(person.creator).id)
        bank_answer.not_paid(payout, file, "AC04", day(file), "S", person.user, later(file))


def test_the_database_keeps_an_answer_as_it_was_given(
    owner: psycopg.Connection[Any], app_role: psycopg.Connection[Any]
) -> None:
    execute(sent(owed()))
    for statement in ("UPDATE bank_answer SET reference = 'x'", "DELETE FROM bank_answer"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(statement)
        app_role.rollback()
        with pytest.raises(psycopg.DatabaseError, match="written once"):
            owner.execute(statement)
        owner.rollback()
