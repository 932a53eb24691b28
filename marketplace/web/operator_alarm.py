"""One alarm: how many things need somebody, since when, and where to look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.extensions import db


@dataclass(frozen=True)
class Alarm:
    """Some things that need somebody, or soon will."""

    tone: str  # 'bad' = somebody must act, 'wait' = it may cure itself
    icon: str
    title: str
    text: str
    count: int
    age: timedelta  # of the oldest
    url: str | None


def oldest(
    since: InstrumentedAttribute[datetime], condition: ColumnElement[bool]
) -> tuple[int, datetime | None]:
    """How many rows fulfil the condition, and since when the first of them does."""
    count, first = db.session.execute(select(func.count(), func.min(since)).where(condition)).one()
    return count, first


def alarm(found: tuple[int, datetime | None], now: datetime, **said: Any) -> Iterator[Alarm]:
    """The alarm, if there is anything to raise it for."""
    count, since = found
    if count and since is not None:
        yield Alarm(count=count, age=max(now - since, timedelta(0)), **said)
