"""A payout is the sum of its lines, each of which leads to what it pays and from there back."""

from __future__ import annotations

from runpy import run_path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from marketplace import clock
from marketplace.config import REPOSITORY
from marketplace.earnings import hold as holds
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.moves import moves
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import payout as payouts
from marketplace.payouts.line import PayoutLine, lines_of, lines_with
from marketplace.payouts.payout import Payout, Wanted
from marketplace.payouts.recovery import divide
from marketplace.payouts.run import PayoutRunLine
from tests.make import (
    do_runs,
    earn_matured,
    make_clawback,
    make_creator,
    make_destination,
    make_payout,
    run_after_maturity,
)
from tests.within import locked, within

__all__ = ["within"]

Connection = psycopg.Connection[Any]
(MIGRATION,) = (REPOSITORY / "migrations" / "versions").glob("*_payout_lines.py")


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


def lines(payout: Payout) -> list[tuple[str, int]]:
    found = db.session.scalars(lines_of(payout.id).order_by(PayoutLine.number)).all()
    assert [it.number for it in found] == list(range(1, len(found) + 1))
    assert sum(it.amount_minor for it in found) == payout.amount_minor
    return [(it.kind, it.amount_minor) for it in found]


def earnings(creator: Creator) -> list[Earning]:
    return db.session.query(Earning).filter_by(creator_id=creator.id).order_by(Earning.id).all()


def cancel(payout: Payout) -> None:
    payouts.cancel(locked(Payout, payout.id), "user:1", "asked for", clock.now())
    db.session.commit()


# ---- what the lines are


def test_a_payout_names_each_earning_that_it_pays(creator: Creator) -> None:
    earn_matured(creator, "60.00 USD")
    payout = make_payout(creator, "45.00 USD")
    assert lines(payout) == [("earning_matured", 6_000), ("earning_matured", 4_500)]
    for earning in earnings(creator):
        (line,) = lines_with([earning.cause])
        assert (line.payout_id, line.amount_minor) == (payout.id, earning.net_minor)


def test_what_was_clawed_back_makes_it_smaller(creator: Creator) -> None:
    earn_matured(creator, "60.00 USD")
    clawback = make_clawback(earnings(creator)[0], 5_000)
    payout = make_payout(creator, "70.00 USD")
    matured = "earning_matured"
    assert lines(payout) == [(matured, 6_000), ("earning_clawed_back", -1_000), (matured, 7_000)]
    (line,) = lines_with([clawback.cause])
    assert line.payout_id == payout.id


def test_what_repays_debt_is_a_line(creator: Creator) -> None:
    make_payout(creator, "120.00 USD")
    make_clawback(earnings(creator)[0])
    payout = _next(creator, "200.00 USD")
    given_back = ("payout_released", 12_000)
    assert lines(payout) == [given_back, ("earning_matured", 20_000), ("recovered", -8_000)]
    assert (payout.amount, payout.recovered) == (usd(24_000), usd(8_000))


def test_what_was_contested_and_released_adds_up_to_nothing(creator: Creator) -> None:
    earn_matured(creator, "45.00 USD", EarningKind.GIFT)
    (earning,) = earnings(creator)
    told: dict[str, Any] = {"actor": "user:1", "at": clock.now()}
    hold = holds.contest(earning.id, reason="fraud", evidence="seen", days=14, **told)
    db.session.commit()
    payout = make_payout(creator, "100.00 USD")
    assert lines(payout) == [
        *(("earning_matured", 4_500), ("earning_contested", -4_500)),
        ("earning_matured", 10_000),
    ]
    assert [it.payout_id for it in lines_with([hold.cause])] == [payout.id]


def test_a_payout_that_was_called_off_is_a_line_of_the_next(creator: Creator) -> None:
    first = make_payout(creator, "120.00 USD")
    cancel(first)
    second = _next(creator, "30.00 USD")
    assert lines(second) == [("payout_released", 12_000), ("earning_matured", 3_000)]
    # From the earning on to the payout that paid it in the end.
    (line,) = lines_with([earnings(creator)[0].cause])
    assert line.payout_id == first.id
    (again,) = lines_with([first.cause])
    assert again.payout_id == second.id


def test_what_is_too_fine_to_be_paid_stays_and_is_carried_on(creator: Creator) -> None:
    runs = [make_payout(make_creator().creator).run_id for _ in range(2)]
    first = _reserve(creator, "120.67 USD", usd(12_000), runs[0])
    assert lines(first) == [("earning_matured", 12_067), ("left", -67)]
    cancel(first)
    second = _reserve(creator, "1.00 USD", usd(12_100), runs[1])
    assert lines(second) == [
        *(("carried", 67), ("payout_released", 12_000), ("earning_matured", 100)),
        ("left", -67),
    ]
    (carried,) = db.session.query(PayoutLine).filter_by(kind="carried")
    assert (carried.cause_type, carried.cause_id) == ("payout", first.id)
    assert lines_with([second.cause]) == [], "what a payout says of itself is no way back"


def test_many_payouts_get_their_lines_in_one_statement() -> None:
    made = [make_creator().creator for _ in range(6)]
    for number, each in enumerate(made):
        earn_matured(each, f"{100 + number}.00 USD")
        make_destination(each)
    do_runs(run_after_maturity(made[0]))
    reserved = db.session.query(Payout).order_by(Payout.amount_minor).all()
    expected = [[("earning_matured", 10_000 + 100 * number)] for number in range(6)]
    assert [lines(it) for it in reserved] == expected


def test_what_has_no_order_has_no_moves() -> None:
    with pytest.raises(ValueError, match="in no order"):
        moves(AccountKind.PROCESSOR_CLEARING, "clearing")


