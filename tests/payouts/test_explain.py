"""Why am I not paid yet? The gate's own decision, on the facts as they are."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from marketplace import clock
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import leaving, refusal
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.explain import as_json, decision_for, decisions_for
from marketplace.payouts.gate import BANK_FILE, UNCLAIMED, Reason
from marketplace.payouts.payout import Payout
from marketplace.payouts.schedule import next_due
from marketplace.webhooks import converge
from tests.make import (
    earn,
    earn_matured,
    fund_bank,
    make_bank_destination,
    make_creator,
    make_destination,
    make_payout,
    make_paypal_destination,
    transfer_of,
)
from tests.within import locked, within

__all__ = ["within"]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


def test_a_creator_without_anything_is_told_so_in_dollars(creator: Creator) -> None:
    (decision,) = decisions_for(creator, clock.now())
    assert decision.currency == "USD"
    assert [it.reason for it in decision.blockers] == [
        Reason.NOTHING_AVAILABLE,
        Reason.NO_DESTINATION,
    ]
    assert decision.total == usd(0)


def test_the_facts_are_those_of_the_books(creator: Creator) -> None:
    earn_matured(creator, "99.99 USD")
    earn(creator, "40.00 USD")
    make_destination(creator)
    decision = decision_for(creator, "USD", clock.now())
    assert decision.facts.available == usd(9_999)
    ((pending, matures_at),) = decision.facts.pending
    assert pending == usd(4_000)
    assert decision.facts.threshold == usd(10_000)
    assert decision.facts.destination_status == "active"
    assert decision.facts.next_run_at == next_due("weekly", "Europe/Paris", clock.now()).at
    (blocker,) = decision.blockers
    assert (blocker.missing, blocker.until) == (usd(1), matures_at)


def test_one_decision_per_currency_ever_earned(creator: Creator) -> None:
    earn_matured(creator, "100.00 USD")
    earn_matured(creator, "86.00 EUR")
    make_destination(creator)
    decisions = {it.currency: it for it in decisions_for(creator, clock.now())}
    assert set(decisions) == {"EUR", "USD"}
    assert all(it.payable for it in decisions.values())


def test_money_in_a_payout_is_counted_and_blocks_the_next(creator: Creator) -> None:
    make_payout(creator, "150.00 USD")
    earn_matured(creator, "100.00 USD")
    decision = decision_for(creator, "USD", clock.now())
    assert (decision.facts.in_payout, decision.total) == (usd(15_000), usd(25_000))
    assert [it.reason for it in decision.blockers] == [Reason.PAYOUT_UNDER_WAY]


def test_a_held_payout_says_why_and_until_when(creator: Creator) -> None:
    payout = make_payout(creator, "150.00 USD")
    at = clock.now()
    assert leaving.may_send(locked(Payout, payout.id), at)
    refusal.refused(locked(Payout, payout.id), "balance_insufficient", "not enough", at)
    db.session.commit()
    blocker, _ = decision_for(creator, "USD", at).blockers
    assert blocker.reason == Reason.PAYOUT_UNDER_WAY
    assert (blocker.on, blocker.until) == ("marketplace", at + timedelta(days=1))
    assert blocker.details == ("processor_funds",)


def test_an_unclaimed_payout_is_the_creators_turn_until_it_comes_back(creator: Creator) -> None:
    make_paypal_destination(creator)
    payout = make_payout(creator, "150.00 USD")
    at = clock.now()
    assert leaving.may_send(locked(Payout, payout.id), at)
    converge.apply(transfer_of(payout, "unclaimed"), at)
    db.session.commit()
    blocker, _ = decision_for(creator, "USD", at + timedelta(days=1)).blockers
    payout = db.session.get_one(Payout, payout.id)
    due = Payout.WAITS["unclaimed"].due(payout)
    assert (blocker.on, blocker.until) == (Payout.WAITS["unclaimed"].on, due)
    assert due == payout.status_at + timedelta(days=30)
    assert blocker.details == (UNCLAIMED,)
    assert as_json(decision_for(creator, "USD", at))["blockers"][0] == {
        "reason": "payout_under_way",
        "on": "creator",
        "missing": None,
        "until": due.isoformat(),
        "details": ["unclaimed"],
        "amount": None,
    }


def test_a_payout_in_a_bank_file_waits_for_an_operator_from_the_day_of_its_execution(
    creator: Creator,
) -> None:
    fund_bank(Money(100_000, "EUR"))
    make_bank_destination(creator)
    make_payout(creator, "150.00 EUR")
    (file,) = db.session.query(BankFile)
    blocker, _ = decision_for(creator, "EUR", clock.now()).blockers
    assert (blocker.on, blocker.details) == ("operator", (BANK_FILE,))
    assert blocker.until is not None
    last_moment = (blocker.until - timedelta(seconds=1)).astimezone(ZoneInfo("Europe/Brussels"))
    assert last_moment.date() == file.execute_on


def test_the_json_says_what_the_decision_says(creator: Creator) -> None:
    earn_matured(creator, "99.99 USD")
    earn(creator, "0.01 USD")
    at = clock.now()
    decision = decision_for(creator, "USD", at)
    told = as_json(decision)
    pending = decision.facts.pending[0][1].isoformat()
    assert told == {
        "payable": False,
        "total": {"minor": 10_000, "currency": "USD"},
        "available": {"minor": 9_999, "currency": "USD"},
        "in_payout": {"minor": 0, "currency": "USD"},
        "threshold": {"minor": 10_000, "currency": "USD"},
        "lifted_for": None,
        "lifts_at": None,
        "debt": {"minor": 0, "currency": "USD"},
        "next_payout": {
            "recovered": {"minor": 0, "currency": "USD"},
            "paid": {"minor": 9_999, "currency": "USD"},
            "stays": {"minor": 0, "currency": "USD"},
            "debt_left": {"minor": 0, "currency": "USD"},
        },
        "pending": [{"amount": {"minor": 1, "currency": "USD"}, "matures_at": pending}],
        "contested": [],
        "next_run_at": next_due("weekly", "Europe/Paris", at).at.isoformat(),
        "blockers": [
            {
                "reason": "below_threshold",
                "on": "time",
                "missing": {"minor": 1, "currency": "USD"},
                "until": pending,
                "details": [],
                "amount": None,
            },
            {
                "reason": "no_destination",
                "on": "creator",
                "missing": None,
                "until": None,
                "details": [],
                "amount": None,
            },
        ],
    }


def test_a_threshold_is_reached_across_kinds(creator: Creator) -> None:
    """A12: gifts 20.00, fund 35.00 and 45.00 are 100.00."""
    make_destination(creator)
    earn_matured(creator, "20.00 USD", EarningKind.GIFT)
    earn_matured(creator, "35.00 USD", EarningKind.FUND)
    earn_matured(creator, "44.99 USD", EarningKind.FUND)
    assert decision_for(creator, "USD", clock.now()).missing() == usd(1)
    earn_matured(creator, "0.01 USD", EarningKind.GIFT)
    assert decision_for(creator, "USD", clock.now()).payable
