"""Storms: two creators take the last place at once; a brand cancels while its work is approved.

Each round is a fresh campaign. In the control the lock on the campaign is taken away, which is what
puts everybody who changes it into one line.
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
from marketplace.campaigns import acceptance, commitments, ending
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.deliverable import Deliverable
from marketplace.database.lock import lock
from marketplace.earnings.earning import Earning
from marketplace.extensions import Base, db
from marketplace.funding import reservation
from marketplace.money import Money
from tests.agreeing import LINK, actor_of, ask_for_place, make_agreement, new_member, work_of
from tests.make import make_brand, make_campaign
from tests.storm import Act, Scene, prove
from tests.within import at_once, refusals, within

__all__ = ["within"]

SEED = 11


def last_place(rand: random.Random) -> tuple[list[Act], Callable[[list[Any]], bool]]:
    """One place; the brand accepts one creator while another accepts their invitation."""
    campaign = make_campaign(make_brand(), status="open", places=1)
    ids = [ask_for_place(campaign.id).id, ask_for_place(campaign.id, invited=True).id]
    rand.shuffle(ids)

    def take(id: UUID) -> Act:
        return lambda: acceptance.accept(id, "user:1", clock.now()).id

    def exactly_one(results: list[Any]) -> bool:
        won = [it for it in results if isinstance(it, UUID)]
        return len(won) == 1 and db.session.query(Agreement).count() == 1

    return [take(id) for id in ids], exactly_one


def approve_and_cancel(rand: random.Random) -> tuple[list[Act], Callable[[list[Any]], bool]]:
    """The brand approves one work and calls the campaign off, as another creator hands in."""
    team, at = make_brand(), clock.now()
    campaign_id = make_campaign(team, status="open", places=3).id
    submitted = work_of(make_agreement(campaign_id, work="submitted").id).id
    creator = new_member()
    due = work_of(make_agreement(campaign_id, creator).id).id
    actor, brand_owner = actor_of(creator), team.brand.ledger_owner

    def cancel() -> object:
        campaign = vars(ending)["lock"](Campaign, campaign_id)  # as the control replaces it
        assert campaign is not None
        return ending.cancel(campaign, "user:1", "a change of plans", at)

    acts: list[Act] = [
        cancel,
        lambda: deliverables.approve(submitted, "user:1", at) and None,
        lambda: deliverables.submit(due, LINK, "", actor, at) and None,
    ]
    rand.shuffle(acts)

    def paid_or_released(results: list[Any]) -> bool:
        """Approved work is paid; what was handed in keeps its money; all else is back."""
        kept = 10_000 * (_status(due) == "submitted")
        campaign = db.session.get_one(Campaign, campaign_id)
        held = reservation.reserved(campaign.ledger_owner, "USD")
        back = reservation.available(brand_owner, "USD")
        return (
            _status(submitted) == "approved"
            and db.session.query(Earning).count() == 1
            and _status(due) in ("submitted", "canceled")
            and (held, back) == (Money(kept, "USD"), Money(20_000 - kept, "USD"))
        )

    return acts, paid_or_released


def _status(deliverable_id: UUID) -> str:
    return db.session.get_one(Deliverable, deliverable_id).status


@contextmanager
def without_the_campaigns_lock() -> Iterator[None]:
    """Whoever changes a campaign no longer waits for the others."""

    def unlocked(model: type[Base], id: UUID) -> Base | None:
        return db.session.get(model, id) if model is Campaign else lock(model, id)

    with pytest.MonkeyPatch.context() as monkeypatch:
        for module in (acceptance, deliverables, ending):
            monkeypatch.setattr(module, "lock", unlocked)
        yield


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between counting and writing there is time for others to get in between."""
    count, look = commitments.places_taken, commitments.committed

    def count_slowly(campaign_id: UUID) -> int:
        taken = count(campaign_id)
        time.sleep(0.05)
        return taken

    def look_slowly(campaign: Campaign) -> Money:
        found = look(campaign)
        time.sleep(0.05)
        return found

    monkeypatch.setattr(commitments, "places_taken", count_slowly)
    monkeypatch.setattr(ending, "committed", look_slowly)


@pytest.mark.proof
@pytest.mark.usefixtures("slowly", "broken_on_purpose")
@pytest.mark.parametrize(
    ("id", "scene"),
    [("storm.place", last_place), ("storm.cancel", approve_and_cancel)],
    ids=["place", "cancel"],
)
def test_nobody_gets_in_between(app: Flask, database_url: str, id: str, scene: Scene) -> None:
    unlocked = without_the_campaigns_lock()
    prove(id, app, database_url, [(scene, unlocked)], seed=SEED, full=200)


def test_the_same_instant_of_silence_and_of_approval_pays_once(app: Flask) -> None:
    campaign_id = make_campaign(make_brand(), status="open").id
    work = work_of(make_agreement(campaign_id, work="submitted").id)
    id, due = work.id, work.review_by
    assert isinstance(due, datetime)
    db.session.remove()
    results = at_once(
        app,
        lambda: deliverables.approve(id, "user:1", due) and None,
        lambda: deliverables.approve_due(due) and None,
    )
    assert len(refusals(results)) <= 1
    assert db.session.query(Earning).count() == 1
