"""Each invariant of the comparison sees the violation it is for, planted as the owner."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from marketplace.processors.stripe import Stripe
from marketplace.reconciliation.invariants import CHECKS
from tests.make import make_operator
from tests.reconciliation.scenes import paid, reconcile
from tests.sandbox.server import SandboxServer

Owner = psycopg.Connection[Any]


@pytest.fixture
def seen_one(sandbox: SandboxServer, joined: Stripe, owner: Owner) -> Owner:
    """A payment that was reconciled, and a difference; what is planted on top is undone."""
    paid(sandbox, make_operator().id)
    sandbox.fund_paypal("100.00", from_stripe=True)
    assert reconcile().differences_found == 1
    assert seen(owner) == set()
    return owner


def seen(owner: Owner) -> set[str]:
    return {check.id for check in CHECKS if owner.execute(check.sql).fetchone()}


@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE balance_transaction SET amount_minor = amount_minor + 1 WHERE type = 'charge'",
        "UPDATE balance_transaction SET fee_minor = fee_minor - 1 WHERE type = 'charge'",
        "UPDATE balance_transaction SET currency = 'EUR' WHERE type = 'charge'",
    ],
)
def test_a_posting_unlike_what_the_processor_moved_is_seen(seen_one: Owner, planted: str) -> None:
    seen_one.execute(planted)
    assert seen(seen_one) == {"W6"}


@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE reconciliation_difference SET processor = 'paypal'",
        "UPDATE reconciliation_difference SET day = day + 2",
        "UPDATE reconciliation_difference SET seen_at = seen_at - interval '1 year'",
    ],
)
def test_a_difference_that_no_run_saw_is_seen(seen_one: Owner, planted: str) -> None:
    seen_one.execute(planted)
    assert seen(seen_one) == {"W7"}


TRACE = "WHERE thing = 'reconciliation_difference'"


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        (
            f"UPDATE status_change SET from_status = 'explained' {TRACE}",
            {"A1.reconciliation_difference", "A3.reconciliation_difference"},
        ),
        (
            "UPDATE reconciliation_difference SET status = 'closed'",
            {"A2.reconciliation_difference"},
        ),
    ],
)
def test_a_status_without_its_moves_is_seen(
    seen_one: Owner, planted: str, expected: set[str]
) -> None:
    seen_one.execute("SET LOCAL session_replication_role = replica")
    seen_one.execute(planted)
    assert seen(seen_one) == expected


@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE reconciliation_difference SET ours_minor = theirs_minor",
        "UPDATE reconciliation_difference SET status = 'explained'",
    ],
)
def test_the_database_refuses_what_is_no_difference_or_explains_nothing(
    seen_one: Owner, planted: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        seen_one.execute(planted)


def test_one_run_of_a_processor_is_under_way_at_a_time(seen_one: Owner, run_id: UUID) -> None:
    again = "UPDATE reconciliation_run SET state = 'events', finished_at = NULL, day = NULL"
    with pytest.raises(psycopg.errors.UniqueViolation):
        seen_one.execute(again)


@pytest.fixture
def run_id(seen_one: Owner) -> UUID:
    reconcile()
    found: tuple[UUID] | None = seen_one.execute(
        "SELECT id FROM reconciliation_run LIMIT 1"
    ).fetchone()
    assert found
    return found[0]
