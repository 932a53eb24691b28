"""Importing income rows: what is new becomes an earning, paid from the pool of its kind.

A row is known by its reference. The same row again is harmless; the same reference with other
content is refused. A file whose new rows the pool does not cover is refused as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.earnings.earning import EarningKind, Owed, accrue
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db
from marketplace.income.reading import Row, read
from marketplace.ledger import balances, postings
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator


class IncomeImport(Base):
    """One file that an operator brought, kept by its digest."""

    __tablename__ = "income_import"
    __table_args__ = (CheckConstraint("kind IN ('fund', 'gift')", name="kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    filename: Mapped[str]
    sha256: Mapped[str]
    uploaded_by: Mapped[UUID] = mapped_column(ForeignKey("user.id"))
    form_key: Mapped[UUID] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class IncomeRow(Base):
    """One line of an import and what became of it."""

    __tablename__ = "income_row"
    __table_args__ = (
        CheckConstraint("outcome IN ('accepted', 'known', 'refused')", name="outcome"),
        CheckConstraint("(outcome = 'accepted') = (earning_id IS NOT NULL)", name="accepted_earns"),
        # A reference is accepted once per kind, whichever file brings it.
        Index(
            "uq_income_row_accepted",
            "kind",
            "reference",
            unique=True,
            postgresql_where=text("outcome = 'accepted'"),
        ),
        Index("ix_income_row_import", "import_id", "line"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("income_import.id"))
    line: Mapped[int]
    kind: Mapped[str]
    reference: Mapped[str]
    handle: Mapped[str]
    creator_id: Mapped[UUID | None] = mapped_column(ForeignKey("creator.id"))
    amount_minor: Mapped[int | None]
    currency: Mapped[str | None]
    earned_on: Mapped[date | None]
    outcome: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    earning_id: Mapped[UUID | None] = mapped_column(ForeignKey("earning.id"), unique=True)


class _Judged(NamedTuple):
    row: Row
    outcome: str
    reason: str
    creator_id: UUID | None


def import_income(
    kind: EarningKind,
    filename: str,
    content: bytes,
    *,
    uploaded_by: UUID,
    form_key: UUID,
    currencies: frozenset[str],
    at: datetime,
) -> IncomeImport:
    """Read a file, accrue what is new in it, and keep a report row by row.

    Raises:
        BadInput: no such file, or the pool does not cover its new rows (says what is missing).
        IntegrityError: a rival import brought the same rows in this very moment.
    """
    judged = _judge(kind, read(content, currencies), at)
    _require_cover(kind, [it.row for it in judged if it.outcome == "accepted"])
    brought = IncomeImport(
        id=new_id(),
        kind=kind,
        filename=filename[:200],
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_by=uploaded_by,
        form_key=form_key,
        created_at=at,
    )
    db.session.add(brought)
    db.session.flush()
    # In one order for all: two imports of the same rows wait for each other, never both.
    accepted = sorted(
        (it for it in judged if it.outcome == "accepted"), key=lambda it: it.row.reference
    )
    earnings = accrue([_owed(kind, it) for it in accepted], f"user:{uploaded_by.hex}", at)
    earned = dict(zip((it.row.line for it in accepted), (e.id for e in earnings), strict=True))
    db.session.add_all(_stored(brought, it, earned.get(it.row.line)) for it in judged)
    db.session.flush()
    return brought


def _owed(kind: EarningKind, judged: _Judged) -> Owed:
    assert judged.creator_id
    assert judged.row.amount
    return Owed(
        kind=kind,
        creator_id=judged.creator_id,
        amount=judged.row.amount,
        source=postings.POOLS[kind],
        source_ref=f"import:{judged.row.reference}",
    )


def _stored(brought: IncomeImport, judged: _Judged, earning_id: UUID | None) -> IncomeRow:
    row = judged.row
    return IncomeRow(
        import_id=brought.id,
        line=row.line,
        kind=brought.kind,
        reference=row.reference[:200],
        handle=row.handle[:200],
        creator_id=judged.creator_id,
        amount_minor=row.amount.minor if row.amount else None,
        currency=row.amount.currency if row.amount else None,
        earned_on=row.earned_on,
        outcome=judged.outcome,
        reason=judged.reason,
        earning_id=earning_id,
    )


def _judge(kind: EarningKind, rows: list[Row], at: datetime) -> list[_Judged]:
    """Decide each row: accepted, known (the same was accepted before) or refused with a reason."""
    creators = _creators({row.handle for row in rows})
    before = _accepted(kind, {row.reference for row in rows})
    judged = []
    for row in rows:
        creator_id = creators.get(row.handle)
        content = (creator_id, row.amount, row.earned_on)
        if row.problem:
            verdict = "refused", row.problem
        elif creator_id is None:
            verdict = "refused", f"handle: no creator is called {row.handle}"
        elif row.earned_on and row.earned_on > at.date():
            verdict = "refused", "earned_on: this day has not come yet"
        elif row.reference not in before:
            before[row.reference] = content
            verdict = "accepted", ""
        elif before[row.reference] == content:
            verdict = "known", "imported before: nothing to do"
        else:
            verdict = "refused", "reference: imported before with other content"
        judged.append(_Judged(row, *verdict, creator_id))
    return judged


def _creators(handles: set[str]) -> dict[str, UUID]:
    rows = db.session.execute(select(Creator.handle, Creator.id).where(Creator.handle.in_(handles)))
    return {handle: creator_id for handle, creator_id in rows}


def _accepted(
    kind: EarningKind, references: set[str]
) -> dict[str, tuple[UUID | None, Money | None, date | None]]:
    rows = db.session.scalars(
        select(IncomeRow).where(
            IncomeRow.kind == kind,
            IncomeRow.outcome == "accepted",
            IncomeRow.reference.in_(references),
        )
    )
    return {
        row.reference: (
            row.creator_id,
            Money(row.amount_minor or 0, row.currency or "XXX"),
            row.earned_on,
        )
        for row in rows
    }


def _require_cover(kind: EarningKind, rows: Iterable[Row]) -> None:
    needed: dict[str, Money] = {}
    for row in rows:
        assert row.amount
        currency = row.amount.currency
        needed[currency] = needed.get(currency, zero(currency)) + row.amount
    for currency, amount in needed.items():
        held = balances.balance(postings.POOLS[kind], currency)
        if amount > held:
            message = says(
                "The pool holds %(held)s, this file needs %(needed)s: %(missing)s missing."
                " Fill the pool first; nothing was imported.",
                held=held,
                needed=amount,
                missing=amount - held,
            )
            raise BadInput(message, {"file": message})
