"""What the books or the inbox do not say as the processor does: shown until it is gone.

A difference is a gap between two sums of one day, currency and type. It never changes money: it
closes by itself when the sums agree, or an operator explains it. An explanation is for this gap
alone: another gap at the same place is another difference, of the same age.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_all
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.statuses import SYSTEM, Moves, Stateful, Wait, Waits

EXPLAIN_WITHIN = timedelta(days=3)


class DifferenceStatus(StrEnum):
    """Where a difference stands: open ──explain──▶ explained, and each ──close──▶ closed."""

    OPEN = "open"
    EXPLAINED = "explained"
    CLOSED = "closed"


class Leg(StrEnum):
    """What is compared with the processor."""

    BOOKS = "books"  # our postings on its clearing account
    INBOX = "inbox"  # what events told us of, and was followed


STANDING = (DifferenceStatus.OPEN, DifferenceStatus.EXPLAINED)


@dataclass(frozen=True)
class Gap:
    """Two sums of one day, currency and type that should be the same and are not."""

    leg: Leg
    day: date
    type: str
    theirs: Money
    ours: Money


class Difference(Stateful):
    """One gap, from the run that first saw it to the one that no longer does."""

    __tablename__ = "reconciliation_difference"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'explained', 'closed')", name="status"),
        CheckConstraint("leg IN ('books', 'inbox')", name="leg"),
        CheckConstraint("theirs_minor <> ours_minor", name="differs"),
        CheckConstraint("status <> 'explained' OR note <> ''", name="explained_with_a_note"),
        Index(
            "uq_reconciliation_difference_standing",
            *("processor", "leg", "day", "currency", "type"),
            unique=True,
            postgresql_where=text("status <> 'closed'"),
        ),
    )

    MOVES: ClassVar[Moves] = {
        (DifferenceStatus.OPEN, "explain"): DifferenceStatus.EXPLAINED,
        (DifferenceStatus.OPEN, "close"): DifferenceStatus.CLOSED,
        (DifferenceStatus.EXPLAINED, "close"): DifferenceStatus.CLOSED,
    }
    WAITS: ClassVar[Waits] = {
        DifferenceStatus.OPEN: Wait(
            on="operator", due=lambda it: it.first_seen_at + EXPLAIN_WITHIN, then="explain"
        ),
        DifferenceStatus.EXPLAINED: Wait(on="operator", due=lambda it: None, then="close"),
    }

    processor: Mapped[str]
    leg: Mapped[str]
    day: Mapped[date]  # UTC, by the processor's clock
    currency: Mapped[str]
    type: Mapped[str]
    theirs_minor: Mapped[int]
    ours_minor: Mapped[int]
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # by the last run that looked
    note: Mapped[str] = mapped_column(default="")

    @property
    def theirs(self) -> Money:
        return Money(self.theirs_minor, self.currency)

    @property
    def ours(self) -> Money:
        return Money(self.ours_minor, self.currency)

    @property
    def gap(self) -> Money:
        """What the processor has more than we say; negative if less."""
        return self.theirs - self.ours


def record(run: ReconciliationRun, gaps: Iterable[Gap], since: date, at: datetime) -> int:
    """Follow what a run saw of the days since `since`; return how many gaps are new.

    New is a gap that no run before saw: not one that stands, explained or not.
    """
    standing = {
        (it.leg, it.day, it.currency, it.type): it
        for it in lock_all(
            Difference,
            Difference.processor == run.processor,
            Difference.status.in_(STANDING),
            Difference.day >= since,
            order_by=Difference.id,
        )
    }
    new = 0
    for gap in gaps:
        known = standing.pop((gap.leg, gap.day, gap.theirs.currency, gap.type), None)
        if known is not None and known.gap == gap.theirs - gap.ours:
            known.theirs_minor, known.ours_minor, known.seen_at = (
                gap.theirs.minor,
                gap.ours.minor,
                at,
            )
            continue
        if known is not None:
            statuses.advance(known, "close", at, SYSTEM, "another gap now")
            db.session.flush()
        _open(run.processor, gap, known.first_seen_at if known else at, at)
        new += 1
    for gone in standing.values():
        statuses.advance(gone, "close", at, SYSTEM, "the sums agree now")
    return new


def _open(processor: str, gap: Gap, first_seen_at: datetime, at: datetime) -> None:
    opened = Difference(
        id=new_id(),
        processor=processor,
        leg=gap.leg,
        day=gap.day,
        currency=gap.theirs.currency,
        type=gap.type,
        theirs_minor=gap.theirs.minor,
        ours_minor=gap.ours.minor,
        status=DifferenceStatus.OPEN,
        first_seen_at=first_seen_at,
        seen_at=at,
    )
    statuses.born(opened, at, SYSTEM)
    db.session.flush()


def explain(difference: Difference, note: str, actor: str, at: datetime) -> None:
    """Somebody knows why, and says it: no run calls it new again. The caller has locked it.

    Raises:
        WrongState: it was explained, or is gone, meanwhile.
    """
    statuses.advance(difference, "explain", at, actor, note)
    difference.note = note
