"""A statement over several accounts of one owner: opening, lines that change their sum, closing.

A transaction that only moves money between these accounts, such as a maturity, changes nothing of
the sum and is no line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from marketplace.extensions import db
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import Cause
from marketplace.money import Money

_CHANGES = """
    SELECT t.id, t.kind, t.cause_type, t.cause_id, t.effective_at,
           sum(a.side * e.amount_minor)::bigint AS change_minor
      FROM ledger.account a
      JOIN ledger.entry e ON e.account_id = a.id
      JOIN ledger.transaction t ON t.id = e.transaction_id
     WHERE a.owner = :owner AND a.kind = ANY (:kinds) AND a.currency = :currency
       AND t.effective_at < :until
     GROUP BY t.id
    HAVING sum(a.side * e.amount_minor) <> 0
"""
_OPENING = f"SELECT coalesce(sum(change_minor), 0)::bigint FROM ({_CHANGES}) c"
_LINES = _CHANGES + " AND min(t.effective_at) >= :since ORDER BY t.effective_at, t.id"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transaction and by how much it changed what the owner holds."""

    transaction_id: UUID
    kind: str
    cause: Cause
    effective_at: datetime
    change: Money


@dataclass(frozen=True, slots=True)
class Statement:
    """A period of one owner in one currency; opening and lines sum to closing."""

    opening: Money
    lines: tuple[StatementLine, ...]
    closing: Money


def statement(
    owner: str, kinds: Iterable[AccountKind], currency: str, since: datetime, until: datetime
) -> Statement:
    """The statement of one owner's accounts of these kinds, for `since` <= instant < `until`.

    Opening and closing are both summed from the entries before their instant, not from each other.
    """
    named = {"owner": owner, "kinds": [str(kind) for kind in kinds], "currency": currency}
    rows = db.session.execute(text(_LINES), {**named, "since": since, "until": until})
    lines = tuple(
        StatementLine(
            row.id,
            row.kind,
            Cause(row.cause_type, row.cause_id),
            row.effective_at,
            Money(row.change_minor, currency),
        )
        for row in rows
    )
    opening = int(db.session.scalar(text(_OPENING), {**named, "until": since}) or 0)
    closing = int(db.session.scalar(text(_OPENING), {**named, "until": until}) or 0)
    return Statement(Money(opening, currency), lines, Money(closing, currency))
