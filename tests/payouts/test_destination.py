"""A destination: one per creator, moved by what the processor says and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace import statuses
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.processors.base import Snapshot
from marketplace.processors.outbox import ProcessorRequest
from tests.make import make_creator
from tests.within import at_once, locked, refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


def connect(creator_id: UUID) -> Destination:
    return destinations.connect(creator_id, "ines@example.com", "USD", "user:1", AT)


@pytest.fixture
def destination(creator: Creator) -> Destination:
    """Just asked for."""
    asked = connect(creator.id)
    db.session.commit()
    return asked


def say(destination: Destination, state: str, *requirements: str) -> Snapshot:
    """The processor says how the account stands."""
    told = Snapshot(
        kind="recipient",
        remote_id=f"acct_{destination.id.hex}",
        our_ref=destination.id.hex,
        state=state,
        livemode=False,
        requirements=requirements,
    )
    destinations.converge(locked(Destination, destination.id), told, AT)
    db.session.commit()
    return told


# ---- asking for it


def test_asking_intends_one_account_for_the_creators_country(
    creator: Creator, destination: Destination
) -> None:
    assert destination.status == DestinationStatus.REQUESTED
    asked = db.session.scalars(select(ProcessorRequest)).one()
    assert asked.subject_id == destination.id
    assert asked.body["identity"]["country"] == "fr"
    assert asked.body["display_name"] == creator.name
    assert destinations.current(creator.id) == destination


def test_asking_again_returns_the_first(creator: Creator, destination: Destination) -> None:
    assert connect(creator.id) == destination
    db.session.commit()
    assert db.session.query(ProcessorRequest).count() == 1


def test_eight_clicks_at_once_make_one_destination(app: Flask, creator: Creator) -> None:
    creator_id = creator.id
    db.session.commit()
    results = at_once(app, *[lambda: connect(creator_id).id] * 8)
    (destination,) = db.session.query(Destination)
    assert results == [destination.id] * 8
    assert db.session.query(ProcessorRequest).count() == 1


def test_a_refused_account_may_be_asked_for_again(
    creator: Creator, destination: Destination
) -> None:
    destinations.refused(destination, "this country is not reached", AT)
    db.session.commit()
    assert (destination.status, destination.refusal) == (
        DestinationStatus.REFUSED,
        "this country is not reached",
    )
    assert destinations.current(creator.id) is None
    second = connect(creator.id)
    db.session.commit()
    assert second.id != destination.id
    assert destinations.current(creator.id) == second


@pytest.mark.parametrize("state", ["pending", "active", "restricted"])
def test_a_late_refusal_changes_nothing_once_there_is_an_account(
    destination: Destination, state: str
) -> None:
    say(destination, state)
    before = destination.status
    destinations.refused(destination, "too late", AT)
    assert (destination.status, destination.refusal) == (before, None)


# ---- what the processor says


def test_an_account_that_was_made_waits_for_the_creator(destination: Destination) -> None:
    say(destination, "pending", "a passport")
    assert destination.status == DestinationStatus.ONBOARDING
    assert destination.remote_account == f"acct_{destination.id.hex}"
    assert destination.requirements == ["a passport"]


def test_an_account_goes_up_and_down_as_the_processor_says(destination: Destination) -> None:
    for state, expected in (
        ("restricted", "restricted"),
        ("active", "active"),
        ("active", "active"),
        ("restricted", "restricted"),
        ("pending", "restricted"),  # no word that moves it
        ("active", "active"),
        ("a new word of theirs", "active"),
    ):
        say(destination, state)
        assert destination.status == expected
    assert [move.event for move in statuses.history(destination)] == [
        "create",
        "open",
        "restrict",
        "activate",
        "restrict",
        "activate",
    ]


def test_the_same_news_again_is_harmless(destination: Destination) -> None:
    for _ in range(3):
        say(destination, "active")
    assert len(statuses.history(destination)) == 3


def test_requirements_are_those_of_now(destination: Destination) -> None:
    say(destination, "restricted", "a passport", "an account")
    say(destination, "restricted", "an account")
    assert destination.requirements == ["an account"]
    say(destination, "active")
    assert destination.requirements == []


def test_a_visit_to_our_page_moves_nothing_but_is_followed_up(destination: Destination) -> None:
    say(destination, "restricted", "a passport")
    assert destination.next_check_at is None
    destinations.visited(destination, AT)
    db.session.commit()
    assert destination.status == DestinationStatus.RESTRICTED
    assert destination.next_check_at == AT + timedelta(seconds=20)
    say(destination, "restricted", "a passport")
    assert destination.next_check_at is not None
    say(destination, "active")
    assert destination.next_check_at is None


# ---- the database


def test_the_database_keeps_one_current_destination_and_one_owner_of_an_account(
    creator: Creator, destination: Destination
) -> None:
    told = say(destination, "active")
    tom = connect(make_creator("tom").creator.id)
    db.session.commit()
    with refused(IntegrityError, match="uq_destination_remote_account"):
        destinations.converge(tom, replace(told, our_ref=tom.id.hex), AT)
        db.session.flush()
    with refused(IntegrityError, match="uq_destination_current"):
        tom.creator_id = creator.id
        db.session.flush()


def test_the_database_refuses_an_account_before_it_was_made(
    destination: Destination, owner: psycopg.Connection[Any]
) -> None:
    for change in ("remote_account = 'acct_1'", "status = 'active'", "status = 'nonsense'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE destination SET {change}")
        owner.rollback()
