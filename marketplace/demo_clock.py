"""The demo clock of sandbox mode: one row that says how far domain time runs ahead of the wall.

A person asks for days (`ask`); the worker walks there, stopping at every due instant on the way, so
that all that would have happened in those days happens in its order.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db

DAYS_MAX = 400


class DemoClock(Base):
    """The one row: the present offset, and the one that was asked for."""

    __tablename__ = "demo_clock"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset_s: Mapped[int]
    wanted_offset_s: Mapped[int]


def load() -> None:
    """Read the row and run domain time by it; the edges do this before they begin to work."""
    offset_s = db.session.scalar(select(DemoClock.offset_s).where(DemoClock.id == 1))
    clock.set_offset(timedelta(seconds=offset_s or 0))


def row() -> DemoClock:
    """The row; made on first use."""
    found = db.session.get(DemoClock, 1, populate_existing=True)
    if found is None:
        found = DemoClock(id=1, offset_s=0, wanted_offset_s=0)
        db.session.add(found)
        db.session.flush()
    return found


def ask(days: int) -> datetime:
    """Ask for domain time to move ahead by whole days; return the instant that is aimed at.

    Raises:
        BadInput: not between 1 and `DAYS_MAX` days.
    """
    if not 1 <= days <= DAYS_MAX:
        raise BadInput(
            f"between 1 and {DAYS_MAX} days",
            {"days": says("a number of days from 1 to %(most)s", most=DAYS_MAX)},
        )
    asked = row()
    asked.wanted_offset_s = max(asked.offset_s, asked.wanted_offset_s) + days * 86_400
    return clock.wall_now() + timedelta(seconds=asked.wanted_offset_s)


def begin(instant: datetime) -> None:
    """Set domain time to any instant, the past included; only the empty demo world begins so."""
    begun = row()
    begun.offset_s = begun.wanted_offset_s = _offset_s(instant)
    clock.set_offset(timedelta(seconds=begun.offset_s))


def want(instant: datetime) -> None:
    """Aim at an instant; the caller walks there."""
    row().wanted_offset_s = _offset_s(instant)


def wanted() -> datetime | None:
    """The instant that somebody asked for and that is not reached yet, or None."""
    asked = db.session.get(DemoClock, 1, populate_existing=True)
    if asked is None or asked.offset_s >= asked.wanted_offset_s:
        return None
    return clock.wall_now() + timedelta(seconds=asked.wanted_offset_s)


def set_to(instant: datetime) -> None:
    """Move domain time to `instant`; the caller commits."""
    asked = row()
    asked.offset_s = _offset_s(instant)
    asked.wanted_offset_s = max(asked.offset_s, asked.wanted_offset_s)
    clock.set_offset(timedelta(seconds=asked.offset_s))


def _offset_s(instant: datetime) -> int:
    return round((instant - clock.wall_now()).total_seconds())
