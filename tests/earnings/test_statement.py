"""A creator's statement: opening, every change of what they are owed, closing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from marketplace import clock
from marketplace.earnings.statement import CreatorStatement, month, months
from marketplace.earnings.statement import statement as statement_of
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import leaving, settling
from marketplace.payouts.destination import Destination
from marketplace.processors.base import Snapshot
from tests.make import do_runs, earn, earn_matured, make_creator, make_payout, run_after_maturity
from tests.within import within

__all__ = ["within"]


def statement(creator: Creator, named: str, currency: str) -> CreatorStatement:
    return statement_of(creator, month(named, creator.time_zone), currency)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


def month_of(at: datetime) -> str:
    return f"{at:%Y-%m}"


def test_an_empty_month_opens_and_closes_with_nothing(creator: Creator) -> None:
    empty = statement(creator, "2026-03", "USD")
    assert (empty.opening, list(empty.lines()), empty.closing) == (usd(0), [], usd(0))


def test_opening_and_lines_sum_to_closing_month_after_month(creator: Creator) -> None:
    creator.time_zone = "UTC"
    for days, amount in ((0, "60.00 USD"), (20, "90.00 USD"), (45, "7.77 USD"), (100, "1.00 USD")):
        clock.set_offset(timedelta(days=days))
        earn(creator, amount)
    begun = clock.now() - timedelta(days=101)
    listed = months(creator, clock.now())
    seen = [statement(creator, named, "USD") for named in reversed(listed)]
    assert month_of(begun) in listed

    owed = usd(0)
    for each in seen:
        assert each.opening == owed
        for line in each.lines():
            owed = owed + line.change
        assert each.closing == owed
    assert owed == usd(6_000 + 9_000 + 777 + 100)


def test_an_earning_says_what_its_net_is_made_of(creator: Creator) -> None:
    earn(creator, "60.00 USD")
    (line,) = statement(creator, month_of(clock.now()), "USD").lines()
    assert line.change == usd(6_000)
    assert line.earning is not None
    assert (line.earning.gross_minor, line.earning.platform_fee_minor) == (6_000, 0)


def test_maturing_and_reserving_move_nothing_but_paying_does(creator: Creator) -> None:
    creator.time_zone = "UTC"
    payout = make_payout(creator, "150.00 USD")
    at = run_after_maturity(creator)
    assert _changes(creator, at) == [usd(15_000)]

    assert leaving.may_send(payout, at)
    transfer = Snapshot(
        kind="transfer",
        remote_id="tr_1",
        our_ref=payout.id.hex,
        state="paid",
        livemode=False,
        amount=payout.amount,
        account=_account(payout.destination_id),
    )
    settling.paid(payout, transfer, at)
    db.session.commit()
    assert _changes(creator, at) == [usd(15_000), usd(-15_000)]
    last = statement(creator, month_of(at), "USD")
    assert last.closing == usd(0)
    assert list(last.lines())[-1].earning is None


def _account(destination_id: UUID) -> str | None:
    return db.session.get_one(Destination, destination_id).remote_account


def _changes(creator: Creator, at: datetime) -> list[Money]:
    """All changes up to this instant, over the months."""
    lines = [
        line
        for named in reversed(months(creator, at))
        for line in statement(creator, named, "USD").lines()
    ]
    return [line.change for line in lines]


@pytest.mark.parametrize(
    ("time_zone", "first_instant"),
    [
        ("UTC", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 2, 28, 18, 15, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2026, 2, 28, 11, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 1, 5, tzinfo=UTC)),
    ],
)
def test_a_month_begins_at_midnight_where_the_creator_lives(
    time_zone: str, first_instant: datetime
) -> None:
    creator = make_creator(time_zone=time_zone).creator
    for at, amount in (
        (first_instant - timedelta(seconds=60), "1.00 USD"),
        (first_instant, "2.00 USD"),
    ):
        clock.set_offset(at - clock.wall_now() + timedelta(seconds=10))
        earn(creator, amount)
    february, march = (statement(creator, month, "USD") for month in ("2026-02", "2026-03"))
    assert [line.change for line in february.lines()] == [usd(100)]
    assert [line.change for line in march.lines()] == [usd(200)]
    assert february.closing == march.opening == usd(100)


def test_currencies_are_told_apart(creator: Creator) -> None:
    earn_matured(creator, "60.00 USD")
    earn_matured(creator, "70.00 EUR")
    present = month_of(clock.now())
    assert statement(creator, present, "USD").closing == usd(6_000)
    assert statement(creator, present, "EUR").closing == Money(7_000, "EUR")
    assert statement(creator, present, "GBP").closing == Money(0, "GBP")


def test_a_run_that_pays_nobody_is_no_line(creator: Creator) -> None:
    earn_matured(creator, "60.00 USD")
    do_runs(run_after_maturity(creator))
    assert _changes(creator, run_after_maturity(creator)) == [usd(6_000)]


@pytest.mark.parametrize(
    "named",
    ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "2026-11-01", "0000-01", "0001-01"]
    + ["9999-12", "2026-1१", " 2026-11", "2026-11\n", "nonsense"],
)
def test_what_is_no_month_is_refused(creator: Creator, named: str) -> None:
    creator.time_zone = "Pacific/Apia"
    with pytest.raises(BadInput) as refusal:
        statement(creator, named, "USD")
    assert refusal.value.fields == {"month": "a month such as 2026-11"}


def test_months_are_those_since_the_creator_joined_where_they_live() -> None:
    joined = datetime(2025, 11, 1, 1, tzinfo=UTC)  # still October in New York
    creator = make_creator(time_zone="America/New_York", since=joined).creator
    assert months(creator, datetime(2026, 2, 1, 4, tzinfo=UTC)) == [
        "2026-01",
        "2025-12",
        "2025-11",
        "2025-10",
    ]
    assert months(creator, joined) == ["2025-10"]
