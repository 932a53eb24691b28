"""A run's approval: by the system below the limit, above it by an operator with other eyes."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from flask import Flask

from marketplace import business_days, clock, statuses
from marketplace.database.lock import lock
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import approval, dispatch, leaving, opening, overview
from marketplace.payouts import payout as payouts
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.gate import RUN_APPROVAL
from marketplace.payouts.overview import Change, Pay
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, RunStatus
from marketplace.processors.outbox import ProcessorRequest
from marketplace.webhooks import converge
from tests.make import (
    do_runs,
    earn_matured,
    make_creator,
    make_destination,
    make_operator,
    run_after_maturity,
    transfer_of,
)
from tests.scripted import MADE, Scripted, scripted, send
from tests.within import at_once, locked, refusals, refused, within

__all__ = ["scripted", "within"]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def payee(handle: str, amount: str) -> Creator:
    creator = make_creator(handle).creator
    earn_matured(creator, amount)
    make_destination(creator)
    return creator


@pytest.fixture
def big() -> PayoutRun:
    """A locked run of 6,000.00 and 4,000.00 USD: together the limit."""
    creators = [payee("ines", "6000.00 USD"), payee("tom", "4000.00 USD")]
    do_runs(run_after_maturity(creators[0]))
    return db.session.query(PayoutRun).one()


def payouts_of(run: PayoutRun) -> list[Payout]:
    return list(db.session.query(Payout).filter_by(run_id=run.id).order_by(Payout.amount_minor))


def approve(run: PayoutRun, person: User) -> None:
    approval.approve(locked(PayoutRun, run.id), person, clock.now(), "looked at")
    db.session.commit()


def in_payout(run: PayoutRun) -> int:
    held = [balance(postings.payout_reserved_of(it.creator_owner), "USD") for it in payouts_of(run)]
    return sum(amount.minor for amount in held)


# ---- the limit


def test_a_run_below_the_limit_is_approved_by_the_system() -> None:
    do_runs(run_after_maturity(payee("ines", "9999.99 USD")))
    (run,) = db.session.query(PayoutRun)
    assert run.status == RunStatus.SENDING
    moves = [(it.event, it.actor) for it in statuses.history(run)]
    assert moves == [(event, "system") for event in ("create", "lock", "approve", "send")]


def test_a_run_at_the_limit_waits_for_an_operator_with_everything_reserved(big: PayoutRun) -> None:
    assert big.status == RunStatus.LOCKED
    assert big.approval_due_at == business_days.after(big.status_at, 3, "Europe/Paris")
    assert [it.status for it in payouts_of(big)] == [PayoutStatus.RESERVED] * 2
    assert in_payout(big) == 1_000_000
    assert db.session.query(ProcessorRequest).filter_by(subject_type="payout").count() == 0
    do_runs(big.status_at + timedelta(days=30))
    assert big.status == RunStatus.LOCKED, "time alone approves nothing"


def test_a_currency_without_a_limit_always_waits() -> None:
    at = clock.now()
    assert approval.limit_of("HUF", at) is None
    assert approval.above_limit([Money(1, "HUF")], at) == [Money(1, "HUF")]
    assert approval.above_limit([usd(999_999)], at) == []
    assert approval.above_limit([usd(1_000_000)], at) == [usd(1_000_000)]


def test_what_the_creator_reads_is_the_wait_for_the_operator(big: PayoutRun) -> None:
    creator = db.session.query(Creator).filter_by(handle="ines").one()
    decision = decision_for(creator, "USD", clock.now())
    blocker = decision.blockers[0]
    assert (blocker.on, blocker.until) == ("operator", big.approval_due_at)
    assert as_json(decision)["blockers"][0]["details"] == [RUN_APPROVAL]
    approve(big, make_operator())
    assert decision_for(creator, "USD", clock.now()).blockers[0].on == "marketplace"
    do_runs(clock.now())
    assert decision_for(creator, "USD", clock.now()).blockers[0].on == "processor"


# ---- approving


def test_an_approved_run_is_sent_and_done(big: PayoutRun, scripted: Scripted) -> None:
    operator = make_operator()
    approve(big, operator)
    assert statuses.history(big)[-1].actor == f"user:{operator.id.hex}"
    do_runs(clock.now())
    send(scripted, MADE)
    do_runs(clock.now())
    db.session.refresh(big)
    assert big.status == RunStatus.DONE
    assert [it.status for it in payouts_of(big)] == [PayoutStatus.PAID] * 2
    assert sum(it.startswith("trf:") for it in scripted.made) == 2


def test_nothing_of_a_run_that_is_not_approved_may_leave(big: PayoutRun) -> None:
    """Even if somebody asked the processor for it: the last look refuses."""
    payout = payouts_of(big)[0]
    assert not leaving.may_send(locked(Payout, payout.id), clock.now())
    assert payout.status == PayoutStatus.RESERVED
    assert not dispatch.ask_next(clock.now())
    approve(big, make_operator())
    assert not leaving.may_send(locked(Payout, payout.id), clock.now()), "approved, not sent yet"
    assert dispatch.begin_next(clock.now())
    assert dispatch.ask_next(clock.now())
    db.session.commit()
    assert leaving.may_send(locked(Payout, payout.id), clock.now())


def test_who_opened_the_run_does_not_approve_it() -> None:
    maker = make_operator()
    at = run_after_maturity(payee("ines", "10000.00 USD"))
    assert opening.open_due(at, maker=f"user:{maker.id.hex}")
    db.session.commit()
    do_runs(at)
    (run,) = db.session.query(PayoutRun)
    with refused(BadInput) as refusal:
        approve(run, maker)
    (said,) = refusal.value.fields.values()
    assert said == f"{maker.name} opened this run: another operator must approve it."
    approve(run, make_operator())
    assert run.status == RunStatus.APPROVED


def test_who_is_paid_by_the_run_does_not_approve_it(big: PayoutRun) -> None:
    creator = db.session.query(Creator).filter_by(handle="tom").one()
    paid = db.session.get_one(User, creator.user_id)
    with refused(BadInput) as refusal:
        approve(big, paid)
    assert "is paid by this run, as @tom" in next(iter(refusal.value.fields.values()))


def test_who_last_touched_a_destination_does_not_approve_the_run(big: PayoutRun) -> None:
    first, last = make_operator(), make_operator()
    destination = payouts_of(big)[0].destination_id
    for number, person in enumerate((first, last)):
        db.session.add(
            statuses.StatusChange(
                thing="destination",
                thing_id=destination,
                event=("restrict", "activate")[number],
                from_status=("active", "restricted")[number],
                to_status=("restricted", "active")[number],
                actor=f"user:{person.id.hex}",
                at=clock.now(),
            )
        )
    db.session.commit()
    with refused(BadInput) as refusal:
        approve(big, last)
    said = next(iter(refusal.value.fields.values()))
    assert said.startswith(f"{last.name} was the last to change where @tom is paid")
    approve(big, first)


def test_of_eight_decisions_at_once_one_counts(app: Flask, big: PayoutRun) -> None:
    people = [make_operator().id for _ in range(8)]
    run_id = big.id
    db.session.commit()

    def decide(number: int) -> None:
        run = lock(PayoutRun, run_id)
        assert run is not None
        if number % 2:
            approval.approve(run, db.session.get_one(User, people[number]), clock.now())
        else:
            approval.reject(run, f"user:{people[number].hex}", "no", clock.now())

    results = at_once(app, *[partial(decide, n) for n in range(8)])
    assert [type(it) for it in refusals(results)] == [WrongState] * 7


# ---- rejecting


def test_a_rejected_run_gives_everything_back_for_its_reason(big: PayoutRun) -> None:
    approval.reject(locked(PayoutRun, big.id), "user:1", "the file was wrong", clock.now())
    db.session.commit()
    do_runs(clock.now())
    assert big.status == RunStatus.REJECTED
    assert in_payout(big) == 0
    for payout in payouts_of(big):
        last = statuses.history(payout)[-1]
        assert (payout.status, last.reason) == (PayoutStatus.CANCELED, "the file was wrong")
        assert balance(postings.creator_available(payout.creator_owner), "USD") == payout.amount
    with refused(WrongState):
        approve(big, make_operator())


def test_the_run_after_a_rejected_one_pays_the_same_money(big: PayoutRun) -> None:
    approval.reject(locked(PayoutRun, big.id), "user:1", "not today", clock.now())
    db.session.commit()
    do_runs(clock.now())
    do_runs(big.due_at + timedelta(days=7))
    second = db.session.query(PayoutRun).filter(PayoutRun.due_at > big.due_at).one()
    assert second.status == RunStatus.LOCKED
    assert in_payout(second) == 1_000_000


def test_a_payout_called_off_before_the_approval_is_not_sent(
    big: PayoutRun, scripted: Scripted
) -> None:
    small, large = payouts_of(big)
    payouts.cancel(locked(Payout, small.id), "user:1", "asked for", clock.now())
    db.session.commit()
    approve(big, make_operator())
    do_runs(clock.now())
    send(scripted, MADE)
    assert (small.status, large.status) == (PayoutStatus.CANCELED, PayoutStatus.PAID)


# ---- sending


def test_eight_workers_ask_for_each_payout_once(app: Flask, due: datetime) -> None:
    for n in range(6):
        payee(f"creator-{n}", "100.00 USD")
    for job in (opening.open_due, opening.decide_next, approval.lock_next_run, dispatch.begin_next):
        while job(due):
            db.session.commit()
        db.session.rollback()

    def work() -> int:
        asked = 0
        while dispatch.ask_next(due):
            db.session.commit()
            asked += 1
        return asked

    results = at_once(app, *[work] * 8)
    assert sum(it for it in results if isinstance(it, int)) == 6
    requests = db.session.query(ProcessorRequest).filter_by(subject_type="payout")
    assert sorted(it.attempt for it in requests) == [1] * 6


@pytest.fixture
def due() -> datetime:
    return run_after_maturity(make_creator("nobody").creator)


def test_a_worker_that_dies_while_it_hands_over_leaves_no_payout_behind_and_asks_none_twice(
    big: PayoutRun,
) -> None:
    approve(big, make_operator())
    assert dispatch.begin_next(clock.now())
    db.session.commit()
    assert dispatch.ask_next(clock.now())
    db.session.rollback()  # it died before it committed
    for _ in range(2):
        while dispatch.ask_next(clock.now()):
            db.session.commit()
        assert not dispatch.finish_next(clock.now())
        db.session.rollback()
    assert db.session.query(ProcessorRequest).filter_by(subject_type="payout").count() == 2


# ---- what is read before it leaves


def pay(creator_id: UUID, minor: int, to: UUID = UUID(int=1)) -> Pay:  # noqa: B008 - frozen
    return Pay(creator_id, "stripe", usd(minor), to)


def test_who_is_paid_elsewhere_than_last_time_is_told_first_whatever_the_amount() -> None:
    a, b = sorted(make_creator().creator.id for _ in range(2))
    then = [pay(a, 100), pay(b, 100)]
    now = [pay(a, 300), pay(b, 100, UUID(int=2))]
    assert overview.changes(then, now) == [
        Change(b, usd(100), usd(100), is_elsewhere=True),
        Change(a, usd(100), usd(300)),
    ]


def test_what_changed_since_the_run_before_is_who_is_new_or_gone_or_moved_by_more_than_half() -> (
    None
):
    a, b, c, d = sorted(make_creator().creator.id for _ in range(4))
    then = [pay(a, 100), pay(b, 100), pay(c, 100)]
    now = [pay(a, 150), pay(b, 151), pay(d, 100)]
    assert overview.changes(then, now) == [
        Change(b, usd(100), usd(151)),
        Change(c, usd(100), None),
        Change(d, None, usd(100)),
    ]


def test_the_sums_of_a_run_say_what_is_short_per_currency_and_rail() -> None:
    creator = make_creator().creator
    earn_matured(creator, "50.00 USD")  # the pool was filled with just that, less the fee
    (total,) = overview.sums([pay(creator.id, 2_000)])
    assert (total.payouts, total.need, total.short) == (1, usd(2_000), None)
    (total,) = overview.sums([pay(creator.id, 3_000)] * 2)
    assert total.short == usd(6_000) - total.cash


def test_two_runs_of_one_monday_are_not_covered_by_the_same_money(big: PayoutRun) -> None:
    other = make_creator("sam", time_zone="America/New_York").creator
    earn_matured(other, "10000.00 USD")
    make_destination(other)
    do_runs(run_after_maturity(other))
    runs = db.session.query(PayoutRun).order_by(PayoutRun.due_at).all()
    assert [run.status for run in runs] == [RunStatus.LOCKED] * 2
    for run in runs:
        (total,) = overview.sums(overview.pays_of(run.id), run.id)
        assert total.need == total.promised == usd(1_000_000)
        # Each alone is covered, both are not: fees were taken off of what came in.
        assert total.need < total.cash < total.need + total.promised
        assert total.short == usd(2_000_000) - total.cash
    (foreseen,) = overview.sums([pay(other.id, 100)])
    assert foreseen.short == usd(100)
    approval.reject(locked(PayoutRun, big.id), "user:1", "not now", clock.now())
    db.session.commit()
    (total,) = overview.sums(overview.pays_of(runs[1].id), runs[1].id)
    assert (total.promised, total.short) == (usd(0), None)


def test_what_has_left_already_asks_for_no_cash_again(big: PayoutRun) -> None:
    approve(big, make_operator())
    do_runs(clock.now())
    small, large = payouts_of(big)
    assert leaving.may_send(locked(Payout, small.id), clock.now())
    converge.apply(transfer_of(small), clock.now())
    db.session.commit()
    (total,) = overview.sums(overview.pays_of(big.id), big.id)
    assert (total.need, total.leaving) == (usd(1_000_000), large.amount)
