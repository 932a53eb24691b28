"""One look at one processor: what it lists is stored, what we missed is followed, all is compared.

    events ──▶ movements ──▶ asking ──▶ settling ──▶ done

    events      a page at a time: what never reached the inbox is stored there
    movements   a page at a time: what moved our money is mirrored
    asking      one object at a time: what moved and no posting of ours follows is fetched
    settling    until the inbox has handled what it has by then; then the comparison

`cursor` says how far a state came, so that whoever takes the run up goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db
from marketplace.processors import registry
from marketplace.processors.outbox import ProcessorRequest

WINDOW = timedelta(days=30)  # for so long Stripe keeps events
OVERLAP = timedelta(days=1)  # looked at again: a list may lag behind
STATES = ("events", "movements", "asking", "settling", "done")


class ReconciliationRun(Base):
    """One look at one processor: how far it came, and what it found."""

    __tablename__ = "reconciliation_run"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="done_has_a_time"),
        UniqueConstraint("processor", "day"),
        # One at a time.
        Index(
            "uq_reconciliation_run_under_way",
            "processor",
            unique=True,
            postgresql_where=text("state <> 'done'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    processor: Mapped[str]
    day: Mapped[date | None]  # of which it is the daily run; None = by hand
    since: Mapped[datetime]  # on the processor's clock
    started_at: Mapped[datetime]  # domain time, as `finished_at`
    finished_at: Mapped[datetime | None]
    state: Mapped[str]
    cursor: Mapped[str | None]
    events_found: Mapped[int] = mapped_column(default=0)  # that never reached the inbox
    movements_found: Mapped[int] = mapped_column(default=0)
    asked: Mapped[int] = mapped_column(default=0)  # objects that were fetched by themselves
    differences_found: Mapped[int] = mapped_column(default=0)  # that no run had seen before
    tries: Mapped[int] = mapped_column(default=0)  # in a row, without a usable answer
    next_try_at: Mapped[datetime]  # wall time
    settling_since: Mapped[datetime | None]  # wall time: events that came later are not waited for
    last_error: Mapped[str | None]
    # What it could not read or follow, each by its name at the processor; the next run asks again.
    left_out: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))

    def go_on(self, state: str, cursor: str | None = None) -> None:
        """This step succeeded: stand at `cursor` of `state`."""
        self.state, self.cursor = state, cursor
        self.tries, self.last_error, self.next_try_at = 0, None, clock.wall_now()

    def settle(self) -> None:
        """All was listed and asked: wait for what the inbox has by now."""
        self.settling_since = clock.wall_now()
        self.go_on("settling")

    def leave_out(self, names: Iterable[str]) -> None:
        """Go on without these: the comparison shows what is missing, the run says what it is."""
        self.left_out = [*self.left_out, *names]


def begin(processor: str, at: datetime, day: date | None = None) -> UUID | None:
    """Begin a run; None if one is under way, or this day had its own."""
    values = {
        "id": new_id(),
        "processor": processor,
        "day": day,
        "since": _since(processor, at),
        "started_at": at,
        "state": "events",
        "next_try_at": clock.wall_now(),
    }
    begun = insert(ReconciliationRun).values(**values).on_conflict_do_nothing()
    return db.session.scalar(begun.returning(ReconciliationRun.id))


def begin_daily(at: datetime) -> bool:
    """Begin one of today's runs; False if each processor that was asked before today had its own.

    What was only asked today has no day that is over.
    """
    day = at.astimezone(UTC).date()
    begun = db.session.scalars(
        select(ReconciliationRun.processor).where(ReconciliationRun.day == day)
    ).all()
    return any(
        _was_asked(name, day) and begin(name, at, day) is not None
        for name in registry.names()
        if name not in begun
    )


def _was_asked(processor: str, before: date) -> bool:
    asked = select(ProcessorRequest.id).where(
        ProcessorRequest.processor == processor, ProcessorRequest.first_sent_at < _midnight(before)
    )
    return db.session.scalar(asked.limit(1)) is not None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def under_way(processor: str) -> UUID | None:
    """The run of this processor that is not done yet."""
    return db.session.scalar(
        select(ReconciliationRun.id).where(
            ReconciliationRun.processor == processor, ReconciliationRun.state != "done"
        )
    )


def compared_since(run: ReconciliationRun) -> date:
    """The first day that a run compares: within the window, and listed from its beginning."""
    first = db.session.scalar(
        select(func.min(ReconciliationRun.since)).where(
            ReconciliationRun.processor == run.processor
        )
    )
    began = max(first or run.since, run.started_at - WINDOW)
    return began.astimezone(UTC).date() + timedelta(days=1)


def _since(processor: str, at: datetime) -> datetime:
    """From when on to list: the beginning of a day, some time before the last run began."""
    last = db.session.scalar(
        select(func.max(ReconciliationRun.started_at)).where(
            ReconciliationRun.processor == processor, ReconciliationRun.state == "done"
        )
    )
    since = at - WINDOW if last is None else max(at - WINDOW, last - OVERLAP)
    return _midnight(since.astimezone(UTC).date())
