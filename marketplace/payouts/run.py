"""The payout run: who is paid in this period, and for everybody else why not.

    open_due        per schedule and time zone: the run that is due, once, a line per balance
    pay_next        one line: lock the creator, ask the gate, reserve or write down the blockers
    finish_next     a run without waiting lines is done

A worker that was down on Monday opens Monday's run when it is back; two workers open it once.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    exists,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock, statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock, lock_next
from marketplace.earnings.maturity import next_maturity
from marketplace.extensions import Base, db
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import payout as payouts
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.owed import balances_of_run
from marketplace.payouts.schedule import Due, last_due, next_due
from marketplace.statuses import SYSTEM, Moves, Stateful, Wait, Waits


class RunStatus(StrEnum):
    """Where a run stands.

    paying ──finish──▶ done
    """

    PAYING = "paying"
    DONE = "done"


class PayoutRun(Stateful):
    """One period of one schedule in one time zone."""

    __tablename__ = "payout_run"
    __table_args__ = (
        UniqueConstraint("rhythm", "time_zone", "period"),
        CheckConstraint("status IN ('paying', 'done')", name="status"),
    )

    MOVES: ClassVar[Moves] = {(RunStatus.PAYING, "finish"): RunStatus.DONE}
    WAITS: ClassVar[Waits] = {
        RunStatus.PAYING: Wait(on="worker", due=lambda it: it.due_at, then="finish"),
    }

    rhythm: Mapped[str]
    time_zone: Mapped[str]
    period: Mapped[str]
    due_at: Mapped[datetime]


class PayoutRunLine(Base):
    """One creator's balance in one run: waiting, then a payout or the blockers."""

    __tablename__ = "payout_run_line"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'included', 'excluded')", name="state"),
        CheckConstraint("(state = 'included') = (payout_id IS NOT NULL)", name="included_pays"),
        Index("ix_payout_run_line_waiting", "run_id", postgresql_where=text("state = 'waiting'")),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_run.id"), primary_key=True)
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="waiting")
    payout_id: Mapped[UUID | None] = mapped_column(ForeignKey("payout.id"), unique=True)
    blockers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)


def schedules() -> dict[tuple[str, str], datetime]:
    """Every schedule that creators are on, and since when somebody is on it."""
    rows = db.session.execute(
        select(Creator.payout_rhythm, Creator.time_zone, func.min(Creator.payout_rhythm_at))
        .group_by(Creator.payout_rhythm, Creator.time_zone)
        .order_by(Creator.payout_rhythm, Creator.time_zone)
    )
    return {(rhythm, time_zone): since for rhythm, time_zone, since in rows}


def open_due(at: datetime) -> bool:
    """Open one run that is due and not open yet, a line per balance; False if there is none.

    A schedule on which nobody was when its run fell due has no such run. A run waits until all that
    had matured by then is available.
    """
    maturing_at = next_maturity()
    due = {
        schedule: last
        for schedule, since in schedules().items()
        if (last := last_due(*schedule, at)).at >= since
        and (maturing_at is None or maturing_at > last.at)
    }
    schedule_and_period = tuple_(PayoutRun.rhythm, PayoutRun.time_zone, PayoutRun.period)
    wanted = [(*schedule, last.period) for schedule, last in due.items()]
    known = db.session.execute(
        select(PayoutRun.rhythm, PayoutRun.time_zone).where(schedule_and_period.in_(wanted))
    )
    opened = {(rhythm, time_zone) for rhythm, time_zone in known}
    return any(
        _open(*schedule, last, at) for schedule, last in due.items() if schedule not in opened
    )


def _open(rhythm: str, time_zone: str, due: Due, at: datetime) -> bool:
    """Open this run with its lines, unless another worker does in this moment."""
    run_id = db.session.scalar(
        insert(PayoutRun)
        .values(
            id=new_id(),
            rhythm=rhythm,
            time_zone=time_zone,
            period=due.period,
            due_at=due.at,
            status=RunStatus.PAYING,
            status_at=at,
        )
        .on_conflict_do_nothing()
        .returning(PayoutRun.id)
    )
    if run_id is None:
        return False
    statuses.born(db.session.get_one(PayoutRun, run_id), at, SYSTEM)
    owed = db.session.execute(balances_of_run(rhythm, time_zone, due.at))
    db.session.add_all(
        PayoutRunLine(run_id=run_id, creator_id=creator_id, currency=currency)
        for creator_id, currency in owed
    )
    db.session.flush()
    return True


def pay_next(at: datetime) -> bool:
    """Decide one waiting line: reserve a payout, or write down why not; False if none waits."""
    line = lock_next(PayoutRunLine, PayoutRunLine.state == "waiting", order_by=PayoutRunLine.run_id)
    if line is None:
        return False
    creator = lock(Creator, line.creator_id)
    assert creator is not None
    decision = decision_for(creator, line.currency, at)
    if decision.payable:
        destination = destinations.current(creator.id)
        assert destination is not None, "the gate asks for a destination"
        payout = payouts.reserve(creator.id, destination, line.run_id, decision.parts, at)
        line.state, line.payout_id = "included", payout.id
    else:
        line.state = "excluded"
        line.blockers = as_json(decision)["blockers"]
    return True


def finish_next(at: datetime) -> bool:
    """Close one run whose lines are all decided; False if there is none."""
    waiting = exists().where(PayoutRunLine.run_id == PayoutRun.id, PayoutRunLine.state == "waiting")
    run = lock_next(
        PayoutRun, PayoutRun.status == RunStatus.PAYING, ~waiting, order_by=PayoutRun.due_at
    )
    if run is None:
        return False
    statuses.advance(run, "finish", at, SYSTEM)
    return True


def next_run_at() -> datetime | None:
    """When the next run of any schedule falls due."""
    at = clock.now()
    return min((next_due(*schedule, at).at for schedule in schedules()), default=None)
