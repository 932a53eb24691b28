"""A storm: refunds, a dispute and reservations at one moment never take more than there was."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask

from marketplace.campaigns import budget, ending
from marketplace.campaigns.campaign import Campaign
from marketplace.database import lock as locks
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_where
from marketplace.extensions import db
from marketplace.funding import chargeback, refund
from marketplace.funding.deposit import Deposit
from marketplace.funding.dispute import Dispute
from marketplace.funding.refund import refundable
from marketplace.money import Money
from marketplace.processors.base import (
    Snapshot,
)
from marketplace.processors.listing import Moved
from tests.harness import record_proof, trials
from tests.make import make_brand, make_campaign, make_deposit, pay
from tests.within import at_once, locked, within

__all__ = ["within"]

pytestmark = pytest.mark.proof

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SEED = 20_261_130
CHARGED = 30_000


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def storm(app: Flask, chance: random.Random) -> Money:
    """One deposit, refunds and a dispute of it at one moment; return what is left of it."""
    team = make_brand()
    campaign = make_campaign(team, status="awaiting_funds")
    asked = make_deposit(team, campaign)
    ending.cancel(campaign, "user:1", "no longer wanted", AT)
    deposit = pay(asked)
    for _ in range(3):  # so that it is not what the brand has that stops them
        pay(make_deposit(team, make_campaign(team, status="canceled")))
    other = make_campaign(team, status="awaiting_funds", title="Another").id
    disputed = chance.randrange(10_000, CHARGED + 1)
    told = Snapshot(
        "dispute",
        f"du_{deposit.id.hex}",
        None,
        "needs_response",
        False,
        usd(disputed),
        charge_ref=deposit.charge_ref,
        moved=(Moved(f"txn_{deposit.id.hex}_d", usd(-disputed), usd(1_500)),),
        reason="fraudulent",
    )
    id = deposit.id
    db.session.commit()

    def dispute() -> None:
        held = locked(Deposit, id)
        known = lock_where(Dispute, Dispute.dispute_ref == told.remote_id)
        chargeback.converge(held, known, told, AT)

    def go_back(minor: int) -> Callable[[], None]:
        return lambda: _refund(id, minor)

    def reserve() -> None:
        budget.fund_from_balance(locked(Campaign, other), "user:1", AT)

    acts = [dispute, dispute, reserve]
    acts += [go_back(chance.randrange(5_000, CHARGED)) for _ in range(3)]
    chance.shuffle(acts)
    at_once(app, *acts)
    left = refundable(db.session.get_one(Deposit, id, populate_existing=True))
    db.session.rollback()
    return left


def _refund(id: UUID, minor: int) -> None:
    refund.request(id, usd(minor), actor="user:1", form_key=new_id(), at=AT)


def overdrawn(app: Flask, count: int, seed: int) -> int:
    """In how many of so many storms more went back than was charged."""
    chance = random.Random(seed)
    return sum(storm(app, chance).minor < 0 for _ in range(count))


def test_refunds_and_disputes_at_one_moment_share_one_budget(app: Flask) -> None:
    count = trials(10, 100)
    assert overdrawn(app, count, SEED) == 0


@pytest.mark.usefixtures("broken_on_purpose")
def test_without_the_deposits_lock_more_goes_back_than_was_charged(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the storm above; both are recorded here."""
    count = trials(10, 100)
    violations = overdrawn(app, count, SEED)

    def unlocked(model: type, id: UUID) -> object:
        return db.session.get(model, id, populate_existing=True)

    monkeypatch.setattr(refund, "lock", unlocked)
    monkeypatch.setattr(locks, "lock", unlocked)
    monkeypatch.setattr("tests.within.lock", unlocked)
    control = overdrawn(app, count, SEED + 1)
    record_proof(
        "storm.dispute", trials=count, violations=violations, control_violations=control, seed=SEED
    )
    assert violations == 0
    assert control > 0
