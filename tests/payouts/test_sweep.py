"""The sweep: off by default; old balances below the threshold are paid, as exceptions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import clock, demo_clock, verify
from marketplace.earnings import hold
from marketplace.earnings.earning import Earning
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import dry_run, leaving, opening, sweep
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Lift, Reason
from marketplace.payouts.payout import Payout, cancel
from marketplace.payouts.run import PayoutRun, PayoutRunLine
from marketplace.payouts.schedule import next_due
from marketplace.webhooks import converge
from tests.make import (
    do_runs,
    earn,
    earn_matured,
    make_creator,
    make_destination,
    make_operator,
    make_payout,
    make_paypal_destination,
    transfer_of,
)
from tests.within import locked, refused, within

__all__ = ["within"]

DAY = timedelta(days=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def creator_in(country: str, amount: str = "12.34 USD") -> Creator:
    """Somebody with a matured balance and a destination, on a monthly schedule."""
    creator = make_creator(rhythm="monthly").creator
    creator.country = country
    db.session.commit()
    earn_matured(creator, amount)
    if country == "TH":  # no transfer of ours reaches it
        make_paypal_destination(creator)
    else:
        make_destination(creator)
    return creator


def matured_at(creator: Creator) -> datetime:
    """When the creator's oldest unpaid cent became available."""
    unspent = sweep._unspent()
    found = db.session.query(unspent.c.since).filter(unspent.c.owner == creator.ledger_owner)
    since: datetime = found.scalar()
    return since


def switch_on(rule: Lift) -> None:
    sweep.adopt(rule, True, clock.now().date(), "user:1", clock.now())
    db.session.commit()


def due(at: datetime) -> list[str]:
    """Whose balances a sweep at this instant is about."""
    rows = db.session.execute(sweep.balances_due(at))
    return sorted(f"{id.hex} {currency}" for id, currency in rows)


def named(creator: Creator, currency: str = "USD") -> str:
    return f"{creator.id.hex} {currency}"


# ---- off by default


def test_nothing_is_swept_by_default_however_old_it_is() -> None:
    creator = creator_in("FR")
    later = clock.now() + 3_000 * DAY
    assert sweep.rules_on(later) == {}
    assert due(later) == []
    assert sweep.schedules(later) == {}
    decision = decision_for(creator, "USD", later)
    assert [it.reason for it in decision.blockers] == [Reason.BELOW_THRESHOLD]
    assert decision.facts.lifts_at is None


# ---- the age of a balance


def test_a_balance_is_as_old_as_its_oldest_cent_that_was_not_paid() -> None:
    creator = creator_in("FR", "10.00 USD")
    first = matured_at(creator)
    earn_matured(creator, "5.00 USD")
    assert matured_at(creator) == first


def test_what_was_paid_was_the_oldest_and_does_not_count_any_more() -> None:
    creator = make_creator().creator
    payout = locked(Payout, make_payout(creator).id)
    first = payout.created_at
    assert leaving.may_send(payout, clock.now())
    converge.apply(transfer_of(payout), clock.now())
    db.session.commit()
    before = clock.now()
    earn_matured(creator, "7.00 USD")
    assert matured_at(creator) >= before - DAY
    assert matured_at(creator) != first


def test_a_payout_that_was_called_off_makes_nothing_younger() -> None:
    creator = make_creator().creator
    earn_matured(creator, "150.00 USD")
    since = matured_at(creator)
    payout = make_payout(creator, "1.00 USD")
    cancel(locked(Payout, payout.id), "user:1", "asked for", clock.now() + 20 * DAY)
    db.session.commit()
    assert matured_at(creator) == since


def contest_for(earning: Earning, days: int, at: datetime) -> None:
    """Contest an earning, and let it stand after so many days."""
    hold.contest(earning.id, reason="fraud", evidence="seen", days=days, actor="user:1", at=at)
    db.session.commit()
    hold.release(earning.id, reason="it was real", actor="user:1", at=at + days * DAY)
    db.session.commit()


