"""Reads: balances as people see them, statements of accounts, and the trace of a transaction.

Nothing outside this package knows how books are stored. What others may join is `stored`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Row,
    Subquery,
    Text,
    Uuid,
    cast,
    column,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.extensions import db
from marketplace.ledger.chart import CHART, AccountKind
from marketplace.ledger.draft import AccountRef, Cause, Line
from marketplace.money import Money

PAGE = 50


@dataclass(frozen=True, slots=True)
class Held:
    """What one account holds, as people see it."""

    account: AccountRef
    balance: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an account's statement: what changed, and what the account held then."""

    transaction_id: UUID
    kind: str
    cause: Cause
    effective_at: datetime
    change: Money  # as people see it: positive raises the balance
    balance: Money


@dataclass(frozen=True, slots=True)
class Transaction:
    """One business event as it was recorded, with why. Its lines are debits if positive."""

    id: UUID
    kind: str
    key: str
    cause: Cause
    effective_at: datetime
    recorded_at: datetime
    reverses: UUID | None
    lines: tuple[Line, ...]


# ---- balances

_HELD = """
    SELECT a.owner, a.kind, a.currency,
           (a.side * CASE WHEN a.stores_balance THEN a.balance_minor
                          ELSE (SELECT sum(e.amount_minor) FROM ledger.entry e
                                 WHERE e.account_id = a.id AND e.account_version IS NULL) END
           )::bigint AS balance_minor
      FROM ledger.account a
     WHERE a.owner = :owner
"""


def balance(account: AccountRef, currency: str) -> Money:
    """What an account holds in one currency; zero if nothing was ever posted to it."""
    row = db.session.execute(
        text(_HELD + " AND a.kind = :kind AND a.currency = :currency"),
        {"owner": account.owner, "kind": account.kind, "currency": currency},
    ).one_or_none()
    return Money(row.balance_minor if row else 0, currency)


def balances_of(owner: str) -> list[Held]:
    """Every account of one owner, by kind and currency."""
    rows = db.session.execute(text(_HELD + " ORDER BY a.kind, a.currency"), {"owner": owner})
    return [
        Held(AccountRef(row.owner, AccountKind(row.kind)), Money(row.balance_minor, row.currency))
        for row in rows
    ]


def currencies_of(owner: str) -> list[str]:
    """Every currency in which an owner ever had a posting, in alphabetical order."""
    return sorted({held.balance.currency for held in balances_of(owner)})


def stored(kind: str, *, above_zero: bool = False) -> Subquery:
    """Return owner, currency and balance_minor (as people see it) of every account of one kind.

    Args:
        above_zero: only what holds something. Asked of the column as it is stored, PostgreSQL knows
            how many those are, which it does not of what people see.

    Raises:
        ValueError: accounts of this kind store no balance; they are summed, one at a time.
    """
    rule = CHART[AccountKind(kind)]
    if not rule.stores_balance:
        raise ValueError(f"{kind} is summed when read: use balance()")
    names = ("owner", "kind", "currency", "balance_minor")
    account = table("account", *(column(name) for name in names), schema="ledger").c
    seen = (rule.side * account.balance_minor).label("balance_minor")
    statement = select(account.owner, account.currency, seen).where(account.kind == kind)
    if above_zero:
        held = account.balance_minor
        statement = statement.where(held < 0 if rule.side < 0 else held > 0)
    return statement.subquery(f"stored_{kind}")


# Of an account, each posting that raised it for the first time, with the sum of the newer ones: the
# balance reaches back to the oldest one before which less than the balance had come.
_UNSPENT = """
    SELECT a.owner, a.currency, a.side * a.balance_minor AS balance_minor,
           (SELECT min(c.began_at)
              FROM (SELECT {began_at} AS began_at, a.side * (sum(e.amount_minor)
                             OVER (ORDER BY e.account_version DESC) - e.amount_minor) AS newer_minor
                      FROM ledger.entry e JOIN ledger.transaction t ON t.id = e.transaction_id
                     WHERE e.account_id = a.id AND a.side * e.amount_minor > 0
                       AND t.kind IN ({sources})) c
             WHERE c.newer_minor < a.side * a.balance_minor) AS since
      FROM ledger.account a
     WHERE a.kind = '{kind}' AND a.side * a.balance_minor > 0
"""


def unspent(kind: str, sources: Sequence[str], began_at: str = "t.effective_at") -> Subquery:
    """Return owner, currency, balance_minor and since when its oldest cent lies there, unspent.

    What came first is spent first. `sources`: the postings that bring money; any other that raises
    the account gives back what was there before, and makes nothing younger. `began_at`: SQL for the
    instant from which what the posting t brought counts.
    """
    named = ", ".join(f"'{source}'" for source in sources)
    statement = text(_UNSPENT.format(kind=AccountKind(kind), sources=named, began_at=began_at))
    return statement.columns(
        column("owner", Text),
        column("currency", Text),
        column("balance_minor", BigInteger),
        column("since", DateTime(timezone=True)),
    ).subquery(f"unspent_{kind}")


def owner_of(
    party: str, id: ColumnElement[UUID] | InstrumentedAttribute[UUID]
) -> ColumnElement[str]:
    """Return the ledger owner of a row, to join with `stored`: owner_of("creator", Creator.id)."""
    return literal(f"{party}:") + func.replace(cast(id, Text), "-", "", type_=Text)


