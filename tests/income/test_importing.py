"""Importing income: what is new is owed once, what is known is harmless, the rest is refused."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.income.importing import IncomeImport, IncomeRow, import_income
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts.threshold import currencies
from tests.make import fill_pool, import_rows, make_creator, make_operator
from tests.within import at_once, money_tables, refused, within

__all__ = ["within"]

FUND, GIFT = EarningKind.FUND, EarningKind.GIFT
HEAD = "reference,handle,amount,currency,earned_on"
DAY = date(2026, 3, 2)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


@pytest.fixture
def pool() -> None:
    """1,000.00 USD in the fund's pool."""
    fill_pool(FUND, usd(100_000))


def line(reference: str, amount: str = "12.50", handle: str = "ines", **more: object) -> str:
    currency, day = more.get("currency", "USD"), more.get("day", DAY)
    return f"{reference},{handle},{amount},{currency},{day}"


def report(brought: IncomeImport) -> list[tuple[str, str, str]]:
    """What became of each row, in the order of the file."""
    rows = db.session.query(IncomeRow).filter_by(import_id=brought.id).order_by(IncomeRow.line)
    return [(row.reference, row.outcome, row.reason) for row in rows]


def outcomes(brought: IncomeImport) -> list[str]:
    return [outcome for _, outcome, _ in report(brought)]


def pending(creator: Creator, currency: str = "USD") -> Money:
    return balance(postings.creator_pending(creator.ledger_owner), currency)


# ---- what is new


@pytest.mark.usefixtures("pool")
def test_each_new_row_is_owed_to_its_creator_from_the_pool(creator: Creator) -> None:
    tom = make_creator("tom").creator
    brought = import_rows(FUND, [line("G-1"), line("G-2", "7.25", "TOM"), line("G-3", "0.01")])
    assert outcomes(brought) == ["accepted"] * 3
    assert (pending(creator), pending(tom)) == (usd(1_251), usd(725))
    assert balance(postings.POOLS["fund"], "USD") == usd(100_000 - 1_976)
    row = db.session.query(IncomeRow).filter_by(reference="G-2").one()
    earning = db.session.get_one(Earning, row.earning_id)
    assert (earning.creator_id, earning.kind, earning.source_ref) == (tom.id, "fund", "import:G-2")
    assert (row.amount_minor, row.currency, row.earned_on) == (725, "USD", DAY)


@pytest.mark.usefixtures("creator", "pool")
def test_the_file_is_kept_by_name_and_digest() -> None:
    brought = import_rows(FUND, [line("G-1")])
    content = f"{HEAD}\n{line('G-1')}".encode()
    assert brought.sha256 == hashlib.sha256(content).hexdigest()
    assert (brought.filename, brought.kind) == ("income.csv", "fund")


@pytest.mark.usefixtures("creator", "pool")
def test_a_long_file_name_is_cut() -> None:
    brought = bring(FUND, [line("G-1")], filename="x" * 500)
    assert len(brought.filename) == 200


# ---- what is known, what is refused


@pytest.mark.usefixtures("pool")
def test_the_same_file_again_is_harmless(creator: Creator) -> None:
    lines = [line("G-1"), line("G-2", "7.25")]
    import_rows(FUND, lines)
    again = import_rows(FUND, lines)
    assert set(report(again)) == {
        ("G-1", "known", "imported before: nothing to do"),
        ("G-2", "known", "imported before: nothing to do"),
    }
    assert pending(creator) == usd(1_975)
    assert db.session.query(Earning).count() == 2


@pytest.mark.usefixtures("pool")
def test_a_file_with_old_and_new_rows_adds_the_new_ones(creator: Creator) -> None:
    import_rows(FUND, [line("G-1")])
    brought = import_rows(FUND, [line("G-1"), line("G-2", "7.25")])
    assert outcomes(brought) == ["known", "accepted"]
    assert pending(creator) == usd(1_975)


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize(
    "other",
    [
        line("G-1", "12.51"),
        line("G-1", handle="tom"),
        line("G-1", currency="EUR"),
        line("G-1", day="2026-03-01"),
    ],
    ids=["amount", "creator", "currency", "day"],
)
@pytest.mark.parametrize("in_one_file", [True, False])
def test_the_same_reference_with_other_content_is_refused(
    creator: Creator, other: str, in_one_file: bool
) -> None:
    tom = make_creator("tom").creator
    if in_one_file:
        brought = import_rows(FUND, [line("G-1"), other])
    else:
        import_rows(FUND, [line("G-1")])
        brought = import_rows(FUND, [other])
    assert report(brought)[-1] == (
        "G-1",
        "refused",
        "reference: imported before with other content",
    )
    assert (pending(creator), pending(tom)) == (usd(1_250), usd(0))


