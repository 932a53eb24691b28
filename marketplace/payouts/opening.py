"""A run is opened when it falls due, and each of its lines is decided by the gate.

    open_due        per schedule and time zone: the run that is due, once, a line per balance
    decide_next     some lines: lock the creators, ask the gate, reserve or write down the blockers

A worker that was down on Monday opens Monday's run when it is back; two workers open it once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from marketplace import clock, statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_all, lock_free
from marketplace.earnings.maturity import next_maturity
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import payout as payouts
from marketplace.payouts import sweep
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.owed import balances_of_run
from marketplace.payouts.payout import Wanted
from marketplace.payouts.recovery import Parts
from marketplace.payouts.run import PayoutRun, PayoutRunLine, RunStatus
from marketplace.payouts.schedule import Due, last_due, next_due
from marketplace.statuses import SYSTEM

# Lines in one commit; their creators wait that long.
DECIDE_AT_ONCE = 100


def schedules(at: datetime) -> dict[tuple[str, str], datetime]:
    """Every schedule that creators are on, and since when somebody is on it; and that of sweeps."""
    rows = db.session.execute(
        select(Creator.payout_rhythm, Creator.time_zone, func.min(Creator.payout_rhythm_at))
        .group_by(Creator.payout_rhythm, Creator.time_zone)
        .order_by(Creator.payout_rhythm, Creator.time_zone)
    )
    return {(rhythm, time_zone): since for rhythm, time_zone, since in rows} | sweep.schedules(at)


def open_due(at: datetime, maker: str = SYSTEM) -> bool:
    """Open one run that is due and not open yet, a line per balance; False if there is none.

    A schedule on which nobody was when its run fell due has no such run. A run waits until all that
    had matured by then is available.
    """
    maturing_at = next_maturity()
    due = {
        schedule: last
        for schedule, since in schedules(at).items()
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
        _open(*schedule, last, at, maker)
        for schedule, last in due.items()
        if schedule not in opened
    )


def _open(rhythm: str, time_zone: str, due: Due, at: datetime, maker: str) -> bool:
    """Open this run with its lines, unless another worker does in this moment."""
    run_id = db.session.scalar(
        insert(PayoutRun)
        .values(
            id=new_id(),
            rhythm=rhythm,
            time_zone=time_zone,
            period=due.period,
            due_at=due.at,
            status=RunStatus.LOCKING,
            status_at=at,
        )
        .on_conflict_do_nothing()
        .returning(PayoutRun.id)
    )
    if run_id is None:
        return False
    statuses.born(db.session.get_one(PayoutRun, run_id), at, maker)
    owed = db.session.execute(balances_of_run(rhythm, time_zone, due.at))
    db.session.add_all(
        PayoutRunLine(run_id=run_id, creator_id=creator_id, currency=currency)
        for creator_id, currency in owed
    )
    db.session.flush()
    return True


def decide_next(at: datetime) -> bool:
    """Decide waiting lines, up to `DECIDE_AT_ONCE`; False if none waits.

    The creators are locked, then the gate decides about each line, then all that leave are reserved
    together; for the others the blockers are written down.
    """
    lines = lock_free(
        PayoutRunLine,
        PayoutRunLine.state == "waiting",
        order_by=PayoutRunLine.run_id,
        limit=DECIDE_AT_ONCE,
    )
    if not lines:
        return False
    ids = {line.creator_id for line in lines}
    creators = {it.id: it for it in lock_all(Creator, Creator.id.in_(ids), order_by=Creator.id)}
    leaving, decided = [], set()
    for line in lines:
        if (line.creator_id, line.currency) in decided:
            continue  # of two runs: the gate must see first what the other one reserves
        decided.add((line.creator_id, line.currency))
        decision = decision_for(creators[line.creator_id], line.currency, at)
        if decision.payable:
            leaving.append((line, decision.lifted_for, _wanted(line, decision.parts)))
        else:
            line.state, line.blockers = "excluded", as_json(decision)["blockers"]
    reserved = payouts.reserve_all([wanted for *_, wanted in leaving], at)
    for (line, lifted_for, _), payout in zip(leaving, reserved, strict=True):
        line.state, line.payout_id = "included", payout.id
        payout.lifted_for = lifted_for
    return True


def _wanted(line: PayoutRunLine, parts: Parts) -> Wanted:
    destination = destinations.current(line.creator_id)
    assert destination is not None, "the gate asks for a destination"
    return Wanted(line.creator_id, destination.id, line.run_id, parts)


def next_run_at() -> datetime | None:
    """When the next run of any schedule falls due."""
    at = clock.now()
    return min((next_due(*schedule, at).at for schedule in schedules(at)), default=None)
