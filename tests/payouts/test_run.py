"""The payout run: once per schedule and period, a line per balance, each decided by the gate."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace import clock
from marketplace.earnings import maturity
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import approval, dispatch
from marketplace.payouts import opening as runs
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, PayoutRunLine, RunStatus
from marketplace.payouts.schedule import last_due, next_due
from tests.make import (
    do_runs,
    earn,
    earn_matured,
    make_creator,
    make_destination,
    run_after_maturity,
)
from tests.scripted import LOST, Scripted, scripted, send
from tests.within import at_once, within

__all__ = ["scripted", "within"]

HOUR = timedelta(hours=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    """150.00 USD, available; an active destination; weekly, in Paris."""
    creator = make_creator("ines").creator
    earn_matured(creator, "150.00 USD")
    make_destination(creator)
    return creator


@pytest.fixture
def due(creator: Creator) -> datetime:
    """When the creator's next run falls due."""
    return run_after_maturity(creator)


def lines() -> list[PayoutRunLine]:
    return list(db.session.query(PayoutRunLine).order_by(PayoutRunLine.creator_id))


def opened(at: datetime) -> bool:
    found = runs.open_due(at)
    db.session.commit()
    return found


# ---- opening


def test_a_run_opens_when_it_is_due_and_once(creator: Creator, due: datetime) -> None:
    assert opened(due)
    assert not opened(due)
    assert not opened(due + timedelta(days=6, hours=23))
    (run,) = db.session.query(PayoutRun)
    expected = last_due("weekly", "Europe/Paris", due)
    assert (run.period, run.due_at, run.status) == (expected.period, due, RunStatus.LOCKING)
    assert opened(due + timedelta(days=7, hours=1))
    assert db.session.query(PayoutRun).count() == 2


def test_a_worker_that_was_down_on_monday_runs_monday_once_when_it_is_back(
    creator: Creator, due: datetime
) -> None:
    thursday = due + timedelta(days=3)
    do_runs(thursday)
    do_runs(thursday)
    (run,) = db.session.query(PayoutRun)
    assert (run.due_at, run.status_at) == (due, thursday)
    (payout,) = db.session.query(Payout)
    assert (payout.amount, payout.run_id) == (usd(15_000), run.id)


def test_eight_schedulers_open_one_run(app: Flask, creator: Creator, due: datetime) -> None:
    db.session.commit()
    results = at_once(app, *[lambda: runs.open_due(due)] * 8)
    assert sorted(map(str, results)) == ["False"] * 7 + ["True"]
    assert db.session.query(PayoutRun).count() == 1
    assert len(lines()) == 1


def test_a_second_run_of_a_period_is_refused_by_the_database(
    due: datetime, owner: psycopg.Connection[Any]
) -> None:
    opened(due)
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute(
            "INSERT INTO payout_run SELECT gen_random_uuid(), rhythm, time_zone, period, due_at,"
            " status, status_at FROM payout_run"
        )
    owner.rollback()


def test_each_time_zone_and_rhythm_has_a_run_of_its_own(creator: Creator) -> None:
    for zone, rhythm in (("Asia/Kathmandu", "weekly"), ("Europe/Paris", "monthly")):
        make_creator(time_zone=zone, rhythm=rhythm)
    at = clock.now()
    while opened(at):
        pass
    found = {(run.rhythm, run.time_zone): run for run in db.session.query(PayoutRun)}
    assert set(found) == {
        ("weekly", "Europe/Paris"),
        ("weekly", "Asia/Kathmandu"),
        ("monthly", "Europe/Paris"),
    }
    for schedule, run in found.items():
        assert (run.period, run.due_at) == last_due(*schedule, at)


def test_nobody_on_a_schedule_means_no_run() -> None:
    assert not opened(clock.now())
    assert runs.next_run_at() is None


def test_a_schedule_that_somebody_joins_later_has_no_earlier_run() -> None:
    at = clock.now()
    make_creator("tom", since=at)
    assert not opened(at)
    due = next_due("weekly", "Europe/Paris", at)
    assert runs.next_run_at() == due.at
    assert opened(due.at)


