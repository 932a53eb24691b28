"""What the database refuses: to the application by its rights, to the owner by keys and triggers.

Each forbidden act is raw SQL, tried twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from psycopg import errors

from marketplace.database.roles import APP_ROLE
from tests.ledger.make import commit, deposit, reservation, usd

Connection = psycopg.Connection[Any]

HEADER = """
    INSERT INTO ledger.transaction
        (id, kind, cause_type, cause_id, idempotency_key, fingerprint, effective_at, entry_count)
    VALUES (%(new)s, 'x', 'x', gen_random_uuid(), %(key)s, sha256('x'), now(), 2)
"""
ENTRY = """
    INSERT INTO ledger.entry
        (transaction_id, account_id, amount_minor, account_version, balance_after)
"""
MOVE = """
    UPDATE ledger.account SET balance_minor = balance_minor + {}, version = version + {}
     WHERE id = {}
"""


@dataclass(frozen=True)
class Scene:
    """Two stored accounts and a summed one, with their ids; what to fill into an act."""

    names: dict[str, Any]


@pytest.fixture
def scene(books: Flask, owner: Connection) -> Scene:
    """A brand with 700 at version 2 and its campaign with 300 at version 1."""
    old = commit(deposit("brand:b", usd(1000))).id
    commit(reservation("brand:b", "campaign:k", usd(300), "used"))
    ids = dict(owner.execute("SELECT kind, id FROM ledger.account").fetchall())
    owner.rollback()
    return Scene(
        {
            "brand": ids["brand_available"],  # version 2, balance -700
            "campaign": ids["reserved"],  # version 1, balance -300
            "clearing": ids["processor_clearing"],
            "old": old,
            "new": uuid4(),
            "key": "new",
        }
    )


def whole(brand_version: int = 3, brand_minor: int = 5, campaign_minor: int = -5) -> str:
    """A posting written by hand: header, two entries and both balances, in one statement."""
    return f"""
    WITH header AS ({HEADER}),
         brand AS ({MOVE.format(brand_minor, brand_version - 2, "%(brand)s")}),
         campaign AS ({MOVE.format(campaign_minor, 1, "%(campaign)s")})
    {ENTRY} VALUES (%(new)s, %(brand)s, {brand_minor}, {brand_version}, {brand_minor - 700}),
                   (%(new)s, %(campaign)s, {campaign_minor}, 2, {campaign_minor - 300})
    """


def pair(account: str, other: str, transaction: str = "%(new)s", minor: int = 5) -> str:
    """Two entries without versions that cancel."""
    return f"""{ENTRY} VALUES ({transaction}, {account}, {minor}, NULL, NULL),
                              ({transaction}, {other}, -{minor}, NULL, NULL)"""


# What the owner tries, and how it ends: LG003 malformed, LG004 append-only, 23505 used twice.
ACTS: dict[str, tuple[str, str]] = {
    "unbalanced": (whole(campaign_minor=-4), "LG003"),
    "one entry alone": (f"{ENTRY} VALUES (%(new)s, %(clearing)s, 5, NULL, NULL)", "LG003"),
    "late entry": (f"{ENTRY} VALUES (%(old)s, %(campaign)s, -5, 2, -305)", "LG003"),
    "below the floor": (whole(brand_minor=701, campaign_minor=-701), "LG002"),
    "balance below the floor by hand": (MOVE.format(701, 1, "%(brand)s"), "LG002"),
    "version gap": (whole(brand_version=4), "LG003"),
    "version repeated": (whole(brand_version=2), "23505"),
    "stored account without a version": (pair("%(brand)s", "%(campaign)s"), "LG003"),
    "unknown account": (pair("-1", "%(clearing)s"), "LG003"),
    "account twice in a transaction": (pair("%(clearing)s", "%(clearing)s"), "23505"),
    "key used twice": (HEADER.replace("%(key)s", "'used'"), "23505"),
    "zero entry": (pair("%(clearing)s", "%(brand)s", minor=0), "23514"),
    "change a transaction": ("UPDATE ledger.transaction SET kind = 'x'", "LG004"),
    "change an entry": ("UPDATE ledger.entry SET amount_minor = 1", "LG004"),
    "remove transactions": ("DELETE FROM ledger.transaction", "LG004"),
    "remove entries": ("DELETE FROM ledger.entry", "LG004"),
    "remove accounts": ("DELETE FROM ledger.account", "LG004"),
    "empty transactions": ("TRUNCATE ledger.transaction", "LG004"),
    "empty entries": ("TRUNCATE ledger.entry", "LG004"),
    "empty accounts": ("TRUNCATE ledger.account", "LG004"),
}

# What the guards leave to the owner, and `verify` finds: the application may not do it either.
MORE_ACTS: dict[str, str] = {
    "a whole posting by hand": whole(),
    "header without entries": HEADER,
    "late pair": pair("%(clearing)s", "-1", "%(old)s"),
    "balance by hand": MOVE.format(5, 1, "%(brand)s"),
    "edit the chart": "UPDATE ledger.account_kind SET floor_minor = NULL",
    "an account of one's own": """
        INSERT INTO ledger.account (owner, kind, currency, side, stores_balance)
        VALUES ('x', 'platform_fees', 'USD', -1, false)""",
    "the writer's inner function": "SELECT ledger.accounts_of('{a}', '{reserved}', '{USD}')",
    "switch triggers off": "ALTER TABLE ledger.entry DISABLE TRIGGER ALL",
    "switch triggers off for a session": "SET session_replication_role = replica",
    "a function of one's own": "CREATE FUNCTION ledger.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a table of one's own": "CREATE TABLE ledger.t (id int)",
}


def sqlstate(connection: Connection, act: str, scene: Scene) -> str | None:
    """How an act ends; it is undone in any case."""
    try:
        connection.execute(act, scene.names)
    except psycopg.Error as error:
        return error.sqlstate
    finally:
        connection.rollback()
    return None


@pytest.mark.parametrize("name", ACTS)
def test_the_owner_is_refused_by_keys_checks_and_triggers(
    scene: Scene, owner: Connection, name: str
) -> None:
    act, expected = ACTS[name]
    assert sqlstate(owner, act, scene) == expected


@pytest.mark.parametrize("name", [*ACTS, *MORE_ACTS])
def test_the_application_is_refused_by_its_rights(
    scene: Scene, app_role: Connection, name: str
) -> None:
    act = MORE_ACTS.get(name) or ACTS[name][0]
    assert sqlstate(app_role, act, scene) == errors.InsufficientPrivilege.sqlstate


def test_the_whole_posting_by_hand_is_right_but_for_what_each_act_changes(
    scene: Scene, owner: Connection
) -> None:
    """The negative control: unless an act is wrong in its one point, the owner is not refused."""
    assert sqlstate(owner, whole(), scene) is None


@pytest.mark.parametrize("name", ACTS)
def test_without_guards_the_owner_could_do_it(scene: Scene, owner: Connection, name: str) -> None:
    """The negative control: it is the guard that refuses, not a mistake in the act."""
    for table, names in {
        "transaction": ["transaction_key"],
        "entry": ["entry_pkey", "entry_amount_minor_check"],
        "account": ["account_floor"],
    }.items():
        owner.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
        for constraint in names:
            owner.execute(f"ALTER TABLE ledger.{table} DROP CONSTRAINT {constraint}")
    owner.execute("DROP INDEX ledger.entry_version")
    assert sqlstate(owner, ACTS[name][0], scene) is None


def test_the_application_reads_every_table_of_the_books(app_role: Connection) -> None:
    for table in ("account_kind", "account", "transaction", "entry"):
        app_role.execute(f"SELECT * FROM ledger.{table}")


def test_a_rollback_does_not_undo_the_role_of_a_connection(app_role: Connection) -> None:
    app_role.rollback()
    assert app_role.execute("SELECT current_user").fetchone() == (APP_ROLE,)
