"""A run's payouts to bank accounts leave in one file, made once, whatever happens around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace import clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_file, bank_making, creator_hold, hold
from marketplace.payouts import destination as destinations
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.bank_file import BankFile, BankFilePayment
from marketplace.payouts.payout import Payout, PayoutStatus, cancel
from marketplace.processors import bank_file as wire
from marketplace.processors.outbox import ProcessorRequest
from tests.make import (
    IBAN,
    do_runs,
    earn_matured,
    fund_bank,
    make_bank_destination,
    make_creator,
    make_destination,
    run_after_maturity,
)
from tests.within import at_once, locked, within

__all__ = ["within"]

GERMAN = "DE02120300000000202051"


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def owed(amount: str = "150.00 EUR", iban: str = IBAN) -> Creator:
    """A creator with that much available, who is paid to a bank account."""
    creator = make_creator().creator
    make_bank_destination(creator, iban)
    earn_matured(creator, amount)
    return creator


def run_for(*creators: Creator) -> None:
    do_runs(run_after_maturity(creators[0]))


def payout_of(creator: Creator) -> Payout:
    return db.session.query(Payout).filter_by(creator_id=creator.id).one()


def files() -> list[BankFile]:
    return db.session.query(BankFile).order_by(BankFile.number).all()


def test_the_payouts_of_a_run_are_one_file_that_the_schema_takes() -> None:
    fund_bank(eur(100_000))
    first, second = owed("150.00 EUR"), owed("120.50 EUR", GERMAN)
    run_for(first, second)
    (file,) = files()
    assert (file.payments, file.total, file.number) == (2, eur(27_050), 1)
    payments = wire.read(bank_file.content_of(file))
    assert {(it.reference, it.iban, it.amount) for it in payments} == {
        (payout_of(first).id.hex, IBAN, eur(15_000)),
        (payout_of(second).id.hex, GERMAN, eur(12_050)),
    }
    assert file.message_id == f"{file.run_id.hex}001"
    assert {payout_of(it).status for it in (first, second)} == {PayoutStatus.SENDING}
    assert file.execute_on.weekday() < 5
    assert bank_file.faults(file) == []
    assert db.session.query(ProcessorRequest).filter_by(subject_type="payout").all() == []


def test_a_payout_by_another_rail_is_not_in_the_file() -> None:
    fund_bank(eur(100_000))
    bank, stripe = owed(), make_creator().creator
    make_destination(stripe)
    earn_matured(stripe, "150.00 EUR")
    run_for(bank, stripe)
    assert [it.payout_id for it in db.session.query(BankFilePayment)] == [payout_of(bank).id]


def test_it_is_the_same_file_however_often_it_is_downloaded_and_each_time_is_kept() -> None:
    fund_bank(eur(100_000))
    run_for(owed())
    (file,) = files()
    taken = [bank_file.download(file, f"user:{n}", clock.now()) for n in range(2)]
    db.session.commit()
    assert taken[0] == taken[1]
    assert bank_file.sha256(taken[0]) == file.sha256
    assert [it.downloaded_by for it in bank_file.downloads(file)] == ["user:0", "user:1"]


def test_no_second_file_is_made_of_the_same_run() -> None:
    fund_bank(eur(100_000))
    creator = owed()
    run_for(creator)
    while bank_making.make_next(clock.now()):
        db.session.commit()
    assert len(files()) == 1


def test_three_workers_at_once_make_one_file(app: Flask) -> None:
    fund_bank(eur(100_000))
    creator = owed()
    prepare(creator)
    db.session.rollback()
    assert at_once(app, made, made, made) == [None] * 3
    assert len(files()) == 1


def test_two_files_at_once_do_not_count_on_the_same_money(app: Flask) -> None:
    fund_bank(eur(20_000))
    weekly, monthly = owed(), owed()
    locked(Creator, monthly.id).choose_rhythm("monthly", clock.now() - timedelta(days=90))
    db.session.commit()
    for creator in (weekly, monthly):
        prepare(creator)
    db.session.rollback()
    assert at_once(app, made, made) == [None] * 2
    assert [it.total for it in files()] == [eur(15_000)]


def test_the_creators_of_a_file_are_locked_at_once_in_the_order_of_their_ids() -> None:
    """As runs lock them: in any other order the two could wait for one another."""
    fund_bank(eur(100_000))
    creators = [owed(), owed(iban=GERMAN)]
    prepare(creators[0])
    db.session.rollback()
    with statements(db.engine) as asked:
        made()
    locks = [it for it in asked if "FROM creator" in it and "FOR NO KEY UPDATE" in it]
    assert len(locks) == 1 + len(creators), "all of them, then each at its last look"
    assert "ORDER BY creator.id" in locks[0]
    assert "creator.id IN" in locks[0]


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def prepare(creator: Creator) -> None:
    """Let the run of this creator be sent, and stop right before its file is made."""
    from tests import make

    at = run_after_maturity(creator)
    for job in make.RUN_JOBS:
        while job is not bank_making.make_next and job(at):
            db.session.commit()
        db.session.rollback()


def made() -> None:
    bank_making.make_next(clock.now())
    db.session.commit()


def test_whoever_dies_before_the_commit_has_made_nothing_and_the_next_makes_the_same() -> None:
    fund_bank(eur(100_000))
    creator = owed()
    prepare(creator)
    at = clock.now()
    contents = []
    for _ in range(2):
        assert bank_making.make_next(at)
        contents.append(bank_file.content_of(files()[0]))
        db.session.rollback()  # as if the process had been killed
        assert files() == []
        assert payout_of(creator).status == PayoutStatus.RESERVED
    assert bank_making.make_next(at)
    db.session.commit()
    assert contents[0] == contents[1] == bank_file.content_of(files()[0])


def test_what_our_account_does_not_cover_is_held_and_comes_in_a_further_file() -> None:
    fund_bank(eur(20_000))
    first, second = owed("150.00 EUR"), owed("120.00 EUR")
    run_for(first, second)
    by_status = {payout_of(it).status: payout_of(it) for it in (first, second)}
    held = by_status[PayoutStatus.HELD]
    assert held.hold_reason == "processor_funds"
    assert files()[0].payments == 1
    fund_bank(eur(20_000), "second")
    tomorrow = clock.now() + timedelta(days=20)
    assert hold.release_due(tomorrow)
    db.session.commit()
    while bank_making.make_next(tomorrow):
        db.session.commit()
    assert [(it.number, it.payments) for it in files()] == [(1, 1), (2, 1)]
    assert len({it.payout_id for it in db.session.query(BankFilePayment)}) == 2


def test_money_in_a_file_that_is_not_answered_is_not_counted_on_twice() -> None:
    fund_bank(eur(20_000))
    creator = owed("150.00 EUR")
    run_for(creator)
    assert bank_making.free_cash() == eur(5_000)


def test_a_destination_replaced_since_the_run_is_not_in_the_file() -> None:
    fund_bank(eur(100_000))
    creator = owed()
    prepare(creator)
    destinations.retire(creator.id, "user:1", clock.now())
    db.session.commit()
    made()
    assert files() == []
    assert payout_of(creator).hold_reason == "destination"


def test_a_creator_who_is_held_since_the_run_is_not_in_the_file() -> None:
    fund_bank(eur(100_000))
    creator = owed()
    prepare(creator)
    until = clock.now() + timedelta(days=5)
    creator_hold.place(creator.id, "We look.", until, "user:1", clock.now())
    db.session.commit()
    made()
    assert files() == []
    assert payout_of(creator).hold_reason == "operator"


def test_a_payout_can_be_called_off_until_it_is_in_a_file() -> None:
    fund_bank(eur(100_000))
    creator = owed()
    prepare(creator)
    cancel(locked(Payout, payout_of(creator).id), "user:1", "asked for", clock.now())
    db.session.commit()
    made()
    assert files() == []


def test_the_iban_lies_nowhere_in_the_open(owner: psycopg.Connection[Any]) -> None:
    fund_bank(eur(100_000))
    run_for(owed())
    db.session.commit()
    for table in ("bank_account", "bank_file", "destination", "status_change", "mail", "payout"):
        for row in owner.execute(f"SELECT t::text FROM {table} t"):
            assert IBAN not in row[0], table
            assert IBAN.encode().hex() not in row[0], table
    assert db.session.query(BankAccount).one().iban == IBAN


@pytest.mark.parametrize("table", ["bank_account", "bank_file", "bank_file_payment"])
@pytest.mark.parametrize("act", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_changes_and_removes_none_of_it(
    owner: psycopg.Connection[Any], app_role: psycopg.Connection[Any], table: str, act: str
) -> None:
    fund_bank(eur(100_000))
    run_for(owed())
    db.session.commit()
    column = {"bank_account": "holder", "bank_file": "sha256"}.get(table, "amount_minor")
    statement = act.format(table, column, column)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_role.execute(statement)
    with pytest.raises(psycopg.DatabaseError, match="written once"):
        owner.execute(statement)


def test_the_database_lets_no_payout_into_a_second_file(owner: psycopg.Connection[Any]) -> None:
    fund_bank(eur(100_000))
    run_for(owed())
    db.session.commit()
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute("INSERT INTO bank_file_payment SELECT * FROM bank_file_payment")


def test_a_file_that_was_changed_past_every_guard_is_not_handed_out(
    owner: psycopg.Connection[Any], broken_on_purpose: None
) -> None:
    fund_bank(eur(100_000))
    first, second = owed(), owed("120.00 EUR", GERMAN)
    run_for(first, second)
    (file,) = files()
    name = file.id
    db.session.commit()
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE bank_file SET sha256 = repeat('0', 64)")
    owner.commit()
    found = db.session.get_one(BankFile, name, populate_existing=True)
    with pytest.raises(bank_file.Tampered):
        bank_file.download(found, "user:1", clock.now())
    assert "not the one that was made" in bank_file.faults(found)[0]
