"""post() and post_many(): the only writer of the books.

A draft is recorded exactly once under its key: posting it again writes nothing and returns the
first transaction. Accounts are created by the first posting that names them, and those that store
a balance stay locked until the caller commits.

After a refusal the database transaction is aborted: roll back, or post inside
`db.session.begin_nested()`. Post once per database transaction, with `post_many` for several
drafts: two calls in opposite orders wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection

from marketplace.database.identifier import new_id
from marketplace.errors import InsufficientFunds, KeyConflict, MarketplaceError
from marketplace.extensions import db
from marketplace.failpoints import POSTING, Point, failpoint
from marketplace.ledger.draft import Draft, fingerprint

POST = (
    "SELECT ledger.post(%s, %s, %s, %s, %s, %s, %s, %s,"
    " %s::text[], %s::text[], %s::text[], %s::bigint[])"
)
POST_MANY = (
    "SELECT ledger.post_many(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[],"
    " %s::bytea[], %s::timestamptz[], %s::uuid[], %s::smallint[],"
    " %s::text[], %s::text[], %s::text[], %s::bigint[])"
)

# What migrations/ledger/ raises.
REFUSALS: dict[str | None, type[MarketplaceError]] = {
    "LG001": KeyConflict,
    "LG002": InsufficientFunds,
}


@dataclass(frozen=True, slots=True)
class Posted:
    """The transaction that records a draft. `fresh`: this call recorded it, not an earlier one."""

    id: UUID
    fresh: bool


def post(draft: Draft) -> Posted:
    """Record one draft in the caller's transaction.

    Raises:
        InsufficientFunds: a line would take an account below its floor.
        KeyConflict: the key was used before with other content.
        psycopg.Error: the database failed otherwise.
    """
    id = new_id()
    header = (
        id,
        draft.kind,
        draft.cause.type,
        draft.cause.id,
        draft.key,
        fingerprint(draft),
        draft.effective_at,
        draft.reverses,
    )
    recorded: UUID = _call(POST, (*header, *_lines([draft])))
    return Posted(recorded, fresh=recorded == id)


def post_many(drafts: Sequence[Draft]) -> list[Posted]:
    """Record all drafts, or none, in the caller's transaction; answer in their order.

    A key that comes twice posts once. A draft may use what an earlier one brought, not a later.

    Raises:
        InsufficientFunds: a line would take an account below its floor.
        KeyConflict: a key was used before, or twice in here, with other content.
        psycopg.Error: the database failed otherwise.
    """
    if not drafts:
        return []
    ids = [new_id() for _ in drafts]
    headers = (
        array(id.hex for id in ids),
        array(draft.kind for draft in drafts),
        array(draft.cause.type for draft in drafts),
        array(draft.cause.id.hex for draft in drafts),
        array(draft.key for draft in drafts),
        array(f"\\x{fingerprint(draft).hex()}" for draft in drafts),
        array(draft.effective_at.isoformat() for draft in drafts),
        array(draft.reverses.hex if draft.reverses else None for draft in drafts),
        array(str(len(draft.lines)) for draft in drafts),
    )
    recorded: list[UUID] = _call(POST_MANY, (*headers, *_lines(drafts)))
    return [Posted(was, fresh=was == id) for was, id in zip(recorded, ids, strict=True)]


def _lines(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Owners, kinds, currencies and amounts of all lines."""
    lines = [line for draft in drafts for line in draft.lines]
    return (
        array(line.account.owner for line in lines),
        array(line.account.kind for line in lines),
        array(line.amount.currency for line in lines),
        array(str(line.amount.minor) for line in lines),
    )


def array(texts: Iterable[str | None]) -> str:
    """Write a PostgreSQL array. psycopg's own way with lists took half of a client's time."""
    elements = [
        "NULL" if text is None else '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
        for text in texts
    ]
    return "{" + ",".join(elements) + "}"


def _call(statement: str, arguments: tuple[Any, ...]) -> Any:
    """Ask on the session's own connection, past SQLAlchemy: a tenth of a posting's time."""
    connection = db.session.connection()
    cursor = _cursor(connection)
    try:
        row = cursor.execute(statement, arguments).fetchone()
    except psycopg.Error as error:
        if cursor.connection.closed:
            connection.invalidate(error)  # SQLAlchemy did not see that it is lost
        refusal = REFUSALS.get(error.sqlstate)
        if refusal is None:
            raise
        raise refusal(str(error).splitlines()[0]) from error
    assert row is not None
    failpoint(POSTING, Point.WRITTEN)
    return row[0]


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    """The connection's one cursor for postings: a new one each time costs more Python."""
    if "posting_cursor" not in connection.info:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        connection.info["posting_cursor"] = driver.cursor()
    cursor: psycopg.Cursor[Any] = connection.info["posting_cursor"]
    return cursor
