"""Each check of the books sees its violation, planted past every guard, and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from marketplace.database.check import Check
from marketplace.database.roles import APP_ROLE
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.invariants import CHECKS
from tests.ledger.make import NOON, cause, deposit, reservation, usd

Connection = psycopg.Connection[Any]

BY_ID = {check.id: check for check in CHECKS}
DEPOSIT = "(SELECT id FROM ledger.transaction WHERE kind = 'deposit_received')"
BRAND = "(SELECT id FROM ledger.account WHERE kind = 'brand_available')"
CLEARING = "(SELECT id FROM ledger.account WHERE kind = 'processor_clearing')"
FEES = "(SELECT id FROM ledger.account WHERE kind = 'platform_fees')"
ENTRY = """
    INSERT INTO ledger.entry
        (transaction_id, account_id, amount_minor, account_version, balance_after)
"""
HEADER = """
    INSERT INTO ledger.transaction (id, kind, cause_type, cause_id, idempotency_key, fingerprint,
                                    effective_at, reverses, entry_count)
"""


def header(reverses: str = "NULL") -> str:
    return (
        f"{HEADER} VALUES (gen_random_uuid(), 'x', 'x', gen_random_uuid(), 'planted', sha256('x'),"
        f" now(), {reverses}, 2)"
    )


# What is planted, and every check that must see it.
PLANTS: dict[str, tuple[str, set[str]]] = {
    "an amount changed": (
        f"UPDATE ledger.entry SET amount_minor = 999 WHERE account_id = {CLEARING}",
        {"L1", "L3"},
    ),
    "a header without entries": (header(), {"L2"}),
    "a late pair of entries": (
        f"{ENTRY} VALUES ({DEPOSIT}, {FEES}, 5, NULL, NULL), ({DEPOSIT}, -1, -5, NULL, NULL)",
        {"L1", "L2", "L3", "L8"},
    ),
    "a late entry that cancels nothing": (
        f"{ENTRY} VALUES ({DEPOSIT}, {FEES}, 5, NULL, NULL)",
        {"L1", "L2", "L3"},
    ),
    "an entry removed": (
        f"DELETE FROM ledger.entry WHERE account_id = {CLEARING}",
        {"L1", "L2", "L3"},
    ),
    "a header removed": (f"DELETE FROM ledger.transaction WHERE id = {DEPOSIT}", {"L2"}),
    "a balance moved by hand": (
        f"UPDATE ledger.account SET balance_minor = balance_minor - 1 WHERE id = {BRAND}",
        {"L3", "L4"},
    ),
    "a version moved by hand": (
        f"UPDATE ledger.account SET version = version + 1 WHERE id = {BRAND}",
        {"L4"},
    ),
    "a version gap": (
        f"UPDATE ledger.entry SET account_version = 9"
        f" WHERE account_id = {BRAND} AND account_version = 2",
        {"L5"},
    ),
    "a running balance that does not follow": (
        f"UPDATE ledger.entry SET balance_after = balance_after - 1 WHERE account_id = {BRAND}",
        {"L5"},
    ),
    "a floor broken in history": (
        f"UPDATE ledger.entry SET balance_after = 1"
        f" WHERE account_id = {BRAND} AND account_version = 1",
        {"L5", "L6"},
    ),
    "an account that changed side": (
        f"UPDATE ledger.account SET side = 1, floor_minor = NULL WHERE id = {BRAND}",
        {"L7"},
    ),
    "an account of no kind": (
        f"UPDATE ledger.account SET kind = 'nonsense' WHERE id = {BRAND}",
        {"L7"},
    ),
    "a summed account that stores": (
        f"UPDATE ledger.account SET balance_minor = 1000 WHERE id = {CLEARING}",
        {"L7"},
    ),
    "an entry of a stored account without version": (
        f"UPDATE ledger.entry SET account_version = NULL, balance_after = NULL"
        f" WHERE account_id = {BRAND} AND account_version = 2",
        {"L8"},
    ),
    "a reversal that is no mirror": (
        f"UPDATE ledger.transaction SET reverses = {DEPOSIT} WHERE kind = 'campaign_reserved'",
        {"L9"},
    ),
    "a reversal of nothing": (
        "UPDATE ledger.transaction SET reverses = gen_random_uuid() WHERE kind = 'earning_accrued'",
        {"L9"},
    ),
    "another floor in the chart": (
        "UPDATE ledger.account_kind SET floor_minor = -5 WHERE kind = 'gift_pool'",
        {"L10"},
    ),
    "a kind too many in the chart": (
        "INSERT INTO ledger.account_kind VALUES ('nonsense', 1, false, NULL)",
        {"L10"},
    ),
    "a trigger switched off": ("ALTER TABLE ledger.entry DISABLE TRIGGER balanced", {"S1"}),
    "a trigger for replicas only": (
        "ALTER TABLE ledger.account ENABLE REPLICA TRIGGER never_removed",
        {"S1"},
    ),
    "append-only removed": ("DROP TRIGGER append_only ON ledger.transaction", {"S1"}),
    "the floor removed": ("ALTER TABLE ledger.account DROP CONSTRAINT account_floor", {"S1"}),
    "a unique key removed": ("DROP INDEX ledger.entry_version", {"S1"}),
    "a right too many": (f"GRANT INSERT ON ledger.entry TO {APP_ROLE}", {"S2"}),
    "a right on one column": (f"GRANT UPDATE (kind) ON ledger.transaction TO {APP_ROLE}", {"S2"}),
    "a right for everyone": ("GRANT DELETE ON ledger.account TO PUBLIC", {"S2"}),
    "an inner function for everyone": (
        "GRANT EXECUTE ON FUNCTION ledger.accounts_of TO PUBLIC",
        {"S2"},
    ),
    "objects of one's own": (f"GRANT CREATE ON SCHEMA ledger TO {APP_ROLE}", {"S2"}),
    "membership in another role": (f"GRANT pg_write_all_data TO {APP_ROLE}", {"S2"}),
}


@pytest.fixture
def posted(books: Flask) -> None:
    """A few postings over stored and summed accounts."""
    journal.post_many(
        [
            deposit("brand:b", usd(1000)),
            reservation("brand:b", "campaign:k", usd(300), "k"),
            postings.earning_accrued(
                postings.reserved("campaign:k"), "creator:c", usd(90), usd(10), cause(), NOON
            ),
        ]
    )
    db.session.commit()


def seen_by(connection: Connection, check: Check) -> list[tuple[Any, ...]]:
    return connection.execute(check.sql).fetchall()


@pytest.mark.usefixtures("posted")
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_violation_is_seen_by_its_checks_and_by_no_other(
    owner: Connection, name: str
) -> None:
    planting, expected = PLANTS[name]
    assert {id for id, check in BY_ID.items() if seen_by(owner, check)} == set()
    owner.execute("SET LOCAL session_replication_role = replica")
    if "account_floor" not in planting:
        owner.execute("ALTER TABLE ledger.account DROP CONSTRAINT account_floor")
        expected = expected | {"S1"}
    owner.execute(planting)
    assert {id for id, check in BY_ID.items() if seen_by(owner, check)} == expected
    owner.rollback()


def test_every_check_has_a_planted_violation() -> None:
    assert set().union(*(seen for _, seen in PLANTS.values())) == set(BY_ID)


@pytest.mark.usefixtures("posted")
def test_a_finding_names_the_offender(owner: Connection) -> None:
    owner.execute("SET LOCAL session_replication_role = replica")
    owner.execute(f"UPDATE ledger.account SET balance_minor = -701 WHERE id = {BRAND}")
    assert seen_by(owner, BY_ID["L4"]) == [("brand:b", "brand_available", "USD", -701, -700, 2, 2)]


@pytest.mark.usefixtures("posted")
def test_a_true_reversal_is_no_violation(owner: Connection) -> None:
    found: Any = owner.execute(DEPOSIT).fetchone()
    original: UUID = found[0]
    owner.execute("SET LOCAL session_replication_role = replica")
    owner.execute(header(f"'{original}'"))
    owner.execute(
        f"{ENTRY} SELECT t.id, e.account_id, -e.amount_minor, NULL, NULL"
        "   FROM ledger.entry e, ledger.transaction t"
        "  WHERE e.transaction_id = %s AND t.idempotency_key = 'planted'",
        [original],
    )
    assert seen_by(owner, BY_ID["L9"]) == []