def test_a_run_waits_until_all_that_had_matured_by_then_is_available(
    creator: Creator, due: datetime
) -> None:
    """After an outage there may be more to mature than one batch."""
    tom = make_creator("tom").creator
    earn(tom, "150.00 USD")
    make_destination(tom)
    assert not opened(due)
    while maturity.mature_due(due):
        db.session.commit()
    assert opened(due)
    assert len(lines()) == 2


def test_what_matures_after_the_run_was_due_delays_nothing(creator: Creator, due: datetime) -> None:
    late = due + timedelta(days=3)
    clock.set_offset(due - timedelta(days=6) - clock.wall_now())
    earn(make_creator("tom").creator, "150.00 USD")  # matures a day after the run is due
    assert maturity.next_maturity() is not None
    assert opened(late)


# ---- who is on it


def test_there_is_a_line_for_every_balance_on_the_schedule_and_for_no_other(
    creator: Creator, due: datetime
) -> None:
    earn_matured(creator, "20.00 EUR")
    poor = make_creator("poor").creator
    earn_matured(poor, "0.01 USD")
    waiting = make_creator("waiting").creator
    make_creator("nothing")
    elsewhere = make_creator("elsewhere", time_zone="America/New_York").creator
    monthly = make_creator("monthly", rhythm="monthly").creator
    for other in (elsewhere, monthly):
        earn_matured(other, "150.00 USD")
    clock.set_offset(due - timedelta(days=1) - clock.wall_now())
    earn(waiting, "150.00 USD")  # not matured when the run is due
    run_id = None
    while opened(due):
        pass
    for run in db.session.query(PayoutRun):
        if (run.rhythm, run.time_zone) == ("weekly", "Europe/Paris"):
            run_id = run.id
    on_it = db.session.query(PayoutRunLine).filter_by(run_id=run_id)
    assert {(line.creator_id, line.currency) for line in on_it} == {
        (creator.id, "USD"),
        (creator.id, "EUR"),
        (poor.id, "USD"),
    }


def test_a_rhythm_chosen_after_the_run_was_due_is_not_paid_by_it(
    creator: Creator, due: datetime
) -> None:
    tom = make_creator("tom", rhythm="monthly").creator
    earn_matured(tom, "150.00 USD")
    make_destination(tom)
    tom.choose_rhythm("weekly", due + HOUR)
    db.session.commit()

    do_runs(due + 2 * HOUR)
    assert {payout.creator_id for payout in db.session.query(Payout)} == {creator.id}

    do_runs(due + timedelta(days=7, hours=2))
    assert {payout.creator_id for payout in db.session.query(Payout)} == {creator.id, tom.id}


def test_a_time_zone_chosen_after_its_run_was_due_is_paid_by_the_next_one(
    creator: Creator, due: datetime
) -> None:
    """Neither by the run of the zone they left, nor by one of the new zone that was due before."""
    creator.move_to("Asia/Kathmandu", due - HOUR)  # it was 12:45 there, long past nine
    db.session.commit()
    do_runs(due + HOUR)
    assert db.session.query(Payout).count() == 0
    nine_there = next_due("weekly", "Asia/Kathmandu", due).at
    do_runs(nine_there)
    assert db.session.query(Payout).one().amount == usd(15_000)


def test_a_rhythm_chosen_in_time_is_paid_by_the_next_run(due: datetime) -> None:
    tom = make_creator("tom", rhythm="monthly").creator
    earn_matured(tom, "150.00 USD")
    make_destination(tom)
    tom.choose_rhythm("weekly", due)
    db.session.commit()
    do_runs(due)
    assert tom.id in {payout.creator_id for payout in db.session.query(Payout)}


# ---- deciding


def test_a_payable_balance_leaves_whole(creator: Creator, due: datetime) -> None:
    opened(due)
    earn_matured(creator, "7.77 USD")  # matured between opening and deciding
    do_runs(due)
    (line,) = lines()
    payout = db.session.get_one(Payout, line.payout_id)
    assert (line.state, line.blockers) == ("included", [])
    assert (payout.amount, payout.status) == (usd(15_777), PayoutStatus.RESERVED)


