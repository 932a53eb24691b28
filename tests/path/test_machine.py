"""Whatever happens in whatever order: the books equal plain integers; planted bugs are found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from marketplace.funding import refund as refunds
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit
from marketplace.ledger import postings
from marketplace.ledger.draft import Cause, Draft
from marketplace.money import Money
from marketplace.payouts import leaving, refusal
from marketplace.payouts import payout as payouts
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from tests.harness import record_proof, trials
from tests.path.exploring import STUMBLES, Plant, bound, explore, finds
from tests.path.machine import Path
from tests.scripted import Scripted, scripted
from tests.within import within

__all__ = ["scripted", "within"]


@pytest.fixture
def machine(scripted: Scripted, database_url: str) -> Iterator[type[Path]]:
    with bound(Path, scripted, database_url) as it:
        yield it


def unknown_is_taken_for_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(payout: Payout, why: str, at: datetime) -> None:
        refusal.refused(payout, "no_answer", why, at)

    monkeypatch.setattr(payouts, "doubted", give_up)


def refunds_forget_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_it(deposit: Deposit) -> Money:
        return deposit.amount

    monkeypatch.setattr(refunds, "refundable", all_of_it)


def a_canceled_campaign_keeps_its_money(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(
        brand_owner: str, campaign_owner: str, currency: str, cause: Cause, at: datetime
    ) -> Money:
        return Money(0, currency)

    monkeypatch.setattr(reservation, "release", nothing)


def a_canceled_payout_forgets_the_debt(monkeypatch: pytest.MonkeyPatch) -> None:
    release = postings.payout_released

    def keep_it(owner: str, amount: Money, recovered: Money, cause: Cause, at: datetime) -> Draft:
        return release(owner, amount, Money(0, amount.currency), cause, at)

    monkeypatch.setattr(postings, "payout_released", keep_it)


def what_came_back_is_paid_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(destination: Destination) -> Payout | None:
        return None

    monkeypatch.setattr(leaving, "unseen_return", never)


PLANTS: tuple[Plant, ...] = (
    what_came_back_is_paid_again_by_itself,
    a_canceled_payout_forgets_the_debt,
    unknown_is_taken_for_refused,
    refunds_forget_one_another,
    a_canceled_campaign_keeps_its_money,
)


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_any_order_of_events_keeps_the_books_whole_and_planted_bugs_are_found(
    machine: type[Path],
) -> None:
    examples, steps = trials(4, 24), trials(25, 40)
    failure: BaseException | None = None
    try:
        explore(machine, examples, steps)
    except STUMBLES as error:
        failure = error
    planted = PLANTS[: trials(2, len(PLANTS))]
    found = [plant.__name__ for plant in planted if finds(machine, plant, 100, 40)]
    record_proof(
        "machine.path",
        trials=examples,
        violations=int(failure is not None),
        control_violations=len(found),
        seed=0,
    )
    if failure is not None:
        raise failure
    assert found == [plant.__name__ for plant in planted]
