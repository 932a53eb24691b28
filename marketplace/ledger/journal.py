"""post() and post_many(): the only writer of the books.

A draft is recorded exactly once under its key: posting it again writes nothing and returns the
first transaction. Accounts are created by the first posting that names them, and those that store
a balance stay locked until the caller commits.

After a refusal the database transaction is aborted: roll back, or post inside
`db.session.begin_nested()`. Post once per database transaction, with `post_many` for several
drafts: two calls in opposite orders wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from marketplace.database.identifier import new_id
from marketplace.errors import InsufficientFunds, KeyConflict, MarketplaceError
from marketplace.extensions import db
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

# What migrations/ledger/writer.sql and tables.sql raise.
REFUSALS: dict[str, type[MarketplaceError]] = {"LG001": KeyConflict, "LG002": InsufficientFunds}


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
    recorded: UUID = _call(POST, header + _lines([draft]))
    return Posted(recorded, fresh=recorded == id)


def post_many(drafts: Sequence[Draft]) -> list[Posted]:
    """Record all drafts, or none, in the caller's transaction; answer in their order.

    A key that comes twice posts once.

    Raises:
        InsufficientFunds: a line would take an account below its floor.
        KeyConflict: a key was used before, or twice in here, with other content.
    """
    if not drafts:
        return []
    ids = [new_id() for _ in drafts]
    headers = (
        ids,
        [draft.kind for draft in drafts],
        [draft.cause.type for draft in drafts],
        [draft.cause.id for draft in drafts],
        [draft.key for draft in drafts],
        [fingerprint(draft) for draft in drafts],
        [draft.effective_at for draft in drafts],
        [draft.reverses for draft in drafts],
        [len(draft.lines) for draft in drafts],
    )
    recorded: list[UUID] = _call(POST_MANY, headers + _lines(drafts))
    return [Posted(was, fresh=was == id) for was, id in zip(recorded, ids, strict=True)]


def _lines(drafts: Sequence[Draft]) -> tuple[list[Any], ...]:
    """Owners, kinds, currencies and amounts of all lines."""
    lines = [line for draft in drafts for line in draft.lines]
    return (
        [line.account.owner for line in lines],
        [line.account.kind.value for line in lines],
        [line.amount.currency for line in lines],
        [line.amount.minor for line in lines],
    )


def _call(statement: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return db.session.connection().exec_driver_sql(statement, arguments).scalar_one()
    except DBAPIError as error:
        refusal = REFUSALS.get(getattr(error.orig, "sqlstate", None) or "")
        if refusal is None:
            raise
        raise refusal(str(error.orig).splitlines()[0]) from error