def _next(creator: Creator, amount: str) -> Payout:
    """The payout after the one that stands; that one is called off if it is still open."""
    for payout in db.session.query(Payout).filter_by(creator_id=creator.id, status="reserved"):
        cancel(payout)
    return make_payout(creator, amount)


def _reserve(creator: Creator, amount: str, paid: Money, run_id: UUID) -> Payout:
    """A payout of a part of the balance, as where a processor pays only whole units."""
    earn_matured(creator, amount)
    to = destinations.current(creator.id) or make_destination(creator)
    wanted = Wanted(creator.id, to.id, run_id, divide(paid, usd(0)))
    (payout,) = payouts.reserve_all([wanted], clock.now())
    line = {"run_id": run_id, "creator_id": creator.id, "currency": "USD"}
    db.session.add(PayoutRunLine(**line, state="included", payout_id=payout.id))
    db.session.commit()
    return payout


def test_payouts_of_before_got_the_lines_that_they_would_have_now(
    creator: Creator, owner: Connection
) -> None:
    runs = [make_payout(make_creator().creator).run_id for _ in range(2)]
    cancel(_reserve(creator, "120.67 USD", usd(12_000), runs[0]))
    make_clawback(earnings(creator)[0], 5_000)
    _reserve(creator, "101.00 USD", usd(15_000), runs[1])
    every = "SELECT l::text FROM payout_line l ORDER BY 1"
    now = owner.execute(every).fetchall()
    assert {"carried", "left", "earning_clawed_back"} <= {it.kind for it in _all_lines()}
    owner.execute("SET LOCAL session_replication_role = replica")
    owner.execute("DELETE FROM payout_line")
    owner.execute(run_path(str(MIGRATION))["BACKFILL"])
    assert owner.execute(every).fetchall() == now
    owner.rollback()


def _all_lines() -> list[PayoutLine]:
    return db.session.query(PayoutLine).all()


# ---- what the database refuses

AGAIN = """
    INSERT INTO payout (id, creator_id, destination_id, run_id, amount_minor, currency, status,
                        status_at, created_at, checks)
    SELECT '{new}', creator_id, destination_id, run_id, amount_minor, 'EUR', status, status_at,
           created_at, 0 FROM payout
"""
LINE = """
    INSERT INTO payout_line (payout_id, number, kind, transaction_id, cause_type, cause_id,
                             amount_minor)
    SELECT p.id, {number}, 'left', NULL, 'payout', p.id, {amount} FROM payout p WHERE {which}
"""


@pytest.fixture
def payout(creator: Creator) -> Payout:
    return make_payout(creator)


@pytest.mark.usefixtures("payout")
@pytest.mark.parametrize("who", ["owner", "app_role"])
@pytest.mark.parametrize("short", [None, 14_999, 15_001])
def test_a_payout_that_is_not_the_sum_of_its_lines_cannot_be_created(
    request: pytest.FixtureRequest, who: str, short: int | None
) -> None:
    connection: Connection = request.getfixturevalue(who)
    new = uuid4()
    connection.execute(AGAIN.format(new=new))
    line = LINE.format(number=1, amount=short, which=f"p.id = '{new}'")
    with pytest.raises(errors.CheckViolation, match="is not the sum of its lines"):
        _try(connection, line if short else "SELECT")


@pytest.mark.usefixtures("payout", "broken_on_purpose")
def test_without_the_guard_it_could_be_created(owner: Connection) -> None:
    owner.execute("ALTER TABLE payout DISABLE TRIGGER payout_is_its_lines")
    owner.execute(AGAIN.format(new=uuid4()))
    owner.commit()
    owner.execute("ALTER TABLE payout ENABLE TRIGGER payout_is_its_lines")
    owner.commit()


@pytest.mark.usefixtures("payout")
@pytest.mark.parametrize("who", ["owner", "app_role"])
def test_what_is_whole_can_be_created(request: pytest.FixtureRequest, who: str) -> None:
    connection: Connection = request.getfixturevalue(who)
    new = uuid4()
    connection.execute(AGAIN.format(new=new))
    connection.execute(LINE.format(number=1, amount=15_000, which=f"p.id = '{new}'"))
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.rollback()


@pytest.mark.usefixtures("payout")
@pytest.mark.parametrize("who", ["owner", "app_role"])
@pytest.mark.parametrize(
    "act",
    [
        "UPDATE payout SET amount_minor = amount_minor + 1",
        LINE.format(number=2, amount=1, which="true"),
        LINE.format(number=2, amount=15_000, which="true"),
        "UPDATE payout_line SET amount_minor = amount_minor + 1",
        "UPDATE payout_line SET cause_id = gen_random_uuid()",
        "DELETE FROM payout_line",
        "TRUNCATE payout_line",
    ],
)
def test_what_a_payout_pays_stays(request: pytest.FixtureRequest, who: str, act: str) -> None:
    connection: Connection = request.getfixturevalue(who)
    with pytest.raises((errors.CheckViolation, errors.InsufficientPrivilege)):
        _try(connection, act)


def _try(connection: Connection, act: str) -> None:
    """Do it for good; what is refused is undone."""
    try:
        connection.execute(act)
        connection.commit()
    finally:
        connection.rollback()


@pytest.mark.usefixtures("payout")
def test_no_posting_is_a_line_of_two_payouts(owner: Connection) -> None:
    again = "INSERT INTO payout_line SELECT payout_id, 2, kind, transaction_id, cause_type,"
    with pytest.raises(errors.UniqueViolation, match="uq_payout_line_transaction_id"):
        owner.execute(f"{again} cause_id, amount_minor FROM payout_line")
    owner.rollback()
