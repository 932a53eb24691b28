"""The one way to lock a row.

SQLAlchemy returns stale values when a locked object is already in the session, and a join would
lock the joined rows too: this helper refreshes and never joins. A test forbids `with_for_update`
elsewhere.

The locks are `FOR NO KEY UPDATE`, as the ledger's: they exclude one another, and let the check of a
foreign key pass. Keys never change here, and a plain `FOR UPDATE` on a creator would wait for every
row that somebody adds for them.
"""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import lazyload

from marketplace.extensions import Base, db

T = TypeVar("T", bound=Base)


def lock(model: type[T], id: UUID) -> T | None:
    """Return the row under its lock, fresh from the database, or None if there is none."""
    return lock_where(model, model.__mapper__.primary_key[0] == id)


def lock_where(model: type[T], *conditions: ColumnElement[bool]) -> T | None:
    """Return the one row that fulfils `conditions`, locked and fresh, or None."""
    statement = (
        select(model)
        .where(*conditions)
        .options(lazyload("*"))
        .with_for_update(of=model, key_share=True)
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(statement).one_or_none()


def lock_free(
    model: type[T], *conditions: ColumnElement[bool], order_by: ColumnElement[Any] | Any, limit: int
) -> list[T]:
    """Return up to `limit` rows that nobody else holds, locked and fresh; skip the others."""
    statement = (
        select(model)
        .where(*conditions)
        .order_by(order_by)
        .limit(limit)
        .options(lazyload("*"))
        .with_for_update(of=model, key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))


def lock_all(
    model: type[T], *conditions: ColumnElement[bool], order_by: ColumnElement[Any] | Any
) -> list[T]:
    """Return every row that fulfils `conditions`, locked in this order and fresh; wait for each."""
    statement = (
        select(model)
        .where(*conditions)
        .order_by(order_by)
        .options(lazyload("*"))
        .with_for_update(of=model, key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))


def lock_next(
    model: type[T], *conditions: ColumnElement[bool], order_by: ColumnElement[Any] | Any
) -> T | None:
    """Return the first row that nobody else holds, locked and fresh, or None."""
    rows = lock_free(model, *conditions, order_by=order_by, limit=1)
    return rows[0] if rows else None
