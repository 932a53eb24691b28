"""Whatever happens in whatever order: the books equal plain integers; planted bugs are found."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis.stateful import RULE_MARKER

from marketplace.campaigns import commitments, ending
from marketplace.campaigns.campaign import Campaign
from marketplace.challenges import judging, prizes
from marketplace.challenges import sheet as sheets
from marketplace.challenges.challenge import Challenge, ChallengeStatus
from marketplace.challenges.entry import Entry
from marketplace.challenges.prizes import Placed, Scored
from marketplace.commissions import booking
from marketplace.commissions.sale import Sale
from marketplace.earnings import clawback as clawbacks
from marketplace.earnings.earning import Earning, EarningKind, Owed, accrue
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.ledger import postings
from marketplace.money import Money, zero
from marketplace.storefronts.order import Refund
from tests.harness import record_proof, trials
from tests.path.exploring import STUMBLES, Plant, bound, explore, finds
from tests.scripted import Scripted, scripted
from tests.whole.machine import Everything
from tests.within import within

__all__ = ["scripted", "within"]


@pytest.fixture
def machine(scripted: Scripted, database_url: str) -> Iterator[type[Everything]]:
    with bound(Everything, scripted, database_url) as it:
        yield it


def a_clawback_ignores_what_was_clawed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_it(earning: Earning) -> Money:
        return earning.net

    monkeypatch.setattr(clawbacks, "kept", all_of_it)


def an_award_runs_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    once = judging.award

    def again(challenge: Challenge, actor: str, at: datetime) -> list[Earning]:
        if challenge.status != ChallengeStatus.AWARDED:
            return once(challenge, actor, at)
        stands = sheets.latest(challenge)
        assert stands is not None
        source = postings.brand_available(challenge.brand.ledger_owner)
        owed = [
            Owed(
                EarningKind.PRIZE,
                db.session.get_one(Entry, row.entry_id).creator_id,
                Money(row.prize_minor, challenge.currency),
                source,
                f"prize_again:{row.entry_id.hex}",
            )
            for row in sheets.rows(stands)
        ]
        return accrue(owed, actor, at)

    monkeypatch.setattr(judging, "award", again)


def sales_spend_committed_money(monkeypatch: pytest.MonkeyPatch) -> None:
    free_of = commitments.free_of

    def all_of_it(ledger_owner: str) -> Money | None:
        free = free_of(ledger_owner)
        return free and reservation.reserved(ledger_owner, free.currency)

    monkeypatch.setattr(commitments, "free_of", all_of_it)


def a_canceled_campaign_takes_what_was_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(campaign: Campaign) -> Money:
        return zero(campaign.currency)

    monkeypatch.setattr(ending, "committed", nothing)


def a_refund_told_twice_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    learn = booking._learn_refund

    def twice(sale: Sale, refund: Refund) -> UUID | None:
        fresh = learn(sale, refund)
        if fresh is None:
            sale.refunded_minor += refund.amount.minor
        return fresh

    monkeypatch.setattr(booking, "_learn_refund", twice)


def tied_entries_are_ranked_by_who_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = prizes.ranked

    def one_after_the_other(table: Sequence[Money], entries: Sequence[Scored]) -> list[Placed]:
        none = zero(table[0].currency)
        wins = [*table, *[none] * len(entries)]
        return [
            Placed(it.entry_id, it.rank, it.score, prize)
            for it, prize in zip(ranked(table, entries), wins, strict=False)
        ]

    monkeypatch.setattr(prizes, "ranked", one_after_the_other)


# With the rules that lead to each: the same machine, without what only takes time here.
PLANTS: dict[Plant, tuple[str, ...]] = {
    a_clawback_ignores_what_was_clawed_before: ("order", "shop_refunds"),
    an_award_runs_twice: ("a_contest_is_judged", "award_at_the_wrong_time"),
    sales_spend_committed_money: ("order", "orders_at_once"),
    a_canceled_campaign_takes_what_was_submitted: ("submit", "cancel_campaign"),
    a_refund_told_twice_counts_twice: ("order", "shop_refunds"),
    tied_entries_are_ranked_by_who_came_first: ("a_contest_is_judged", "time_passes"),
}


def only(machine: type[Everything], rules: Sequence[str]) -> type[Everything]:
    """The machine that calls no other rule by itself."""

    def plain(method: Callable[..., None]) -> Callable[..., None]:
        return lambda self, *values, **named: method(self, *values, **named)

    known = {it for it, method in inspect.getmembers(machine) if hasattr(method, RULE_MARKER)}
    assert set(rules) <= known, "a rule was renamed"
    others = {
        name: plain(method)
        for name, method in inspect.getmembers(machine)
        if hasattr(method, RULE_MARKER) and name not in rules
    }
    return type("Focused", (machine,), others)


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_any_order_of_work_sales_contests_and_payouts_keeps_the_books_whole(
    machine: type[Everything],
) -> None:
    examples, steps = trials(2, 12), trials(25, 40)
    failure: BaseException | None = None
    try:
        explore(machine, examples, steps)
    except STUMBLES as error:
        failure = error
    planted = list(PLANTS)[: trials(2, len(PLANTS))]
    found = [
        plant.__name__ for plant in planted if finds(only(machine, PLANTS[plant]), plant, 20, 12)
    ]
    record_proof(
        "machine.whole",
        trials=examples,
        violations=int(failure is not None),
        control_violations=len(found),
        seed=0,
    )
    if failure is not None:
        raise failure
    assert found == [plant.__name__ for plant in planted]
