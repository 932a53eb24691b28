"""A difference stands until it is gone; what explains it holds for that gap alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from marketplace import clock, statuses
from marketplace.database.lock import lock
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.funding import moving
from marketplace.processors.stripe import Stripe
from marketplace.reconciliation import difference
from marketplace.reconciliation.difference import Difference, DifferenceStatus
from tests.make import make_operator
from tests.processors.make import usd
from tests.reconciliation.scenes import paid, reconcile, standing
from tests.sandbox.server import SandboxServer


@pytest.fixture
def missing(sandbox: SandboxServer, joined: Stripe) -> UUID:
    """100.00 USD left for PayPal and nobody wrote it down."""
    paid(sandbox, make_operator().id)
    sandbox.fund_paypal("100.00", from_stripe=True)
    assert reconcile().differences_found == 1
    found = db.session.query(Difference.id).one()[0]
    db.session.rollback()
    return found


def fresh(id: UUID) -> Difference:
    return db.session.get_one(Difference, id, populate_existing=True)


def explain(id: UUID, note: str = "It is on its way to PayPal.") -> None:
    locked = lock(Difference, id)
    assert locked is not None
    difference.explain(locked, note, "user:1", clock.now())
    db.session.commit()


def test_it_grows_old_and_is_new_only_once(missing: UUID) -> None:
    before = fresh(missing)
    first_seen_at, seen_at = before.first_seen_at, before.seen_at
    assert reconcile().differences_found == 0
    same = fresh(missing)
    assert same.status == DifferenceStatus.OPEN
    assert same.seen_at > seen_at
    assert same.first_seen_at == first_seen_at


def test_it_closes_by_itself_once_the_sums_agree(missing: UUID) -> None:
    moving.move("stripe", "paypal", usd(10_000), "8TJ", "user:1", clock.now())
    db.session.commit()
    assert reconcile().differences_found == 0
    assert fresh(missing).status == DifferenceStatus.CLOSED
    assert standing() == []


def test_what_is_explained_fails_no_run_and_closes_like_any_other(missing: UUID) -> None:
    explain(missing)
    assert reconcile().differences_found == 0
    known = fresh(missing)
    assert (known.status, known.note) == ("explained", "It is on its way to PayPal.")
    assert statuses.history(known)[-1].reason == known.note
    with pytest.raises(WrongState):
        explain(missing)
    db.session.rollback()

    moving.move("stripe", "paypal", usd(10_000), "8TJ", "user:1", clock.now())
    db.session.commit()
    reconcile()
    assert fresh(missing).status == DifferenceStatus.CLOSED


def test_another_gap_at_the_same_place_is_new_and_of_the_same_age(
    sandbox: SandboxServer, missing: UUID
) -> None:
    explain(missing)
    sandbox.fund_paypal("5.00", from_stripe=True)

    assert reconcile().differences_found == 1

    old, new = db.session.query(Difference).order_by(Difference.status_at)
    assert (old.id, old.status) == (missing, DifferenceStatus.CLOSED)
    assert (new.status, new.gap, new.note) == (DifferenceStatus.OPEN, usd(-10_500), "")
    assert new.first_seen_at == old.first_seen_at


def test_more_that_agrees_leaves_an_explained_gap_as_it_is(
    sandbox: SandboxServer, missing: UUID
) -> None:
    explain(missing)
    sandbox.fund_paypal("5.00", from_stripe=True)
    moving.move("stripe", "paypal", usd(500), "9TK", "user:1", clock.now())
    db.session.commit()

    assert reconcile().differences_found == 0
    assert standing() == [("books", "payout", -10_500, -500)]
    assert fresh(missing).status == DifferenceStatus.EXPLAINED


def test_a_day_that_is_no_longer_compared_keeps_what_stands(
    sandbox: SandboxServer, missing: UUID
) -> None:
    days = timedelta(days=40)
    clock.set_offset(days)
    sandbox.set_offset(int(days.total_seconds()))
    assert reconcile().differences_found == 0
    assert fresh(missing).status == DifferenceStatus.OPEN
