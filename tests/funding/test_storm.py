"""The storm: many partial refunds of one charge at once give back no more than was charged."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.campaigns import ending
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit
from marketplace.money import Money
from tests.make import make_brand, make_campaign, make_deposit, pay
from tests.storm import Act, IsRight, prove
from tests.within import within

__all__ = ["within"]

SEED = 4
CHARGED, PART = Money(30_000, "USD"), Money(7_000, "USD")
AT_ONCE, FIT = 8, 4  # parts that are asked for, and that the charge covers


def parts_of_one_charge(rand: random.Random) -> tuple[list[Act], IsRight]:
    """Two charges of 300.00, so that the brand's money alone would cover all eight refunds."""
    team = make_brand()
    ids = []
    for _ in range(2):
        campaign = make_campaign(team, status="awaiting_funds")
        deposit = make_deposit(team, campaign)
        ending.cancel(campaign, "user:1", "no longer wanted", clock.now())
        ids.append(pay(deposit).id)
        assert deposit.amount == CHARGED
    charged = rand.choice(ids)

    def give_back() -> UUID:
        made = refunds.request(charged, PART, actor="user:1", form_key=new_id(), at=clock.now())
        return made.id

    def as_much_as_fits(results: list[Any]) -> bool:
        given = [it for it in results if isinstance(it, UUID)]
        refused = [it for it in results if isinstance(it, BadInput)]
        return (len(given), len(refused)) == (FIT, AT_ONCE - FIT)

    return [give_back] * AT_ONCE, as_much_as_fits


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between adding up and setting aside there is time for others to get in between."""
    refundable = refunds.refundable

    def add_up_slowly(deposit: Deposit) -> Money:
        left = refundable(deposit)
        time.sleep(0.01)
        return left

    monkeypatch.setattr(refunds, "refundable", add_up_slowly)


@contextmanager
def without_the_deposits_lock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(refunds, "lock", lambda model, id: db.session.get(model, id))
        yield


@pytest.mark.proof
@pytest.mark.usefixtures("slowly", "broken_on_purpose")
def test_partial_refunds_at_once_give_back_no_more_than_was_charged(
    app: Flask, database_url: str
) -> None:
    scenes = [(parts_of_one_charge, without_the_deposits_lock())]
    prove("storm.st4", app, database_url, scenes, seed=SEED)