def test_a_contest_makes_nothing_younger_so_that_the_holding_limit_is_kept() -> None:
    """Available for 60 days, contested for 14 and released: paid on day 80, not on day 154."""
    creator = creator_in("FR")
    switch_on(Lift.HOLDING_LIMIT)
    earning = db.session.query(Earning).one()
    contest_for(earning, 14, matured_at(creator) + 60 * DAY)
    assert matured_at(creator) == earning.matures_at
    assert due(earning.matures_at + 80 * DAY) == [named(creator)]


def test_what_matured_while_it_was_contested_is_as_old_as_its_maturity() -> None:
    creator = make_creator().creator
    earn(creator, "12.34 USD")
    earning = db.session.query(Earning).one()
    contest_for(earning, 30, earning.accrued_at)
    assert earning.status == "available"
    assert matured_at(creator) == earning.matures_at


# ---- when


@pytest.mark.parametrize(("country", "days"), [("FR", 80), ("US", 720), ("TH", 0)])
def test_before_the_holding_limit_of_the_country_a_balance_is_paid(country: str, days: int) -> None:
    """90 days, two years, 10 days; less a week to the next sweep and three days to approve it."""
    creator = creator_in(country)
    switch_on(Lift.HOLDING_LIMIT)
    from_then = matured_at(creator) + days * DAY
    assert due(from_then) == [named(creator)]
    assert decision_for(creator, "USD", from_then).lifted_for is Lift.HOLDING_LIMIT
    just_before = from_then - timedelta(seconds=1)
    assert due(just_before) == []
    before = decision_for(creator, "USD", just_before)
    assert [it.reason for it in before.blockers] == [Reason.BELOW_THRESHOLD]
    assert before.facts.lifts_at == from_then


def test_after_a_year_a_balance_is_paid_if_that_rule_is_on() -> None:
    creator = creator_in("US")
    switch_on(Lift.YEARLY)
    from_then = matured_at(creator) + 365 * DAY
    assert due(from_then) == [named(creator)]
    assert due(from_then - timedelta(seconds=1)) == []
    assert decision_for(creator, "USD", from_then).lifted_for is Lift.YEARLY


def test_of_two_rules_the_sooner_one_is_the_reason() -> None:
    american, french = creator_in("US"), creator_in("FR")
    switch_on(Lift.HOLDING_LIMIT)
    switch_on(Lift.YEARLY)
    later = clock.now() + 400 * DAY
    assert decision_for(american, "USD", later).lifted_for is Lift.YEARLY
    assert decision_for(french, "USD", later).lifted_for is Lift.HOLDING_LIMIT


def test_what_reaches_the_threshold_is_no_matter_of_the_sweep() -> None:
    creator = creator_in("FR", "100.00 USD")
    switch_on(Lift.HOLDING_LIMIT)
    later = clock.now() + 200 * DAY
    assert due(later) == []
    assert decision_for(creator, "USD", later).lifted_for is None


def test_what_is_due_is_the_same_line_by_line_and_in_one_statement() -> None:
    creators = [creator_in(country) for country in ("FR", "US", "TH", "DE")]
    earn_matured(creators[0], "3.00 EUR")
    switch_on(Lift.HOLDING_LIMIT)
    switch_on(Lift.YEARLY)
    for days in (0, 5, 79, 81, 200, 366, 800):
        at = clock.now() + days * DAY
        one_by_one = [
            named(creator, currency)
            for creator in creators
            for currency in balances.currencies_of(creator.ledger_owner)
            if decision_for(creator, currency, at).facts.lifted_for
        ]
        assert due(at) == sorted(one_by_one)


# ---- the run


def sweep_run(at: datetime) -> datetime:
    """When the first sweep after this instant falls due."""
    return next_due(sweep.SWEEP, sweep.TIME_ZONE, at).at