@pytest.mark.usefixtures("pool")
def test_a_reference_that_comes_twice_in_one_file_is_owed_once(creator: Creator) -> None:
    brought = import_rows(FUND, [line("G-1"), line("G-1"), line("G-1")])
    assert outcomes(brought) == ["accepted", "known", "known"]
    assert pending(creator) == usd(1_250)


@pytest.mark.usefixtures("pool")
def test_each_kind_has_references_of_its_own(creator: Creator) -> None:
    fill_pool(GIFT, usd(2_000))
    assert outcomes(import_rows(FUND, [line("G-1")])) == ["accepted"]
    assert outcomes(import_rows(GIFT, [line("G-1")])) == ["accepted"]
    assert pending(creator) == usd(2_500)


@pytest.mark.usefixtures("creator", "pool")
def test_a_row_that_was_refused_may_come_again_when_it_is_right() -> None:
    first = import_rows(FUND, [line("G-1", handle="tom"), line("G-2", "x")])
    assert report(first) == [
        ("G-1", "refused", "handle: no creator is called tom"),
        ("G-2", "refused", "amount: write the amount as a plain number such as 1234.50"),
    ]
    make_creator("tom")
    second = import_rows(FUND, [line("G-1", handle="tom"), line("G-2", "1.00")])
    assert outcomes(second) == ["accepted", "accepted"]


@pytest.mark.usefixtures("creator", "pool")
def test_a_day_that_has_not_come_is_refused() -> None:
    today = clock.now().date()
    brought = import_rows(
        FUND, [line("G-1", day=today), line("G-2", day=today + timedelta(days=1))]
    )
    assert report(brought)[1] == ("G-2", "refused", "earned_on: this day has not come yet")
    assert outcomes(brought) == ["accepted", "refused"]


@pytest.mark.usefixtures("creator")
def test_bad_rows_need_no_cover() -> None:
    brought = import_rows(FUND, [line("G-1", handle="nobody"), line("G-2", "-1")])
    assert outcomes(brought) == ["refused", "refused"]


# ---- what the pool does not cover


@pytest.mark.usefixtures("creator", "pool")
def test_a_file_that_the_pool_does_not_cover_is_refused_whole_naming_what_is_missing() -> None:
    with refused(BadInput) as refusal:
        import_rows(FUND, [line("G-1", "999.99"), line("G-2", "0.02"), line("G-3", "x")])
    assert refusal.value.fields["file"] == (
        "The pool holds 1000.00 USD, this file needs 1000.01 USD: 0.01 USD missing."
        " Fill the pool first; nothing was imported."
    )


@pytest.mark.usefixtures("creator", "pool")
def test_each_currency_needs_its_own_cover() -> None:
    with refused(BadInput, match="holds 0.00 EUR, this file needs 1.00 EUR: 1.00 EUR missing"):
        import_rows(FUND, [line("G-1", "1.00"), line("G-2", "1.00", currency="EUR")])


@pytest.mark.usefixtures("creator", "pool")
def test_the_other_pool_covers_nothing() -> None:
    with refused(BadInput, match="holds 0.00 USD"):
        import_rows(GIFT, [line("G-1", "1.00")])


@pytest.mark.usefixtures("creator", "pool")
def test_a_file_that_empties_the_pool_is_taken_and_known_rows_need_nothing() -> None:
    import_rows(FUND, [line("G-1", "1000.00")])
    assert outcomes(import_rows(FUND, [line("G-1", "1000.00")])) == ["known"]
    with refused(BadInput, match="holds 0.00 USD"):
        import_rows(FUND, [line("G-2", "0.01")])


