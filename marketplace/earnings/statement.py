"""A creator's statement: what they were owed, what came and went, and what they are owed now.

What a creator owes is no part of that sum: it has an opening and a closing of its own, and a line
says by how much it changed either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.earnings.clawback import Clawback
from marketplace.earnings.earning import Earning
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.ledger import statement as ledger_statement
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.statement import StatementLine
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator

# All that a creator is owed, whether it can leave already or not.
OWED = (
    AccountKind.CREATOR_PENDING,
    AccountKind.CREATOR_AVAILABLE,
    AccountKind.CREATOR_CONTESTED,
    AccountKind.PAYOUT_RESERVED,
)


@dataclass(frozen=True)
class Line:
    """One change of what a creator is owed, or of what they owe.

    An earning says what its net is made of; a clawback, of which earning it was.
    """

    entry: StatementLine  # its change is that of what they are owed
    debt: Money  # the change of what they owe
    earning: Earning | None
    clawback: Clawback | None


@dataclass(frozen=True)
class CreatorStatement:
    """One calendar month in the creator's time zone, in one currency."""

    month: str  # '2026-11'
    currency: str
    opening: Money
    lines: tuple[Line, ...]
    closing: Money
    debt_opening: Money
    debt_closing: Money


def statement(creator: Creator, month: str, currency: str) -> CreatorStatement:
    """The statement of one month.

    Raises:
        BadInput: `month` is not written as '2026-11'.
    """
    since, until = _bounds(month, creator.time_zone)
    owner = creator.ledger_owner
    owed = ledger_statement.statement(owner, OWED, currency, since, until)
    debt = ledger_statement.statement(owner, (AccountKind.CREATOR_DEBT,), currency, since, until)
    return CreatorStatement(
        month=month,
        currency=currency,
        opening=owed.opening,
        lines=tuple(_lines(owed.lines, debt.lines)),
        closing=owed.closing,
        debt_opening=debt.opening,
        debt_closing=debt.closing,
    )


def _lines(owed: Sequence[StatementLine], debt: Sequence[StatementLine]) -> Iterator[Line]:
    """One line per transaction, in their order, whether it changes one sum or both."""
    of_debt = {line.transaction_id: line for line in debt}
    nothing = {
        line.transaction_id: replace(line, change=zero(line.change.currency)) for line in debt
    }
    entries = nothing | {line.transaction_id: line for line in owed}
    clawbacks = _clawbacks([entry.cause.id for entry in entries.values()])
    earnings = _earnings(
        [entry.cause.id for entry in entries.values()]
        + [clawback.earning_id for clawback in clawbacks.values()]
    )
    for entry in sorted(entries.values(), key=lambda it: (it.effective_at, it.transaction_id)):
        clawback = clawbacks.get(entry.cause.id)
        also = of_debt.get(entry.transaction_id)
        yield Line(
            entry,
            debt=also.change if also else zero(entry.change.currency),
            earning=earnings.get(clawback.earning_id if clawback else entry.cause.id),
            clawback=clawback,
        )


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


def _bounds(month: str, time_zone: str) -> tuple[datetime, datetime]:
    zone = ZoneInfo(time_zone)
    try:
        if not re.fullmatch(r"\d{4}-\d{2}", month, re.ASCII):
            raise ValueError(month)
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=zone)
        after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        return first.astimezone(UTC), after.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput("month", {"month": says("a month such as 2026-11")}) from error