def test_one_hundred_leaves_and_a_cent_less_stays(due: datetime) -> None:
    """A12."""
    amounts = {"rich": "100.00 USD", "poor": "99.99 USD"}
    made = {handle: make_creator(handle).creator for handle in amounts}
    for handle, amount in amounts.items():
        earn_matured(made[handle], amount)
        make_destination(made[handle])
    do_runs(due)
    states = {line.creator_id: line for line in lines()}
    assert states[made["rich"].id].state == "included"
    (blocker,) = states[made["poor"].id].blockers
    assert states[made["poor"].id].state == "excluded"
    assert blocker["reason"] == "below_threshold"
    assert blocker["missing"] == {"minor": 1, "currency": "USD"}


def test_an_excluded_line_carries_the_gates_own_blockers(due: datetime) -> None:
    tom = make_creator("tom").creator
    earn_matured(tom, "30.00 USD")
    expected = as_json(decision_for(tom, "USD", due))["blockers"]
    assert len(expected) == 2
    do_runs(due)
    (line,) = (line for line in lines() if line.creator_id == tom.id)
    assert line.blockers == expected
    assert line.payout_id is None


def test_a_run_is_done_when_nothing_of_it_waits_to_leave(
    creator: Creator, due: datetime, scripted: Scripted
) -> None:
    opened(due)
    assert not approval.lock_next_run(due)
    assert runs.decide_next(due)
    db.session.commit()
    assert not runs.decide_next(due)
    assert not dispatch.begin_next(due)
    assert approval.lock_next_run(due + HOUR)
    db.session.commit()
    (run,) = db.session.query(PayoutRun)
    assert (run.status, run.status_at) == (RunStatus.APPROVED, due + HOUR)
    assert not approval.lock_next_run(due)
    assert dispatch.begin_next(due + HOUR)
    assert not dispatch.finish_next(due + HOUR), "nobody has asked for its payout"
    assert dispatch.ask_next(due + HOUR)
    db.session.commit()
    assert not dispatch.ask_next(due + HOUR)
    assert not dispatch.finish_next(due + HOUR), "it has not left"
    send(scripted, LOST)
    assert dispatch.finish_next(due + 2 * HOUR), "what is unknown is an alarm of its own"
    db.session.commit()
    assert (run.status, run.status_at) == (RunStatus.DONE, due + 2 * HOUR)
    assert not dispatch.finish_next(due)


def test_a_run_without_lines_is_done_at_once() -> None:
    make_creator("tom")
    at = clock.now()
    do_runs(at)
    (run,) = db.session.query(PayoutRun)
    assert run.status == RunStatus.DONE


def test_while_a_payout_is_under_way_the_next_run_leaves_the_rest(
    creator: Creator, due: datetime
) -> None:
    do_runs(due)
    earn_matured(creator, "200.00 USD")
    do_runs(due + timedelta(days=7, hours=1))
    assert db.session.query(Payout).count() == 1
    (excluded,) = (line for line in lines() if line.state == "excluded")
    assert [it["reason"] for it in excluded.blockers] == ["payout_under_way"]


def test_two_currencies_leave_in_two_payouts(creator: Creator, due: datetime) -> None:
    earn_matured(creator, "86.00 EUR")
    do_runs(due)
    paid = {(payout.amount_minor, payout.currency) for payout in db.session.query(Payout)}
    assert paid == {(15_000, "USD"), (8_600, "EUR")}


def test_eight_workers_decide_each_line_once(
    app: Flask, due: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "DECIDE_AT_ONCE", 1)
    for n in range(6):
        creator = make_creator(f"creator-{n}").creator
        earn_matured(creator, "100.00 USD")
        make_destination(creator)
    opened(due)
    db.session.commit()

    def work() -> int:
        decided = 0
        while runs.decide_next(due):
            db.session.commit()
            decided += 1
        return decided

    results = at_once(app, *[work] * 8)
    assert sum(it for it in results if isinstance(it, int)) == 7
    assert db.session.query(Payout).count() == 7
    assert {line.state for line in lines()} == {"included"}


def test_the_database_refuses_an_included_line_without_its_payout(
    due: datetime, owner: psycopg.Connection[Any]
) -> None:
    do_runs(due)
    for change in ("payout_id = NULL", "state = 'excluded'", "state = 'nonsense'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE payout_run_line SET {change}")
        owner.rollback()
