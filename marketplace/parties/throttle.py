"""How often something may be tried: a counter per subject and quarter of an hour, on wall time.

A try is counted before it is made, in the transaction that makes it, so that tries at one moment
cannot slip through together. A refused one does not count: nobody can lock an account for longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import case, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.errors import TooManyTries
from marketplace.extensions import Base, db

WINDOW = timedelta(minutes=15)

# The rows others wait for are skipped: sweeping never blocks anybody, nor is blocked.
_SWEEP = text(
    "DELETE FROM throttle WHERE subject IN (SELECT subject FROM throttle"
    " WHERE until <= :wall_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
)


class Throttle(Base):
    """The tries of one subject, such as 'log-in to a@b.example', until its window ends."""

    __tablename__ = "throttle"

    subject: Mapped[str] = mapped_column(primary_key=True)
    tries: Mapped[int]
    until: Mapped[datetime] = mapped_column(index=True)


def count(limits: Mapping[str, int], wall_at: datetime) -> None:
    """Count one try for each subject; old counters go.

    Raises:
        TooManyTries: a subject is beyond its limit.
    """
    for subject in sorted(limits):  # in one order, so that two callers never wait for each other
        tries, until = _add(subject, wall_at)
        if tries > limits[subject]:
            raise TooManyTries(until)
    db.session.execute(_SWEEP, {"wall_at": wall_at})


def _add(subject: str, wall_at: datetime) -> tuple[int, datetime]:
    fresh = insert(Throttle).values(subject=subject, tries=1, until=wall_at + WINDOW)
    over = Throttle.until <= wall_at
    added = fresh.on_conflict_do_update(
        index_elements=[Throttle.subject],
        set_={
            "tries": case((over, 1), else_=Throttle.tries + 1),
            "until": case((over, fresh.excluded.until), else_=Throttle.until),
        },
    ).returning(Throttle.tries, Throttle.until)
    tries, until = db.session.execute(added).one()
    return tries, until


def forgive(subjects: Iterable[str]) -> None:
    """Take back one try of each subject: it succeeded."""
    db.session.execute(
        update(Throttle)
        .where(Throttle.subject.in_(sorted(subjects)), Throttle.tries > 0)
        .values(tries=Throttle.tries - 1)
    )
