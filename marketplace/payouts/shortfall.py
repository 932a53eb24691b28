"""A shortfall: our cash at the processors does not cover what others own of it, in one currency.

It begins and ends with a measurement (`solvency.py`); while it lasts, no payout of the currency
leaves. A run is stopped only if it pays in nothing else: in another currency it goes on, and what
it would pay in this one is held when it would leave (`leaving.may_send`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ColumnElement, Index, Select, exists, select, text
from sqlalchemy.orm import Mapped

from marketplace import business_days, statuses
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun
from marketplace.statuses import SYSTEM, Moves, Stateful, Wait, Waits

COVER_BUSINESS_DAYS = 3


class ShortfallStatus(StrEnum):
    """Where a shortfall stands: short ──cover──▶ covered. Another one is another row."""

    SHORT = "short"
    COVERED = "covered"


class Shortfall(Stateful):
    """One time in which a currency was not covered, and by how much at the last measurement."""

    __tablename__ = "shortfall"
    __table_args__ = (
        CheckConstraint("status IN ('short', 'covered')", name="status"),
        CheckConstraint("missing_minor > 0", name="missing_positive"),
        Index(
            "uq_shortfall_short",
            "currency",
            unique=True,
            postgresql_where=text("status = 'short'"),
        ),
    )

    MOVES: ClassVar[Moves] = {(ShortfallStatus.SHORT, "cover"): ShortfallStatus.COVERED}
    WAITS: ClassVar[Waits] = {
        ShortfallStatus.SHORT: Wait(on="operator", due=lambda it: it.due_at, then="cover"),
    }

    currency: Mapped[str]
    missing_minor: Mapped[int]

    @property
    def missing(self) -> Money:
        return Money(self.missing_minor, self.currency)

    @property
    def due_at(self) -> datetime:
        """Until when the marketplace brings in what is missing."""
        return business_days.after(self.status_at, COVER_BUSINESS_DAYS, "UTC")


def of(currency: str) -> Shortfall | None:
    """The shortfall that stops this currency, if there is one."""
    return db.session.scalars(_short().where(Shortfall.currency == currency)).one_or_none()


def all_short() -> list[Shortfall]:
    """Every currency that is short now."""
    return list(db.session.scalars(_short().order_by(Shortfall.currency)))


def _short() -> Select[Shortfall]:
    return select(Shortfall).where(Shortfall.status == ShortfallStatus.SHORT)


def stops_run() -> ColumnElement[bool]:
    """SQL: is all that this run pays in currencies that are short?"""
    pays = exists().where(Payout.run_id == PayoutRun.id, Payout.status != PayoutStatus.CANCELED)
    short = select(Shortfall.currency).where(Shortfall.status == ShortfallStatus.SHORT)
    return pays & ~pays.where(Payout.currency.not_in(short))


def stopping(run: PayoutRun) -> list[Shortfall]:
    """The shortfalls that keep this run from being locked, approved or sent."""
    stops = db.session.scalar(select(PayoutRun.id).where(PayoutRun.id == run.id, stops_run()))
    return in_run(run) if stops else []


def in_run(run: PayoutRun) -> list[Shortfall]:
    """The shortfalls in the currencies of this run, whether they stop all of it or not."""
    paid = exists().where(
        Payout.run_id == run.id,
        Payout.status != PayoutStatus.CANCELED,
        Payout.currency == Shortfall.currency,
    )
    return list(db.session.scalars(_short().where(paid).order_by(Shortfall.currency)))


def measured(missing: Money, at: datetime) -> None:
    """What a measurement found missing; nothing, or less than nothing, covers the currency.

    The caller keeps other measurements waiting.
    """
    found = of(missing.currency)
    if missing.minor <= 0:
        if found is not None:
            statuses.advance(found, "cover", at, SYSTEM)
    elif found is not None:
        found.missing_minor = missing.minor
    else:
        begun = Shortfall(
            id=new_id(),
            currency=missing.currency,
            missing_minor=missing.minor,
            status=ShortfallStatus.SHORT,
        )
        statuses.born(begun, at, SYSTEM)
