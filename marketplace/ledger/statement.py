"""A statement over several accounts of one owner, a page at a time, however long they are.

The books took transactions in in one order: that of the greatest entry of each, its *place*. On
every account it is the order of versions, too. So what was before a place is found by halving, the
balances then are read where they stand, and nothing is summed.

An instant has a place as well: after all that the books took in before it. What was written at the
turn of a month out of the order of its instants falls to one side as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from marketplace.extensions import db
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import Cause
from marketplace.money import Money

# Entries of each account in one query: few for one page, more for a whole file.
READ_AT_FIRST, READ_AT_MOST = 100, 5_000

_PLACE = "(SELECT max(x.id) FROM ledger.entry x WHERE x.transaction_id = e.transaction_id)"
# Per account how many of its entries are on the near side of something, highest binary digit first.
_HALVING = """
    WITH RECURSIVE halving AS (
        SELECT a.id, a.kind, a.side, 0::bigint AS version,
               1::bigint << (length(ltrim(a.version::bit(64)::text, '0')) - 1) AS step
          FROM ledger.account a
         WHERE a.owner = :owner AND a.kind = ANY (:kinds) AND a.currency = :currency
           AND a.version > 0
         UNION ALL
        SELECT h.id, h.kind, h.side,
               h.version + CASE WHEN EXISTS (
                   SELECT FROM ledger.entry e
                    WHERE e.account_id = h.id AND e.account_version = h.version + h.step
                      AND {near}) THEN h.step ELSE 0 END,
               h.step / 2
          FROM halving h WHERE h.step > 0
    )
    SELECT {shown} FROM halving h
      JOIN ledger.entry e ON e.account_id = h.id AND e.account_version = h.version
     WHERE h.step = 0
"""
_PLACE_OF_INSTANT = _HALVING.format(
    shown=f"max({_PLACE})",
    near="(SELECT t.effective_at FROM ledger.transaction t WHERE t.id = e.transaction_id)"
    " < :before",
)
_STANDING = _HALVING.format(
    shown="h.kind, h.version, h.side * e.balance_after AS held_minor",
    near=f"{_PLACE} <= :place",
)
_PLACE_OF_TRANSACTION = """
    SELECT max(x.id) FROM ledger.entry x
     WHERE x.transaction_id = :transaction_id
       AND EXISTS (SELECT FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id
                    WHERE e.transaction_id = :transaction_id AND a.owner = :owner
                      AND a.kind = ANY (:kinds) AND a.currency = :currency)
"""
_ENTRIES = f"""
    SELECT a.kind, e.transaction_id, a.side * e.amount_minor AS change_minor, {_PLACE} AS place
      FROM unnest(CAST(:kinds AS text[]), CAST(:versions AS bigint[])) AS w(kind, version)
      JOIN ledger.account a ON a.owner = :owner AND a.kind = w.kind AND a.currency = :currency
     CROSS JOIN LATERAL (
           SELECT n.* FROM ledger.entry n
            WHERE n.account_id = a.id AND n.account_version > w.version
            ORDER BY n.account_version LIMIT :limit) e
     ORDER BY place
"""
_HEADS = """
    SELECT t.id, t.kind, t.cause_type, t.cause_id, t.effective_at
      FROM ledger.transaction t WHERE t.id = ANY (:ids)
"""


@dataclass(frozen=True)
class Standing:
    """What accounts held at one place of the books; how to read on from there is the ledger's."""

    held: Mapping[AccountKind, Money]
    versions: Mapping[AccountKind, int]
    place: int


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transaction and by how much it changed each of the sums that were asked for."""

    transaction_id: UUID
    kind: str
    cause: Cause
    effective_at: datetime
    changes: tuple[Money, ...]


@dataclass(frozen=True)
class Accounts:
    """Accounts of one owner in one currency, and the sums over them that a statement is about."""

    owner: str
    currency: str
    sums: tuple[tuple[AccountKind, ...], ...]

    def before(self, at: datetime) -> Standing:
        """What they held before an instant."""
        return self._standing(self._ask(_PLACE_OF_INSTANT, before=at)[0][0] or 0)

    def after(self, transaction_id: UUID) -> Standing | None:
        """What they held after a transaction; None if it did not touch them."""
        place = self._ask(_PLACE_OF_TRANSACTION, transaction_id=transaction_id)[0][0]
        return None if place is None else self._standing(place)

    def lines(self, after: Standing, until: Standing) -> Iterator[StatementLine]:
        """Each transaction that changed one of the sums, in the order of the books, read as needed.

        One that only moves money within each sum, such as a maturity, is no line.
        """
        versions = {kind: after.versions.get(kind, 0) for kind in self._kinds}
        limit = READ_AT_FIRST
        while True:
            rows = self._entries(versions, limit)
            whole = min([until.place, *_cut_off(rows, limit)])
            moved: dict[UUID, dict[AccountKind, int]] = {}
            for row in rows:
                if row.place <= whole:
                    kind = AccountKind(row.kind)
                    moved.setdefault(row.transaction_id, {})[kind] = row.change_minor
                    versions[kind] += 1
            yield from self._told(moved)
            if whole == until.place:
                return
            limit = min(2 * limit, READ_AT_MOST)

    @property
    def _kinds(self) -> list[AccountKind]:
        return [kind for kinds in self.sums for kind in kinds]

    def _ask(self, statement: str, **named: Any) -> list[Row[Any]]:
        mine = {"owner": self.owner, "currency": self.currency}
        kinds = [str(kind) for kind in self._kinds]
        return list(db.session.execute(text(statement), {"kinds": kinds, **mine, **named}))

    def _standing(self, place: int) -> Standing:
        found = {AccountKind(row.kind): row for row in self._ask(_STANDING, place=place)}
        minor = {kind: found[kind].held_minor if kind in found else 0 for kind in self._kinds}
        return Standing(
            held={kind: Money(it, self.currency) for kind, it in minor.items()},
            versions={kind: row.version for kind, row in found.items()},
            place=place,
        )

    def _entries(self, versions: dict[AccountKind, int], limit: int) -> list[Row[Any]]:
        known = [versions[kind] for kind in self._kinds]
        return self._ask(_ENTRIES, versions=known, limit=limit)

    def _told(self, moved: dict[UUID, dict[AccountKind, int]]) -> Iterator[StatementLine]:
        changes = {
            id: [sum(by.get(kind, 0) for kind in kinds) for kinds in self.sums]
            for id, by in moved.items()
        }
        shown = [id for id, minors in changes.items() if any(minors)]
        heads = {row.id: row for row in self._ask(_HEADS, ids=shown)} if shown else {}
        for id in shown:
            yield StatementLine(
                transaction_id=id,
                kind=heads[id].kind,
                cause=Cause(heads[id].cause_type, heads[id].cause_id),
                effective_at=heads[id].effective_at,
                changes=tuple(Money(minor, self.currency) for minor in changes[id]),
            )


def _cut_off(rows: list[Row[Any]], limit: int) -> Iterator[int]:
    """The last place that was read of each account of which more may follow."""
    by_kind: dict[str, list[int]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row.place)
    yield from (places[-1] for places in by_kind.values() if len(places) == limit)
