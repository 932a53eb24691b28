"""The one mover of statuses: only the moves of the table, each written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from marketplace import clock, statuses
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application, ApplicationStatus
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.campaigns.deliverable import Deliverable
from marketplace.challenges.challenge import Challenge
from marketplace.challenges.entry import Entry
from marketplace.earnings.earning import Earning
from marketplace.errors import WrongState
from marketplace.extensions import Base, db
from marketplace.funding.deposit import Deposit
from marketplace.funding.refund import Refund
from marketplace.payouts.creator_hold import CreatorHold
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun
from tests.make import BrandTeam, make_brand, make_campaign
from tests.within import refused, within

__all__ = ["within"]

LIFECYCLES = (
    *(Campaign, Application, Agreement, Deliverable, Challenge, Entry),
    *(Deposit, Refund, Earning, Destination, CreatorHold, Payout, PayoutRun),
)
# Who asks decides where an application begins.
ALSO_FIRST: dict[type[Base], set[str]] = {Application: {ApplicationStatus.INVITED}}
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


def test_a_thing_begins_with_a_trace(team: BrandTeam) -> None:
    campaign = make_campaign(team)
    (began,) = statuses.history(campaign)
    assert (began.event, began.from_status, began.to_status) == ("create", None, "draft")
    assert (began.thing, began.thing_id) == ("campaign", campaign.id)
    assert began.actor == f"user:{team.user.id.hex}"
    assert campaign.status_at == began.at


def test_a_move_is_written_down_with_actor_reason_and_instant(team: BrandTeam) -> None:
    campaign = make_campaign(team)
    statuses.advance(campaign, "cancel", AT, "user:1", "a change of plans")
    db.session.commit()
    _, moved = statuses.history(campaign)
    assert (moved.event, moved.from_status, moved.to_status) == ("cancel", "draft", "canceled")
    assert (moved.actor, moved.reason, moved.at) == ("user:1", "a change of plans", AT)
    assert (campaign.status, campaign.status_at) == ("canceled", AT)


def test_history_is_told_in_the_order_in_which_it_happened(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="closed")
    told = [move.event for move in statuses.history(campaign)]
    assert told == ["create", "submit", "approve", "fund", "close"]


@pytest.mark.parametrize("status", list(CampaignStatus))
def test_any_event_that_is_not_in_the_table_is_refused(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    for event in {event for _, event in Campaign.MOVES} | {"nonsense"}:
        allowed = (status, event) in Campaign.MOVES
        assert statuses.allows(campaign, event) is allowed
        if not allowed:
            with refused(WrongState, match=f"cannot {event} this campaign: it is {status}"):
                statuses.advance(campaign, event, AT, "system")


def test_what_was_written_down_cannot_be_changed(
    team: BrandTeam, app_role: psycopg.Connection[object]
) -> None:
    make_campaign(team)
    for change in ("UPDATE status_change SET actor = 'x'", "DELETE FROM status_change"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(change)
        app_role.rollback()
    with pytest.raises(ProgrammingError):
        db.session.query(statuses.StatusChange).delete()
    db.session.rollback()


# ---- every table of moves


def words_of(moves: statuses.Moves) -> type[StrEnum]:
    """The class in which the statuses of a table are named and drawn, the first one first."""
    status, _ = next(iter(moves))
    assert isinstance(status, StrEnum)
    return type(status)


@pytest.mark.parametrize("model", LIFECYCLES, ids=lambda model: model.__tablename__)
def test_every_status_can_be_reached_from_the_first(model: type[Base]) -> None:
    moves: statuses.Moves = model.MOVES  # type: ignore[attr-defined]
    reached: set[str] = {next(iter(words_of(moves)))} | ALSO_FIRST.get(model, set())
    while more := {to for (source, _), to in moves.items() if source in reached} - reached:
        reached |= more
    assert reached == set(words_of(moves))


@pytest.mark.parametrize("model", LIFECYCLES, ids=lambda model: model.__tablename__)
def test_the_database_knows_the_same_statuses(
    model: type[Base], owner: psycopg.Connection[tuple[str]]
) -> None:
    moves: statuses.Moves = model.MOVES  # type: ignore[attr-defined]
    name = f"ck_{model.__tablename__}_status"
    found = owner.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]
    ).fetchone()
    assert found
    assert set(found[0].split("'")[1::2]) == set(words_of(moves))


@pytest.mark.parametrize("model", LIFECYCLES, ids=lambda model: model.__tablename__)
def test_the_drawing_shows_every_status_and_every_event(model: type[Base]) -> None:
    moves: statuses.Moves = model.MOVES  # type: ignore[attr-defined]
    drawing = words_of(moves).__doc__ or ""
    for status, event in moves:
        assert status in drawing
        assert event in drawing


def test_waits_that_have_a_date_say_it(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="awaiting_funds")
    assert Campaign.WAITS["awaiting_funds"].due(campaign) == campaign.closes_at
    assert campaign.closes_at is not None
    assert campaign.closes_at > clock.now() + timedelta(days=29)
    assert Campaign.WAITS["draft"].due(campaign) is None
