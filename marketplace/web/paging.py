"""Long lists, newest first: '?before=<id>' continues below a row, at any depth as fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from flask import abort, request, url_for
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.extensions import db

ROWS = 50
_NUMBER_MAX = 2**63 - 1  # of a bigint
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and the address of the older ones, if there are any."""

    rows: list[Row]
    older_url: str | None
    is_first: bool


def newest_first(
    statement: Select[Row], id: InstrumentedAttribute[Any], rows: int = ROWS
) -> Page[Row]:
    """Run a statement page by page. `id` sorts by time: a UUIDv7 or a number of each row."""
    before = _before(id.type.python_type)
    if before is not None:
        statement = statement.where(id < before)
    ordered: Select[Any] = statement.order_by(id.desc()).limit(rows + 1)
    found: list[Row] = list(db.session.scalars(ordered))
    shown = found[:rows]
    older_url = _older_url(getattr(shown[-1], id.key)) if len(found) > rows else None
    return Page(shown, older_url, is_first=before is None)


def after_number() -> int:
    """Of a list whose rows are numbered from 1: '?after=<number>' continues below that row."""
    text = request.args.get("after", "0")
    if not text.isdecimal() or len(text) > len(str(_NUMBER_MAX)) or int(text) > _NUMBER_MAX:
        abort(400)
    return int(text)


def _before(kind: type[UUID] | type[int]) -> UUID | int | None:
    text = request.args.get("before")
    if text is None:
        return None
    try:
        before = kind(text)
    except ValueError:
        abort(400)
    if isinstance(before, int) and not 0 <= before <= _NUMBER_MAX:
        abort(400)
    return before


def _older_url(last: UUID | int) -> str:
    """This page's own address, filters kept, below the last row."""
    arguments: dict[str, Any] = {**request.args.to_dict(flat=False), **(request.view_args or {})}
    # Names with an underscore in front mean something to `url_for`.
    arguments = {name: value for name, value in arguments.items() if not name.startswith("_")}
    arguments["before"] = last.hex if isinstance(last, UUID) else last
    assert request.endpoint is not None
    return url_for(request.endpoint, **arguments)