@pytest.mark.parametrize(
    "content", [b"", b"\xff", f"{HEAD}\n".encode(), b"a\0b"], ids=["empty", "bytes", "head", "nul"]
)
@pytest.mark.usefixtures("pool")
def test_what_is_no_file_is_refused_and_leaves_no_trace(content: bytes) -> None:
    operator = make_operator()
    with refused(BadInput):
        import_income(
            FUND,
            "income.csv",
            content,
            uploaded_by=operator.id,
            form_key=new_id(),
            currencies=currencies(clock.now()),
            at=clock.now(),
        )


# ---- rivals


def bring(
    kind: EarningKind,
    lines: list[str],
    form_key: UUID | None = None,
    operator_id: UUID | None = None,
    filename: str = "income.csv",
) -> IncomeImport:
    brought = import_income(
        kind,
        filename,
        "\n".join([HEAD, *lines]).encode(),
        uploaded_by=operator_id or make_operator().id,
        form_key=form_key or new_id(),
        currencies=currencies(clock.now()),
        at=clock.now(),
    )
    db.session.flush()
    return brought


def brought_quietly(lines: list[str], operator_id: UUID) -> str:
    bring(FUND, lines, operator_id=operator_id)
    return "done"


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize("backwards", [False, True], ids=["same order", "other order"])
def test_two_imports_of_the_same_rows_at_once_owe_them_once(
    app: Flask, creator: Creator, backwards: bool
) -> None:
    operator_id = make_operator().id
    lines = [line(f"G-{n:03}", "1.00") for n in range(200)]
    other = lines[::-1] if backwards else lines
    db.session.commit()

    results = at_once(
        app,
        partial(brought_quietly, lines, operator_id),
        partial(brought_quietly, other, operator_id),
    )

    assert results.count("done") >= 1
    assert {type(it) for it in results if it != "done"} <= {IntegrityError}
    assert pending(creator) == usd(20_000)
    assert outcomes(import_rows(FUND, lines)) == ["known"] * 200


@pytest.mark.usefixtures("pool")
def test_two_imports_at_once_do_not_share_what_the_pool_holds(app: Flask, creator: Creator) -> None:
    operator_id = make_operator().id
    db.session.commit()
    results = at_once(
        app,
        partial(brought_quietly, [line("G-1", "600.00")], operator_id),
        partial(brought_quietly, [line("G-2", "600.00")], operator_id),
    )
    assert results.count("done") == 1
    assert pending(creator) == usd(60_000)


@pytest.mark.usefixtures("creator", "pool")
def test_a_form_that_is_sent_twice_imports_once() -> None:
    key = new_id()
    bring(FUND, [line("G-1")], key)
    db.session.commit()
    operator_id = make_operator().id
    with refused(IntegrityError, match="uq_income_import_form_key"):
        bring(FUND, [line("G-2")], key, operator_id)


# ---- size, and the database


@pytest.mark.usefixtures("pool")
def test_a_large_file_is_imported_as_one(creator: Creator) -> None:
    brought = import_rows(FUND, [line(f"G-{n}", "0.10") for n in range(2_000)])
    assert outcomes(brought) == ["accepted"] * 2_000
    assert pending(creator) == usd(20_000)


@pytest.mark.usefixtures("creator", "pool")
def test_what_was_imported_cannot_be_changed(app_role: psycopg.Connection[Any]) -> None:
    import_rows(FUND, [line("G-1")])
    before = money_tables()
    for table in ("income_import", "income_row"):
        for change in (f"UPDATE {table} SET kind = 'gift'", f"DELETE FROM {table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app_role.execute(change)
            app_role.rollback()
    assert money_tables() == before


@pytest.mark.usefixtures("creator", "pool")
def test_the_database_refuses_a_second_acceptance_and_one_without_an_earning(
    owner: psycopg.Connection[Any],
) -> None:
    import_rows(FUND, [line("G-1"), line("G-2")])
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute("UPDATE income_row SET reference = 'G-1'")
    owner.rollback()
    for change in ("earning_id = NULL", "outcome = 'known'", "outcome = 'nonsense'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE income_row SET {change}")
        owner.rollback()