def test_each_monday_there_is_a_sweep_that_pays_and_marks_them() -> None:
    creator = creator_in("TH")
    other = creator_in("FR")
    switch_on(Lift.HOLDING_LIMIT)
    before = matured_at(creator)
    at = sweep_run(before)
    assert at.isoweekday() == 1
    (coming,) = [it for it in dry_run.coming(before) if it.rhythm == sweep.SWEEP]
    (foreseen,) = dry_run.foresee(coming)
    assert foreseen.creator.id == creator.id
    assert foreseen.decision.lifted_for is Lift.HOLDING_LIMIT
    creator.payout_rhythm_at = other.payout_rhythm_at = at  # no run of their own comes before
    db.session.commit()
    do_runs(at)
    run = db.session.query(PayoutRun).filter_by(rhythm=sweep.SWEEP).one()
    (line,) = db.session.query(PayoutRunLine).filter_by(run_id=run.id)
    payout = db.session.query(Payout).one()
    assert (line.creator_id, line.payout_id) == (creator.id, payout.id)
    assert (payout.amount, payout.lifted_for) == (usd(1_234), "holding_limit")
    assert payout.creator_id != other.id


def test_a_swept_balance_that_something_blocks_says_so_in_the_run() -> None:
    creator = make_creator().creator
    creator.country = "TH"
    earn_matured(creator, "12.34 USD")
    switch_on(Lift.HOLDING_LIMIT)
    do_runs(sweep_run(matured_at(creator)))
    lines = db.session.query(PayoutRunLine).join(PayoutRun).filter(PayoutRun.rhythm == sweep.SWEEP)
    assert [it["reason"] for it in lines.one().blockers] == ["no_destination"]


def test_no_sweep_is_opened_for_a_monday_before_it_was_switched_on() -> None:
    creator_in("TH")
    switch_on(Lift.HOLDING_LIMIT)
    while opening.open_due(clock.now()):
        db.session.commit()
    found = db.session.query(PayoutRun).filter_by(rhythm=sweep.SWEEP).all()
    assert [run for run in found if run.due_at.date() < clock.now().date()] == []


# ---- switching


def test_a_rule_goes_off_again_and_the_day_of_each_decision_stays() -> None:
    creator_in("TH")
    switch_on(Lift.HOLDING_LIMIT)
    tomorrow = clock.now() + DAY
    sweep.adopt(Lift.HOLDING_LIMIT, False, tomorrow.date(), "user:1", clock.now())
    db.session.commit()
    assert set(sweep.rules_on(clock.now())) == {Lift.HOLDING_LIMIT}
    assert sweep.rules_on(tomorrow) == {}
    assert due(tomorrow) == []
    assert [it.is_on for it in sweep.versions()] == [False, True]


@pytest.mark.parametrize("days", [-1, 0])
def test_a_rule_is_decided_for_today_or_later_and_once_a_day(days: int) -> None:
    switch_on(Lift.YEARLY)
    with refused(BadInput):
        sweep.adopt(Lift.YEARLY, False, (clock.now() + days * DAY).date(), "user:1", clock.now())


def test_the_commands_switch_it_and_list_whom_it_pays(app: Flask) -> None:
    creator = creator_in("TH")
    handle, operator = creator.handle, make_operator().email
    clock.set_offset(matured_at(creator) - clock.wall_now())
    demo_clock.begin(clock.now())
    db.session.commit()
    run = app.test_cli_runner().invoke
    assert "holding_limit: off" in run(args=["payouts", "sweep", "list"]).output
    switched = run(args=["payouts", "sweep", "on", "holding_limit", "--as", operator])
    assert switched.exit_code == 0, switched.output
    listed = run(args=["payouts", "sweep", "list"]).output
    assert "holding_limit: on since" in listed
    assert f"@{handle}  USD  holding_limit" in listed
    again = run(args=["payouts", "sweep", "off", "holding_limit", "--as", operator])
    assert again.exit_code == 1
    assert "choose another day" in again.output


# ---- invariants


@pytest.mark.parametrize(
    "plant", ["UPDATE payout_sweep SET is_on = false", "DELETE FROM payout_sweep"]
)
def test_a_sweep_that_nobody_had_switched_on_is_found(
    owner: Any, broken_on_purpose: None, plant: str
) -> None:
    creator = creator_in("TH")
    switch_on(Lift.HOLDING_LIMIT)
    do_runs(sweep_run(matured_at(creator)))
    assert db.session.query(Payout).count() == 1
    owner.execute(plant)
    owner.commit()
    db.session.rollback()
    with db.engine.connect() as connection:
        assert "T1" in {it.id for it in verify.findings(connection) if it.rows}
