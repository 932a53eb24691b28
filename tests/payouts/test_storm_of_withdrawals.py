"""The storm: twelve withdraw one creator's whole balance at once, and exactly one payout is made.

A payout run locks the creator first; here nobody does, so that what the database itself refuses is
all that is left: the floor of the creator's account, and the rule of one open payout.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money, zero
from marketplace.payouts import opening as runs
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.payouts.recovery import divide
from marketplace.payouts.run import PayoutRun, PayoutRunLine
from tests.make import (
    earn_matured,
    make_creator,
    make_destination,
    reserve,
    run_after_maturity,
)
from tests.storm import Act, IsRight, Scene, prove
from tests.within import within

__all__ = ["within"]

SEED = 1
THREADS = 12  # the pool has fifteen connections
EARNED = Money(15_000, "USD")
RESERVED, REFUSED = "reserved", "refused"
ONE_OPEN = "uq_payout_open"

Owner = psycopg.Connection[Any]


def twelve_withdraw_all(winners: list[int]) -> Scene:
    def scene(rand: random.Random) -> tuple[list[Act], IsRight]:
        """A creator with 150.00 available, and twelve who reserve all of it for a payout."""
        creator = make_creator(time_zone="UTC").creator
        earn_matured(creator, str(EARNED))
        destination_id, at = make_destination(creator).id, clock.now()
        assert runs.open_due(run_after_maturity(creator))
        db.session.commit()
        creator_id, owner = creator.id, f"creator:{creator.id.hex}"
        run_id = db.session.query(PayoutRun).one().id
        parts = divide(balances.balance(postings.creator_available(owner), "USD"), zero("USD"))

        def withdraw() -> str:
            destination = db.session.get_one(Destination, destination_id)
            try:
                made = reserve(creator_id, destination, run_id, parts, at)
            except IntegrityError as error:
                if ONE_OPEN not in str(error):
                    raise
                db.session.rollback()
                return REFUSED
            line = db.session.get_one(PayoutRunLine, (run_id, creator_id, "USD"))
            line.state, line.payout_id = "included", made.id
            return RESERVED

        def one_got_it(results: list[Any]) -> bool:
            made = db.session.query(Payout).all()
            winners.append(len(made))
            left = balances.balance(postings.creator_available(owner), "USD")
            return (
                results.count(RESERVED) == len(made) == 1
                and made[0].amount == parts.paid
                and left == zero("USD")
            )

        return [withdraw] * THREADS, one_got_it

    return scene


@contextmanager
def without_guards(owner: Owner) -> Iterator[None]:
    """A creator's balance may go below zero, and any number of payouts may be open."""
    (index,) = owner.execute(
        "SELECT indexdef FROM pg_indexes WHERE indexname = %s", [ONE_OPEN]
    ).fetchall()
    floor = "UPDATE ledger.account_kind SET floor_minor = %s WHERE kind = 'creator_available'"
    owner.execute(f"DROP INDEX {ONE_OPEN}")
    owner.execute(floor, [None])
    owner.commit()
    try:
        yield
    finally:
        db.session.remove()
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM payout_line")
        owner.execute("DELETE FROM payout")
        owner.execute(floor, [0])
        owner.execute(index[0])
        owner.commit()


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_of_twelve_who_withdraw_a_creators_whole_balance_one_gets_it(
    app: Flask, owner: Owner, database_url: str
) -> None:
    winners: list[int] = []
    scenes = [(twelve_withdraw_all(winners), without_guards(owner))]
    prove("storm.st1", app, database_url, scenes, seed=SEED)
    assert max(winners) > 1, "without the guards the balance must be paid out more than once"