def id_of(party: str, owner: ColumnElement[str]) -> ColumnElement[UUID]:
    """Return the id of an owner that is such a row: what `owner_of` makes of it, the other way.

    Cheaper where few accounts meet many rows: it is worked out once per account.
    """
    return cast(func.substr(owner, len(party) + 2), Uuid)


# ---- statements

# The LATERAL part reads one page by its index, however long the account's history is. Stored
# accounts go by version and keep their running balance. Summed ones go by entry id: they held what
# the page and everything older sum to, less the entries of the page that are newer.
_STATEMENT = """
    SELECT t.id, t.kind, t.cause_type, t.cause_id, t.effective_at,
           a.side * e.amount_minor AS change_minor, (a.side * e.held_minor)::bigint AS balance_minor
      FROM ledger.account a
     CROSS JOIN LATERAL ({page}) e
      JOIN ledger.transaction t ON t.id = e.transaction_id
     WHERE a.owner = :owner AND a.kind = :kind AND a.currency = :currency
     ORDER BY e.place DESC
"""
_STORED_PAGE = """
    SELECT p.transaction_id, p.amount_minor, p.balance_after AS held_minor,
           p.account_version AS place
      FROM ledger.entry p
     WHERE p.account_id = a.id AND p.account_version IS NOT NULL {older}
     ORDER BY p.account_version DESC LIMIT :limit
"""
_SUMMED_PAGE = """
    SELECT q.transaction_id, q.amount_minor, q.id AS place,
           (SELECT sum(p.amount_minor) FROM ledger.entry p
             WHERE p.account_id = a.id AND p.account_version IS NULL {older})
           - sum(q.amount_minor) OVER (ORDER BY q.id DESC) + q.amount_minor AS held_minor
      FROM (SELECT p.* FROM ledger.entry p
             WHERE p.account_id = a.id AND p.account_version IS NULL {older}
             ORDER BY p.id DESC LIMIT :limit) q
"""
_OLDER = """
    AND p.{place} < (SELECT b.{place} FROM ledger.entry b
                      WHERE b.transaction_id = :before AND b.account_id = a.id)
"""


def entries(
    account: AccountRef, currency: str, before: UUID | None = None, limit: int = PAGE
) -> list[Entry]:
    """One page of an account's statement, newest first.

    Args:
        before: the transaction of the last entry already seen; None starts with the newest.
    """
    if CHART[account.kind].stores_balance:
        page, place = _STORED_PAGE, "account_version"
    else:
        page, place = _SUMMED_PAGE, "id"
    older = _OLDER.format(place=place) if before else ""
    named = {"owner": account.owner, "kind": account.kind, "currency": currency, "limit": limit}
    if before:
        named["before"] = before
    rows = db.session.execute(text(_STATEMENT.format(page=page.format(older=older))), named)
    return [
        Entry(
            transaction_id=row.id,
            kind=row.kind,
            cause=Cause(row.cause_type, row.cause_id),
            effective_at=row.effective_at,
            change=Money(row.change_minor, currency),
            balance=Money(row.balance_minor, currency),
        )
        for row in rows
    ]


# ---- transactions

_TRANSACTIONS = """
    SELECT t.id, t.kind, t.idempotency_key, t.cause_type, t.cause_id, t.effective_at, t.recorded_at,
           t.reverses, a.owner, a.kind AS account_kind, a.currency, e.amount_minor
      FROM ledger.transaction t
      JOIN ledger.entry e ON e.transaction_id = t.id
      JOIN ledger.account a ON a.id = e.account_id
     WHERE {which}
     ORDER BY min(e.id) OVER (PARTITION BY t.id), e.id
"""


def trace(transaction_id: UUID) -> Transaction | None:
    """A transaction with its cause and lines, or None if there is none."""
    found = _transactions("t.id = :id", {"id": transaction_id})
    return found[0] if found else None


def transactions_of(cause: Cause) -> list[Transaction]:
    """Everything that was posted because of one earning, deposit, payout ..., oldest first."""
    which = "t.cause_type = :type AND t.cause_id = :id"
    return _transactions(which, {"type": cause.type, "id": cause.id})


def recorded_after(instant: datetime) -> list[Transaction]:
    """Everything that was recorded after an instant of wall time, oldest first."""
    return _transactions("t.recorded_at > :instant", {"instant": instant})


def _transactions(which: str, named: dict[str, Any]) -> list[Transaction]:
    rows = db.session.execute(text(_TRANSACTIONS.format(which=which)), named)
    return [_transaction(list(lines)) for _, lines in groupby(rows, key=lambda row: row.id)]


def _transaction(rows: Sequence[Row[Any]]) -> Transaction:
    head = rows[0]
    return Transaction(
        id=head.id,
        kind=head.kind,
        key=head.idempotency_key,
        cause=Cause(head.cause_type, head.cause_id),
        effective_at=head.effective_at,
        recorded_at=head.recorded_at,
        reverses=head.reverses,
        lines=tuple(
            Line(
                AccountRef(row.owner, AccountKind(row.account_kind)),
                Money(row.amount_minor, row.currency),
            )
            for row in rows
        ),
    )
