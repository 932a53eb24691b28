"""A creator's statement: what they were owed, what came and went, and what they are owed now.

What a creator owes is no part of that sum: it has an opening and a closing of its own, and a line
says by how much it changed either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.earnings.clawback import Clawback
from marketplace.earnings.earning import Earning
from marketplace.errors import BadInput, NotFound, says
from marketplace.extensions import db
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.statement import Accounts, Standing, StatementLine
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator

# All that a creator is owed, whether it can leave already or not.
OWED = (
    AccountKind.CREATOR_PENDING,
    AccountKind.CREATOR_AVAILABLE,
    AccountKind.CREATOR_CONTESTED,
    AccountKind.PAYOUT_RESERVED,
)
OWING = (AccountKind.CREATOR_DEBT,)
AT_ONCE = 200  # lines whose earnings are read together


@dataclass(frozen=True)
class Period:
    """Whole days where a creator lives: the instants `since` <= ... < `until`."""

    first_on: date
    last_on: date
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Line:
    """One change of what a creator is owed, or of what they owe.

    An earning says what its net is made of; a clawback, of which earning it was.
    """

    entry: StatementLine
    change: Money  # of what they are owed
    debt: Money  # the change of what they owe
    balance: Money  # what they are owed after it
    earning: Earning | None
    clawback: Clawback | None


@dataclass(frozen=True)
class CreatorStatement:
    """One period in one currency: opening and lines make closing, of what is owed and owing."""

    period: Period
    currency: str
    accounts: Accounts
    begin: Standing
    end: Standing

    @property
    def opening(self) -> Money:
        return _sum(self.begin, OWED, self.currency)

    @property
    def closing(self) -> Money:
        return _sum(self.end, OWED, self.currency)

    @property
    def debt_opening(self) -> Money:
        return _sum(self.begin, OWING, self.currency)

    @property
    def debt_closing(self) -> Money:
        return _sum(self.end, OWING, self.currency)

    def lines(self, after: UUID | None = None, at_once: int = AT_ONCE) -> Iterator[Line]:
        """The lines, or those after this transaction, in the order of the books.

        They are read as they are needed, `at_once` at a time.

        Raises:
            NotFound: `after` is no line of this statement.
        """
        start = self.begin
        if after is not None:
            found = self.accounts.after(after)
            if found is None or not self.begin.place < found.place <= self.end.place:
                raise NotFound("no such line")
            start = found
        return self._lines(start, at_once)

    def _lines(self, start: Standing, at_once: int) -> Iterator[Line]:
        balance = _sum(start, OWED, self.currency)
        entries = self.accounts.lines(start, self.end)
        while some := list(islice(entries, at_once)):
            clawbacks = _clawbacks([it.cause.id for it in some if it.cause.type == "clawback"])
            of = {it.id: it.earning_id for it in clawbacks.values()}
            earnings = _earnings([of.get(it.cause.id, it.cause.id) for it in some])
            for entry in some:
                owed, debt = entry.changes
                balance = balance + owed
                earning = earnings.get(of.get(entry.cause.id, entry.cause.id))
                clawback = clawbacks.get(entry.cause.id)
                yield Line(entry, owed, debt, balance, earning, clawback)


def statement(creator: Creator, period: Period, currency: str) -> CreatorStatement:
    """The statement of one period."""
    accounts = Accounts(creator.ledger_owner, currency, (OWED, OWING))
    begin, end = accounts.before(period.since), accounts.before(period.until)
    return CreatorStatement(period, currency, accounts, begin, end)


def _sum(standing: Standing, kinds: Sequence[AccountKind], currency: str) -> Money:
    return sum((standing.held[kind] for kind in kinds), zero(currency))


def _earnings(ids: list[UUID]) -> dict[UUID, Earning]:
    rows = db.session.scalars(select(Earning).where(Earning.id.in_(ids)))
    return {earning.id: earning for earning in rows}


def _clawbacks(ids: list[UUID]) -> dict[UUID, Clawback]:
    rows = db.session.scalars(select(Clawback).where(Clawback.id.in_(ids)))
    return {clawback.id: clawback for clawback in rows}


def months(creator: Creator, at: datetime) -> list[str]:
    """Every month since the creator joined, newest first."""
    zone = ZoneInfo(creator.time_zone)
    first, last = creator.created_at.astimezone(zone), at.astimezone(zone)
    count = (last.year - first.year) * 12 + last.month - first.month
    listed = []
    for back in range(count + 1):
        index = last.year * 12 + last.month - 1 - back
        listed.append(f"{index // 12:04}-{index % 12 + 1:02}")
    return listed


def month(named: str, time_zone: str) -> Period:
    """The calendar month '2026-11' where a creator lives.

    Raises:
        BadInput: it is not written so.
    """
    try:
        if not re.fullmatch(r"\d{4}-\d{2}", named, re.ASCII):
            raise ValueError(named)
        first_on = date.fromisoformat(f"{named}-01")
        after_on = (first_on + timedelta(days=31)).replace(day=1)
        return days(first_on, after_on - timedelta(days=1), time_zone)
    except (ValueError, OverflowError) as error:
        raise BadInput("month", {"month": says("a month such as 2026-11")}) from error


def days(first_on: date, last_on: date, time_zone: str) -> Period:
    """From the beginning of one day to the end of another, where a creator lives.

    Raises:
        OverflowError: the calendar has no such instants.
    """
    zone = ZoneInfo(time_zone)
    begin = datetime(first_on.year, first_on.month, first_on.day, tzinfo=zone)
    after_on = last_on + timedelta(days=1)
    after = datetime(after_on.year, after_on.month, after_on.day, tzinfo=zone)
    return Period(first_on, last_on, begin.astimezone(UTC), after.astimezone(UTC))
