"""A run decides as the gate explained, whoever the creators are and whenever the worker is back."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from marketplace import clock
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import creator_hold, dry_run
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun, PayoutRunLine
from marketplace.payouts.schedule import last_due
from tests.harness import trials
from tests.make import (
    do_runs,
    earn_matured,
    fill_pool,
    import_rows,
    make_bank_destination,
    make_creator,
    make_destination,
    make_paypal_destination,
    run_after_maturity,
)
from tests.within import within

__all__ = ["within"]

SEED = 4
AMOUNTS = ("0.01", "99.99", "100.00", "100.01", "250.00")
DESTINATIONS = (make_destination, make_paypal_destination, make_bank_destination)


def anybody(chance: random.Random) -> Creator:
    """A creator with or without a destination that has cooled off, and perhaps held."""
    creator = make_creator().creator
    if chance.random() < 0.8:
        chance.choice(DESTINATIONS)(creator, cooled=chance.random() < 0.7)
    if chance.random() < 0.2:
        until = clock.now() + timedelta(days=20)
        creator_hold.place(creator.id, "we look", until, "user:1", clock.now())
        db.session.commit()
    return creator


def earn_anything(chance: random.Random, creators: list[Creator]) -> None:
    """Each earns some amount in one or two currencies; some of it may still be pending."""
    day = clock.now().date()
    for currency in ("USD", "EUR"):
        fill_pool(EarningKind.FUND, Money(10_000_000, currency))
        rows = [
            f"{currency}-{n},{creator.handle},{chance.choice(AMOUNTS)},{currency},{day}"
            for n, creator in enumerate(creators)
            if chance.random() < 0.6
        ]
        import_rows(EarningKind.FUND, rows)


def explained(creators: list[Creator], at: datetime) -> dict[Any, Any]:
    """By creator and currency what the gate says: what is paid, or the blockers."""
    said = {}
    for creator in creators:
        for currency in ("USD", "EUR"):
            decision = decision_for(creator, currency, at)
            if decision.facts.available:
                told = as_json(decision)
                paid = told["next_payout"]["paid"]["minor"]
                said[creator.id, currency] = paid if decision.payable else told["blockers"]
    return said


def test_a_run_decides_about_everybody_as_the_gate_and_the_dry_run_said() -> None:
    chance = random.Random(SEED)
    creators = [anybody(chance) for _ in range(trials(30, 150))]
    earn_anything(chance, creators)
    at = run_after_maturity(creators[0])
    (coming,) = (run for run in dry_run.coming(at - timedelta(hours=1)) if run.rhythm == "weekly")
    foreseen = {
        (line.creator.id, line.decision.currency): line.decision.parts.paid.minor
        for line in dry_run.foresee(coming)
        if line.decision.payable
    }
    earn_matured(make_creator().creator, "1.00 USD")  # lets everything mature
    said = explained(creators, at)
    do_runs(at)
    decided = {
        (line.creator_id, line.currency): (
            db.session.get_one(Payout, line.payout_id).amount_minor
            if line.payout_id
            else line.blockers
        )
        for line in db.session.query(PayoutRunLine)
        if line.creator_id in {creator.id for creator in creators}
    }
    assert decided == said
    paid = {key: minor for key, minor in said.items() if isinstance(minor, int)}
    assert foreseen == paid
    assert 5 < len(paid) < len(said) - 5, "both are common, or this proves little"


def test_a_worker_that_was_down_over_two_mondays_and_a_months_first_pays_everybody_once() -> None:
    weekly, monthly = make_creator(), make_creator(rhythm="monthly")
    for each in (weekly, monthly):
        make_destination(each.creator)
        earn_matured(each.creator, "150.00 USD")
    first_missed = run_after_maturity(weekly.creator)
    month = (first_missed.replace(day=1) + timedelta(days=40)).replace(day=1)
    back = max(first_missed + timedelta(days=9), month + timedelta(days=2))
    back = back.astimezone(UTC)
    for _ in range(2):  # the second time, nothing is left to do
        do_runs(back)
        opened = {
            (run.rhythm, run.time_zone): (run.period, run.due_at)
            for run in db.session.query(PayoutRun)
            if run.rhythm != "sweep"
        }
        due = {
            (rhythm, "Europe/Paris"): last_due(rhythm, "Europe/Paris", back)
            for rhythm in ("weekly", "monthly")
        }
        assert opened == {schedule: (it.period, it.at) for schedule, it in due.items()}
        paid = db.session.query(Payout.creator_id, Payout.amount_minor).all()
        assert sorted(paid) == sorted((it.creator.id, 15_000) for it in (weekly, monthly))
        assert all(at > first_missed for _, at in opened.values()), "none was opened in time"
