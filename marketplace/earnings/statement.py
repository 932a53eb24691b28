"""A creator's statement: what they were owed, what came and went, and what they are owed now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.earnings.earning import Earning
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.ledger import statement as ledger_statement
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.statement import StatementLine
from marketplace.money import Money
from marketplace.parties.creator import Creator

# All that a creator is owed, whether it can leave already or not.
OWED = (
    AccountKind.CREATOR_PENDING,
    AccountKind.CREATOR_AVAILABLE,
    AccountKind.PAYOUT_RESERVED,
)


@dataclass(frozen=True)
class Line:
    """One change of what a creator is owed. An earning says what its net is made of."""

    entry: StatementLine
    earning: Earning | None


@dataclass(frozen=True)
class CreatorStatement:
    """One calendar month in the creator's time zone, in one currency."""

    month: str  # '2026-11'
    currency: str
    opening: Money
    lines: tuple[Line, ...]
    closing: Money


def statement(creator: Creator, month: str, currency: str) -> CreatorStatement:
    """The statement of one month.

    Raises:
        BadInput: `month` is not written as '2026-11'.
    """
    since, until = _bounds(month, creator.time_zone)
    books = ledger_statement.statement(creator.ledger_owner, OWED, currency, since, until)
    earnings = _earnings([line.cause.id for line in books.lines])
    lines = tuple(Line(line, earnings.get(line.cause.id)) for line in books.lines)
    return CreatorStatement(month, currency, books.opening, lines, books.closing)


def _earnings(ids: list[UUID]) -> dict[UUID, Earning]:
    rows = db.session.scalars(select(Earning).where(Earning.id.in_(ids)))
    return {earning.id: earning for earning in rows}


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
