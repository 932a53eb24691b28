"""The storm: a payout is called off, sent and held in one moment, and ends in one way only."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.database import lock as locking
from marketplace.extensions import Base, db
from marketplace.payouts import creator_hold, leaving
from marketplace.payouts import payout as payouts
from marketplace.payouts.creator_hold import CreatorHold
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.processors import outbox
from marketplace.processors.base import Op
from marketplace.webhooks import converge
from marketplace.worker.sender import send_next
from tests.make import make_creator, make_payout
from tests.scripted import Scripted, scripted
from tests.storm import Act, IsRight, place_of, prove
from tests.within import within
from tests.worker import ways

__all__ = ["scripted", "within"]

SEED = 3
CANCELED = "called off"
# How it may end, and how often it was then made at the processor.
ENDINGS = {PayoutStatus.PAID: 1, PayoutStatus.CANCELED: 0, PayoutStatus.HELD: 0}


def called_off_sent_and_held(adapter: Scripted) -> Callable[[random.Random], tuple[Any, IsRight]]:
    def scene(rand: random.Random) -> tuple[list[Act], IsRight]:
        """One payout that is due to leave; an operator, two workers and a hold are at it."""
        payout = make_payout(make_creator(time_zone="UTC").creator)
        ways.only_this_is_sent(payout.id)
        id, creator_id, at = payout.id, payout.creator_id, clock.now()

        def call_off() -> str:
            mine = vars(locking)["lock"](Payout, id)  # as the control replaces it
            payouts.cancel(mine, "user:1", "asked for by the creator", at)
            return CANCELED

        def hold() -> UUID:
            review_at = at + timedelta(days=9)
            return creator_hold.place(creator_id, "a closer look", review_at, "user:1", at).id

        acts: list[Act] = [call_off, hold, *[lambda: send_next(at)] * 2]
        rand.shuffle(acts)

        def ended_in_one_way(results: list[Any]) -> bool:
            while send_next(at):
                pass
            status = db.session.get_one(Payout, id).status
            made = sum(it.our_ref == id.hex for it in adapter.made.values())
            placed = db.session.query(CreatorHold).one()
            return (
                ENDINGS.get(PayoutStatus(status)) == made
                and (CANCELED in results) == (status == PayoutStatus.CANCELED)
                and (not made or place_of(id, "send") < place_of(placed.id, "create"))
            )

        return acts, ended_in_one_way

    return scene


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and leaving there is time for others to get in between."""
    active, abandon = creator_hold.active, outbox.abandon

    def look_slowly(creator_id: UUID) -> CreatorHold | None:
        found = active(creator_id)
        time.sleep(0.02)
        return found

    def abandon_slowly(op: Op, subject_id: UUID) -> bool:
        time.sleep(0.01)
        return abandon(op, subject_id)

    monkeypatch.setattr(creator_hold, "active", look_slowly)
    monkeypatch.setattr(outbox, "abandon", abandon_slowly)


@contextmanager
def without_the_payouts_lock() -> Iterator[None]:
    """Nobody locks the payout, and who calls it off does not ask whether it has left."""

    def unlocked(model: type[Base], id: UUID) -> Base | None:
        return db.session.get(model, id)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(locking, "lock", unlocked)
        monkeypatch.setattr(converge, "lock", unlocked)
        monkeypatch.setattr(leaving, "lock", unlocked)
        monkeypatch.setattr(outbox, "abandon", lambda op, subject_id: True)
        yield


@pytest.mark.proof
@pytest.mark.usefixtures("slowly", "broken_on_purpose")
def test_a_payout_called_off_sent_and_held_at_once_ends_in_one_way(
    app: Flask, database_url: str, scripted: Scripted
) -> None:
    scenes = [(called_off_sent_and_held(scripted), without_the_payouts_lock())]
    prove("storm.st3", app, database_url, scenes, seed=SEED)
