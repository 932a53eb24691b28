"""Solvency: what processors say lies there, beside what others own; a shortfall stops runs."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace import clock, statuses, verify
from marketplace.earnings.earning import EarningKind
from marketplace.errors import BadInput, ProcessorUnavailable
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import approval, dispatch, hold, leaving, opening, shortfall, solvency
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import RUN_NOT_SENT, Reason
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, PayoutRunLine, RunStatus
from marketplace.payouts.shortfall import Shortfall, ShortfallStatus
from marketplace.payouts.solvency import SolvencyDay
from marketplace.processors.listing import Cash
from marketplace.processors.stripe import Stripe
from marketplace.web import creator_why
from marketplace.webhooks import converge
from marketplace.worker import measuring
from marketplace.worker.sender import send_next
from tests.make import (
    do_runs,
    earn_matured,
    fill_pool,
    make_brand,
    make_campaign,
    make_creator,
    make_destination,
    make_operator,
    make_payout,
    run_after_maturity,
    transfer_of,
)
from tests.within import locked, within

__all__ = ["within"]

MINUTE = timedelta(minutes=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


class Telling(Stripe):
    """Says what lies there as a test wants it, or nothing at all."""

    told: dict[str, Cash] | None = None
    asked = 0

    def cash(self) -> dict[str, Cash]:
        self.asked += 1
        if self.told is None:
            raise ProcessorUnavailable("no answer")
        return self.told

    def says(self, available: int, pending: int = 0, currency: str = "USD") -> None:
        self.told = {currency: Cash(Money(available, currency), Money(pending, currency))}


@pytest.fixture
def stripe(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Telling:
    adapter = Telling(app.extensions["settings"])
    monkeypatch.setitem(app.extensions, "processors", {"stripe": adapter})
    return adapter


@pytest.fixture
def creator() -> Creator:
    """150.00 USD, available; an active destination."""
    creator = make_creator("ines").creator
    earn_matured(creator, "150.00 USD")
    make_destination(creator)
    return creator


def measure(at: datetime | None = None) -> bool:
    did = measuring.measure_due(at or clock.now())
    db.session.commit()
    return did


def today() -> SolvencyDay:
    (row,) = solvency.latest()
    return row


def reasons(creator: Creator, at: datetime | None = None) -> list[Reason]:
    return [it.reason for it in decision_for(creator, "USD", at or clock.now()).blockers]


# ---- the row of a day


def test_a_day_puts_cash_beside_what_creators_and_brands_own(
    stripe: Telling, creator: Creator
) -> None:
    team = make_brand()
    make_campaign(team, status="open", flat_fee_minor=10_000, places=3)  # 300.00 reserved
    fill_pool(EarningKind.GIFT, usd(5_000))  # ours until it is somebody's
    stripe.says(40_000, pending=9_000)
    assert measure()
    row = today()
    assert (row.creators, row.brands, row.in_flight) == (usd(15_000), usd(30_000), usd(0))
    assert (row.cash, row.pending, row.needed) == (usd(49_000), usd(9_000), usd(45_000))
    assert row.ours == usd(4_000)
    assert row.day == clock.now().date()
    assert row.at("stripe") == usd(49_000)
    assert row.at("paypal") is None


def test_a_day_is_measured_once(stripe: Telling, creator: Creator) -> None:
    stripe.says(15_000)
    at = clock.now()
    assert measure(at)
    assert not measure(at + 30 * MINUTE if (at + 30 * MINUTE).date() == at.date() else at)
    assert stripe.asked == 1
    assert measure(at + timedelta(days=1))
    rows = db.session.query(SolvencyDay).order_by(SolvencyDay.day).all()
    assert [row.day for row in rows] == [at.date(), (at + timedelta(days=1)).date()]


def test_before_there_is_any_money_nobody_is_asked(stripe: Telling) -> None:
    assert not measure()
    assert stripe.asked == 0


def test_a_day_begins_at_midnight_utc(stripe: Telling, creator: Creator) -> None:
    stripe.says(15_000)
    measure()
    tomorrow = clock.now().astimezone(UTC).date() + timedelta(days=1)
    begins = datetime.combine(tomorrow, time(0), UTC)
    assert not solvency.is_due(begins - timedelta(seconds=1))
    assert solvency.is_due(begins)


# ---- what is on its way


@pytest.mark.parametrize("state", ["sending", "unknown", "unclaimed"])
def test_what_has_left_and_is_not_confirmed_is_neither_there_nor_missing(
    stripe: Telling, creator: Creator, state: str
) -> None:
    payout = make_payout(creator)
    payout = locked(Payout, payout.id)
    at = clock.now()
    assert leaving.may_send(payout, at)
    if state != "sending":
        event = {"unknown": "doubt", "unclaimed": "await_claim"}[state]
        statuses.advance(payout, event, at, "system")
    db.session.commit()
    owed = today_owed()
    stripe.says(owed - payout.amount_minor)
    measure()
    row = today()
    assert (row.in_flight, row.ours) == (payout.amount, usd(0))
    assert shortfall.of("USD") is None


def today_owed() -> int:
    """What creators and brands own by the books."""
    own = solvency.books()["USD"]
    db.session.rollback()
    return own.creators.minor + own.brands.minor


def test_what_is_reserved_but_has_not_left_must_lie_there(
    stripe: Telling, creator: Creator
) -> None:
    make_payout(creator)
    stripe.says(today_owed() - 1)
    measure()
    found = shortfall.of("USD")
    assert found is not None
    assert found.missing == usd(1)


def test_a_payout_that_leaves_while_the_processors_are_asked_is_no_shortfall(
    stripe: Telling, creator: Creator
) -> None:
    """The processor has paid it when it answers; the first reading of the books has it reserved."""
    payout = locked(Payout, make_payout(creator).id)
    before = solvency.books()
    assert leaving.may_send(payout, clock.now())
    db.session.commit()
    after_it_left = Cash(usd(before["USD"].needed.minor - payout.amount_minor), usd(0))
    solvency.record(before, {"stripe": {"USD": after_it_left}}, clock.now())
    db.session.commit()
    assert today().ours == usd(0)


def test_a_deposit_that_arrives_after_the_answer_is_no_shortfall(
    stripe: Telling, creator: Creator
) -> None:
    before = solvency.books()
    cash = Cash(before["USD"].needed, usd(0))
    db.session.rollback()
    make_campaign(make_brand(), status="open")
    solvency.record(before, {"stripe": {"USD": cash}}, clock.now())
    db.session.commit()
    assert today().ours == usd(0)


# ---- not known


def test_without_an_answer_the_day_is_unknown_and_nothing_stops(
    stripe: Telling, creator: Creator
) -> None:
    assert measure()
    assert (today().cash, today().ours) == (None, None)
    assert [row.currency for row in solvency.unanswered()] == ["USD"]
    assert reasons(creator) == []


def test_what_is_unknown_is_asked_again_after_ten_minutes(
    stripe: Telling, creator: Creator
) -> None:
    at = clock.now().replace(hour=12)
    measure(at)
    assert not measure(at + 9 * MINUTE)
    stripe.says(15_000)
    assert measure(at + 10 * MINUTE)
    assert today().ours == usd(0)
    assert db.session.query(SolvencyDay).count() == 1
    assert not measure(at + 30 * MINUTE)


def test_silence_neither_begins_nor_ends_a_shortfall(stripe: Telling, creator: Creator) -> None:
    at = clock.now().replace(hour=12)
    stripe.says(14_000)
    measure(at)
    stripe.told = None
    assert measure(at + 10 * MINUTE)
    assert today().cash == usd(14_000), "what was answered today stands"
    measure(at + timedelta(days=1))
    assert today().cash is None
    found = shortfall.of("USD")
    assert found is not None
    assert found.missing == usd(1_000)
    assert solvency.known(["USD"])["USD"].day == at.date()


def test_money_at_a_processor_that_is_not_set_up_any_more_is_unknown(
    stripe: Telling, creator: Creator, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe.says(15_000)
    monkeypatch.setitem(app.extensions, "processors", {})
    measure()
    assert today().cash is None


# ---- a shortfall


@pytest.fixture
def short(stripe: Telling, creator: Creator) -> Creator:
    """150.00 USD are owed and 149.30 are there."""
    stripe.says(14_930)
    measure()
    return creator


def test_a_cent_too_little_stops_the_currency_and_says_who_acts_by_when(short: Creator) -> None:
    (blocker,) = decision_for(short, "USD", clock.now()).blockers
    found = shortfall.of("USD")
    assert found is not None
    assert (blocker.reason, blocker.on) == (Reason.NOT_COVERED, "marketplace")
    assert (blocker.amount, blocker.until) == (usd(70), found.due_at)


def test_exactly_enough_stops_nothing(stripe: Telling, creator: Creator) -> None:
    stripe.says(15_000)
    measure()
    assert reasons(creator) == []


def test_another_currency_goes_on(short: Creator, stripe: Telling) -> None:
    earn_matured(short, "100.00 EUR")
    assert decision_for(short, "EUR", clock.now()).payable


def test_a_run_pays_nobody_in_a_currency_that_is_short(short: Creator) -> None:
    do_runs(run_after_maturity(short))
    (line,) = db.session.query(PayoutRunLine)
    assert line.state == "excluded"
    assert [it["reason"] for it in line.blockers] == ["not_covered"]


def test_it_ends_by_itself_when_it_is_covered(short: Creator, stripe: Telling) -> None:
    stripe.says(15_000)
    assert not measure(clock.now() + 9 * MINUTE)
    later = clock.now() + 11 * MINUTE
    assert measure(later)
    assert shortfall.of("USD") is None
    (found,) = db.session.query(Shortfall)
    assert (found.status, found.status_at) == (ShortfallStatus.COVERED, later)
    assert reasons(short) == []


@pytest.fixture
def reserved(stripe: Telling, creator: Creator) -> PayoutRun:
    """A run that has reserved a payout and is not locked."""
    at = run_after_maturity(creator)
    assert opening.open_due(at)
    assert opening.decide_next(at)
    db.session.commit()
    return db.session.query(PayoutRun).one()


def become_short(stripe: Telling) -> None:
    stripe.says(14_930)
    measure()


def become_covered(stripe: Telling) -> None:
    stripe.says(15_000)
    measuring.measure(clock.now())
    db.session.commit()


def test_a_run_is_not_locked_while_its_currency_is_short(
    reserved: PayoutRun, stripe: Telling
) -> None:
    become_short(stripe)
    assert not approval.lock_next_run(clock.now())
    become_covered(stripe)
    assert approval.lock_next_run(clock.now())


def test_a_run_is_not_sent_while_its_currency_is_short(
    reserved: PayoutRun, stripe: Telling
) -> None:
    assert approval.lock_next_run(clock.now())
    db.session.commit()
    assert reserved.status == RunStatus.APPROVED
    become_short(stripe)
    assert not dispatch.begin_next(clock.now())
    become_covered(stripe)
    assert dispatch.begin_next(clock.now())


def test_no_operator_can_approve_it_meanwhile(
    reserved: PayoutRun, stripe: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval, "above_limit", lambda amounts, at: amounts)
    assert approval.lock_next_run(clock.now())
    db.session.commit()
    become_short(stripe)
    operator = make_operator()
    with pytest.raises(BadInput) as refusal:
        approval.approve(locked(PayoutRun, reserved.id), operator, clock.now())
    assert "0.70 USD" in refusal.value.fields["decision"]
    db.session.rollback()
    become_covered(stripe)
    approval.approve(locked(PayoutRun, reserved.id), operator, clock.now())


def test_a_payout_that_was_to_leave_is_held_and_goes_on_when_it_is_covered(
    reserved: PayoutRun, stripe: Telling
) -> None:
    at = clock.now()
    for job in (approval.lock_next_run, dispatch.begin_next, dispatch.ask_next):
        assert job(at)
    db.session.commit()
    become_short(stripe)
    while send_next(at):
        pass
    payout = db.session.query(Payout).one()
    assert (payout.status, payout.hold_reason) == (PayoutStatus.HELD, HoldReason.PROCESSOR_FUNDS)
    tomorrow = at + timedelta(days=1)
    assert hold.release_due(tomorrow)
    db.session.commit()
    assert payout.status == PayoutStatus.HELD, "it is short still"
    become_covered(stripe)
    assert hold.release_due(tomorrow + timedelta(days=1))
    db.session.commit()
    assert payout.status == PayoutStatus.RESERVED


def test_the_other_currency_of_the_same_run_goes_on(reserved_in_two: PayoutRun) -> None:
    at = clock.now()
    assert [it.currency for it in shortfall.in_run(reserved_in_two)] == ["EUR"]
    assert shortfall.stopping(reserved_in_two) == []
    for job in (approval.lock_next_run, dispatch.begin_next, dispatch.ask_next, dispatch.ask_next):
        assert job(at)
        db.session.commit()
    payouts = {it.currency: locked(Payout, it.id) for it in db.session.query(Payout)}
    assert leaving.may_send(payouts["USD"], at)
    assert not leaving.may_send(payouts["EUR"], at)
    db.session.commit()
    assert payouts["USD"].status == PayoutStatus.SENDING
    held = payouts["EUR"]
    assert (held.status, held.hold_reason) == (PayoutStatus.HELD, HoldReason.PROCESSOR_FUNDS)


def test_a_run_of_which_every_currency_is_short_waits(
    reserved_in_two: PayoutRun, stripe: Telling
) -> None:
    told(stripe, usd=14_999, eur=14_930)
    assert [it.currency for it in shortfall.stopping(reserved_in_two)] == ["EUR", "USD"]
    assert not approval.lock_next_run(clock.now())


@pytest.mark.parametrize("status", [RunStatus.LOCKING, RunStatus.APPROVED])
def test_what_is_set_aside_in_a_run_that_is_not_sent_waits_for_us_not_for_the_processor(
    app: Flask, reserved: PayoutRun, status: RunStatus
) -> None:
    if status == RunStatus.APPROVED:
        assert approval.lock_next_run(clock.now())
        db.session.commit()
    creator = db.session.query(Creator).one()
    assert reserved.status == status
    decision = decision_for(creator, "USD", clock.now())
    under_way = decision.blockers[0]
    assert (under_way.on, under_way.details) == ("marketplace", (RUN_NOT_SENT,))
    with app.test_request_context():
        assert creator_why.steps(decision)[0].text.startswith("Waits for us to send its run")


@pytest.fixture
def reserved_in_two(stripe: Telling) -> PayoutRun:
    """A run that has reserved 150.00 USD and 150.00 EUR, of which 0.70 EUR are then missing."""
    dollars, euros = make_creator().creator, make_creator().creator
    earn_matured(dollars, "150.00 USD")
    earn_matured(euros, "150.00 EUR")
    for creator in (dollars, euros):
        make_destination(creator)
    at = run_after_maturity(dollars)
    assert opening.open_due(at)
    while opening.decide_next(at):
        db.session.commit()
    told(stripe, usd=15_000, eur=14_930)
    return db.session.query(PayoutRun).one()


def told(stripe: Telling, *, usd: int, eur: int) -> None:
    """The processor says so much of each lies there."""
    none = {code: Money(0, code) for code in ("USD", "EUR")}
    stripe.told = {
        code: Cash(Money(minor, code), none[code]) for code, minor in (("USD", usd), ("EUR", eur))
    }
    measuring.measure(clock.now())
    db.session.commit()


# ---- invariants


def broken() -> set[str]:
    db.session.rollback()
    with db.engine.connect() as connection:
        return {it.id for it in verify.findings(connection) if it.rows}


@pytest.mark.parametrize(
    "plant",
    [
        "UPDATE shortfall SET missing_minor = missing_minor + 1",
        "UPDATE solvency_day SET cash_minor = cash_minor + 70",
        "DELETE FROM shortfall",
        "DELETE FROM solvency_day",
    ],
)
def test_a_shortfall_that_the_last_day_does_not_explain_is_found(
    short: Creator, owner: Any, broken_on_purpose: None, plant: str
) -> None:
    assert broken() == set()
    owner.execute(plant)
    owner.commit()
    assert "V1" in broken()


def test_a_payout_that_left_while_its_currency_was_short_is_found(
    reserved: PayoutRun, stripe: Telling, owner: Any, broken_on_purpose: None
) -> None:
    at = clock.now()
    become_short(stripe)
    stripped = reserved.id  # past the guards, as if nobody had looked
    owner.execute("UPDATE payout_run SET status = 'sending' WHERE id = %s", [stripped])
    owner.execute("DELETE FROM shortfall")
    owner.commit()
    payout = locked(Payout, db.session.query(Payout.id).scalar())
    assert leaving.may_send(payout, at + 5 * MINUTE)
    db.session.commit()
    assert "V2" not in broken()
    begun = db.session.query(statuses.StatusChange).filter_by(thing="shortfall").one()
    owner.execute(
        "INSERT INTO shortfall (id, currency, missing_minor, status, status_at)"
        " VALUES (%s, 'USD', 70, 'short', %s)",
        [begun.thing_id, at],
    )
    owner.commit()
    assert "V2" in broken()


def test_two_rows_of_a_day_and_currency_are_refused_by_the_database(
    short: Creator, owner: Any
) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute("INSERT INTO solvency_day SELECT * FROM solvency_day")
    owner.rollback()


def test_a_paid_payout_is_no_longer_needed(stripe: Telling, creator: Creator) -> None:
    payout = locked(Payout, make_payout(creator).id)
    assert leaving.may_send(payout, clock.now())
    converge.apply(transfer_of(payout), clock.now())
    db.session.commit()
    stripe.says(0)
    measure()
    row = today()
    assert (row.needed, row.ours, row.in_flight) == (usd(0), usd(0), usd(0))
