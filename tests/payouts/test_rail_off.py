"""A rail that is switched off after a run reserved its payouts, or a file that cannot be written.

They are held, each with a day and somebody whose turn it is; nothing else waits for them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import pytest
from flask import Flask

from marketplace import clock
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_making, dispatch, hold
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus, put_on_hold
from marketplace.processors import bank_file as wire
from marketplace.processors.outbox import ProcessorRequest
from marketplace.worker import sender
from tests.make import (
    RUN_JOBS,
    do_runs,
    earn_matured,
    fund_bank,
    make_bank_destination,
    make_creator,
    make_destination,
    make_paypal_destination,
    run_after_maturity,
)
from tests.scripted import Scripted, scripted
from tests.within import locked, within

__all__ = ["scripted", "within"]

REVIEW = (PayoutStatus.HELD, HoldReason.REVIEW)


@pytest.fixture
def by_paypal() -> Creator:
    creator = make_creator().creator
    make_paypal_destination(creator)
    earn_matured(creator, "150.00 USD")
    return creator


@pytest.fixture
def by_stripe(by_paypal: Creator) -> Creator:
    creator = make_creator().creator
    make_destination(creator)
    earn_matured(creator, "150.00 USD")
    return creator


def by_bank(name: str = "Ada Lovelace", time_zone: str = "Europe/Paris") -> Creator:
    creator = make_creator(time_zone=time_zone).creator
    make_bank_destination(creator, holder=name)
    earn_matured(creator, "150.00 EUR")
    return creator


def until(stop: Callable[[datetime], bool], at: datetime) -> None:
    """Do the runs that are due, but nothing from this job on."""
    for job in RUN_JOBS[: RUN_JOBS.index(stop)]:
        while job(at):
            db.session.commit()
        db.session.rollback()


def payout_of(creator: Creator) -> Payout:
    return db.session.query(Payout).filter_by(creator_id=creator.id).one()


def stands(creator: Creator) -> tuple[str, str | None]:
    payout = payout_of(creator)
    return payout.status, payout.hold_reason


def switch_off(app: Flask, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if name == "bank":
        monkeypatch.setitem(app.extensions, "bank", None)
    else:
        monkeypatch.delitem(app.extensions["processors"], name)


def test_a_payout_by_a_rail_that_was_switched_off_is_held_and_the_others_are_asked_for(
    by_paypal: Creator, by_stripe: Creator, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = run_after_maturity(by_stripe)
    until(dispatch.ask_next, at)
    switch_off(app, monkeypatch, "paypal")
    while dispatch.ask_next(at):
        db.session.commit()
    assert stands(by_paypal) == REVIEW
    assert payout_of(by_paypal).review_at == at + timedelta(days=3)
    (request,) = db.session.query(ProcessorRequest).filter_by(subject_type="payout")
    assert request.subject_id == payout_of(by_stripe).id


def test_a_held_payout_whose_rail_was_switched_off_waits_another_day_and_the_others_go_on(
    by_paypal: Creator, by_stripe: Creator, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = run_after_maturity(by_stripe)
    until(dispatch.ask_next, at)
    for n, creator in enumerate((by_paypal, by_stripe)):
        payout = locked(Payout, payout_of(creator).id)
        put_on_hold(payout, HoldReason.PROCESSOR_FUNDS, "too little", at + timedelta(hours=n))
    db.session.commit()
    switch_off(app, monkeypatch, "paypal")
    later = at + timedelta(days=2)
    while hold.release_due(later):
        db.session.commit()
    assert stands(by_stripe) == (PayoutStatus.RESERVED, None)
    assert stands(by_paypal) == (PayoutStatus.HELD, HoldReason.PROCESSOR_FUNDS)
    assert payout_of(by_paypal).review_at == later + timedelta(days=1)


def test_an_operator_who_ends_a_hold_reads_that_the_rail_is_switched_off(
    by_paypal: Creator, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = run_after_maturity(by_paypal)
    until(dispatch.ask_next, at)
    switch_off(app, monkeypatch, "paypal")
    assert dispatch.ask_next(at)
    db.session.commit()
    with pytest.raises(BadInput) as refused:
        hold.release(locked(Payout, payout_of(by_paypal).id), "user:1", at, "again")
    assert list(refused.value.fields) == ["decision"]
    assert stands(by_paypal) == REVIEW


def test_a_request_of_a_processor_that_was_switched_off_is_left_and_the_others_are_sent(
    scripted: Scripted,
    by_paypal: Creator,
    by_stripe: Creator,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db.session.query(ProcessorRequest).update({"state": "abandoned"})  # those of onboarding
    monkeypatch.setitem(app.extensions["processors"], "paypal", scripted)
    do_runs(run_after_maturity(by_stripe))
    switch_off(app, monkeypatch, "paypal")
    while sender.send_next(clock.now()):
        pass
    asked = db.session.query(ProcessorRequest).filter_by(subject_type="payout")
    assert {it.processor: it.state for it in asked} == {"paypal": "ready", "stripe": "done"}
    assert stands(by_stripe)[0] == PayoutStatus.PAID


# ---- bank files


def test_with_the_bank_switched_off_its_payouts_are_held_for_an_operator(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    creator = by_bank()
    at = run_after_maturity(creator)
    until(bank_making.make_next, at)
    switch_off(app, monkeypatch, "bank")
    assert bank_making.make_next(at)
    db.session.commit()
    assert not bank_making.make_next(at)
    assert stands(creator) == REVIEW


def test_an_account_that_none_of_our_keys_opens_is_held_and_the_file_pays_the_others(
    owner: psycopg.Connection[object],
) -> None:
    fund_bank(Money(100_000, "EUR"))
    broken, other = by_bank(), by_bank()
    at = run_after_maturity(other)
    until(bank_making.make_next, at)
    destination = payout_of(broken).destination_id
    db.session.rollback()
    owner.execute("ALTER TABLE bank_account DISABLE TRIGGER USER")
    owner.execute(
        "UPDATE bank_account SET sealed_iban = %s WHERE destination_id = %s",
        [b"of another key", destination],
    )
    owner.execute("ALTER TABLE bank_account ENABLE TRIGGER USER")
    owner.commit()
    while bank_making.make_next(at):
        db.session.commit()
    assert stands(broken) == REVIEW
    assert stands(other)[0] == PayoutStatus.SENDING
    (file,) = db.session.query(BankFile)
    assert file.payments == 1


def test_what_no_file_can_say_is_held_and_later_runs_get_their_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fund_bank(Money(100_000, "EUR"))
    broken, later = by_bank("Unwritable"), by_bank(time_zone="America/New_York")
    at = run_after_maturity(later)
    until(bank_making.make_next, at)
    write = wire.write

    def writes(*told: object, **named: object) -> bytes:
        if any(payment.name == "Unwritable" for payment in told[2]):  # type: ignore[attr-defined]
            raise wire.Malformed("the schema refuses it")
        return write(*told, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(wire, "write", writes)
    while bank_making.make_next(at):
        db.session.commit()
    assert stands(broken) == REVIEW
    assert stands(later)[0] == PayoutStatus.SENDING
    assert db.session.get_one(BankAccount, payout_of(broken).destination_id)
