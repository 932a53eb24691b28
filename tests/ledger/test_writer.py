"""The two doors themselves, called by the application's role with what no draft would hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from marketplace.ledger.journal import POST, POST_MANY

Connection = psycopg.Connection[Any]
Lines = list[tuple[str | None, str, str, int | None]]

CLEARING = ("processor:stripe", "processor_clearing", "USD")
BRAND = ("brand:b", "brand_available", "USD")
FINE: Lines = [(*CLEARING, 5), (*BRAND, -5)]


def header(key: str = "k", said: bytes = bytes(32)) -> tuple[Any, ...]:
    return uuid4(), "test", "test", uuid4(), key, said, datetime(2026, 3, 2, tzinfo=UTC), None


def columns(lines: Lines) -> list[list[Any]]:
    return [list(column) for column in zip(*lines, strict=True)] if lines else [[], [], [], []]


def post(connection: Connection, lines: Lines) -> None:
    connection.execute(POST, [*header(), *columns(lines)])


def post_many(connection: Connection, counts: list[int], lines: Lines) -> list[UUID]:
    headers = columns([header(str(n)) for n in range(len(counts))])
    row = connection.execute(POST_MANY, [*headers, counts, *columns(lines)]).fetchone()
    assert row
    recorded: list[UUID] = row[0]
    return recorded


BAD: dict[str, tuple[Lines, str]] = {
    "no lines": ([], "LG003"),
    "one line": ([(*CLEARING, 5)], "LG003"),
    "unbalanced": ([(*CLEARING, 5), (*BRAND, -4)], "LG003"),
    "two currencies that cancel": ([(*CLEARING, 5), ("b", "brand_available", "EUR", -5)], "LG003"),
    "unknown kind": ([(*CLEARING, 5), ("b", "nonsense", "USD", -5)], "LG005"),
    "no owner": ([(*CLEARING, 5), (None, "brand_available", "USD", -5)], "23502"),
    "no amount": ([(*CLEARING, None), (*BRAND, -5)], "23502"),
    "zero amount": ([(*CLEARING, 0), (*BRAND, 0)], "23514"),
    "below the floor": ([(*CLEARING, -50), (*BRAND, 50)], "LG002"),
    "an account twice": ([*FINE, (*BRAND, -1), (*CLEARING, 1)], "23505"),
    "too large": ([(*CLEARING, 2**63), (*BRAND, -(2**63))], "22003"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_posting_is_refused(app_role: Connection, name: str) -> None:
    lines, expected = BAD[name]
    with pytest.raises(psycopg.Error) as caught:
        post(app_role, lines)
    assert caught.value.sqlstate == expected


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_posting_is_refused_inside_a_batch(app_role: Connection, name: str) -> None:
    lines, expected = BAD[name]
    with pytest.raises(psycopg.Error) as caught:
        post_many(app_role, [2, len(lines)], FINE + lines)
    assert caught.value.sqlstate == expected


def test_the_same_posting_without_its_fault_is_taken(app_role: Connection) -> None:
    post(app_role, FINE)
    assert len(post_many(app_role, [2, 2], FINE + FINE)) == 2


@pytest.mark.parametrize("short", range(8, 12))
def test_an_array_that_is_too_short_is_refused(app_role: Connection, short: int) -> None:
    arguments = [*header(), *columns([*FINE, (*CLEARING, 0), ("b", "brand_available", "USD", 0)])]
    arguments[short] = arguments[short][:2]
    with pytest.raises(psycopg.Error) as caught:
        app_role.execute(POST, arguments)
    assert caught.value.sqlstate in ("LG003", "LG005", "23502")


@pytest.mark.parametrize("counts", [[2], [2, 3], [2, 2, 2], [3, 1], [4, 0]])
def test_headers_and_lines_that_do_not_match_are_refused(
    app_role: Connection, counts: list[int]
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        post_many(app_role, counts, FINE + FINE)
    assert caught.value.sqlstate == "LG003"


def test_under_repeatable_read_a_rivals_posting_is_not_overwritten(
    app_role: Connection, owner: Connection
) -> None:
    """The doors rely on each statement seeing what is committed; elsewhere they refuse."""
    post(owner, FINE)
    owner.commit()
    app_role.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    app_role.execute("SELECT count(*) FROM ledger.entry")
    rival = [*header("rival"), *columns(FINE)]
    owner.execute(POST, rival)
    owner.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        app_role.execute(POST, [*header("mine"), *columns(FINE)])


def test_a_temporary_table_cannot_stand_in_for_the_books(app_role: Connection) -> None:
    app_role.execute("CREATE TEMPORARY TABLE entry (id int)")
    app_role.execute("CREATE TEMPORARY TABLE added (id int)")
    app_role.execute("SET search_path = pg_temp, public")
    post(app_role, FINE)
    row = app_role.execute("SELECT count(*) FROM ledger.entry").fetchone()
    assert row == (2,)
