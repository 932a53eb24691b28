"""The storm: where a creator is paid changes while a payout, or a proof of address, is in flight.

A person's address of mail and whether they operate never change here; what can, does.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock
from marketplace.database import lock as locking
from marketplace.extensions import Base, db
from marketplace.payouts import destination as destinations
from marketplace.payouts import leaving, receiver
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.worker.sender import send_next
from tests.make import make_creator, make_payout
from tests.scripted import Scripted, scripted
from tests.storm import Act, IsRight, place_of, prove
from tests.within import within
from tests.worker import ways

__all__ = ["scripted", "within"]


SEED = 9
OLD, NEW = "old@example.com", "new@example.com"


def replaced_while_it_leaves(adapter: Scripted) -> Callable[[random.Random], tuple[Any, IsRight]]:
    def scene(rand: random.Random) -> tuple[list[Act], IsRight]:
        """A payout is due to leave while its creator names another account."""
        payout = make_payout(make_creator(time_zone="UTC").creator)
        ways.only_this_is_sent(payout.id)
        id, creator_id, old, at = payout.id, payout.creator_id, payout.destination_id, clock.now()

        def replace() -> UUID:
            return receiver.replace(creator_id, NEW, "user:1", at).id

        acts: list[Act] = [replace, *[lambda: send_next(at)] * 2]
        rand.shuffle(acts)

        def left_before_or_not_at_all(results: list[Any]) -> bool:
            while send_next(at):
                pass
            status = db.session.get_one(Payout, id).status
            made = sum(it.our_ref == id.hex for it in adapter.made.values())
            if status == PayoutStatus.HELD:
                return made == 0
            before = place_of(id, "send") < place_of(old, "replace")
            return (status, made, before) == (PayoutStatus.PAID, 1, True)

        return acts, left_before_or_not_at_all

    return scene


def another_while_it_is_proven(rand: random.Random) -> tuple[list[Act], IsRight]:
    """Somebody opens the link that proves an address while its creator names another one."""
    creator_id, at = make_creator().creator.id, clock.now()
    old = receiver.name(creator_id, OLD, "user:1", at).id
    db.session.commit()

    def locked() -> Destination:
        found: Destination = vars(locking)["lock"](Destination, old)  # as the control replaces it
        return found

    def prove_it() -> None:
        receiver.confirm(locked(), at)

    def name_another() -> None:
        receiver.withdraw(locked(), "user:1", at)
        db.session.flush()
        receiver.name(creator_id, NEW, "user:1", at)

    acts: list[Act] = [prove_it, name_another, prove_it]
    rand.shuffle(acts)

    def only_one_is_it(results: list[Any]) -> bool:
        """Proven, and then not taken back; or taken back, and the link proves nothing."""
        first = db.session.get_one(Destination, old)
        current = destinations.current(creator_id)
        assert current is not None
        if first.status == DestinationStatus.ACTIVE:
            return current.id == old and first.usable_at is not None
        return (
            first.status == DestinationStatus.REFUSED
            and first.usable_at is None
            and (current.remote_account, current.status) == (NEW, DestinationStatus.ONBOARDING)
        )

    return acts, only_one_is_it


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and acting there is time for others to get in between."""
    closed_for, waits = Destination.closed_for, receiver.waits

    def look_slowly(destination: Destination, at: datetime) -> str | None:
        found = closed_for(destination, at)
        time.sleep(0.02)
        return found

    def wait_slowly(destination: Destination | None) -> bool:
        found = waits(destination)
        time.sleep(0.01)
        return found

    monkeypatch.setattr(Destination, "closed_for", look_slowly)
    monkeypatch.setattr(receiver, "waits", wait_slowly)


@contextmanager
def without_the_locks() -> Iterator[None]:
    def unlocked(model: type[Base], id: UUID) -> Base | None:
        return db.session.get(model, id)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(leaving, "lock", unlocked)
        monkeypatch.setattr(locking, "lock", unlocked)
        yield


@pytest.mark.proof
@pytest.mark.usefixtures("slowly", "broken_on_purpose")
def test_where_one_is_paid_changes_before_a_payout_leaves_or_after(
    app: Flask, database_url: str, scripted: Scripted
) -> None:
    scenes = [
        (replaced_while_it_leaves(scripted), without_the_locks()),
        (another_while_it_is_proven, without_the_locks()),
    ]
    prove("storm.st9", app, database_url, scenes, seed=SEED)
