"""The one mover of statuses: a table of moves per thing, and a written trace of every move.

A lifecycle is drawn for people in its status class and tabled for the machine in `MOVES`; every
status in which something waits says on whom, until when, and what happens then (`WAITS`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.check import Check
from marketplace.database.identifier import new_id
from marketplace.errors import WrongState
from marketplace.extensions import Base, db

Moves = Mapping[tuple[str, str], str]  # (from status, event) -> to status
Move = tuple[str, str | None, str, str]  # event, from status, to status, reason

SYSTEM = "system"  # the actor of what happens by time or by a processor's answer


@dataclass(frozen=True)
class Wait:
    """On whom a status waits, until when (None = no date), and the event that follows then."""

    on: str
    due: Callable[[Any], datetime | None]
    then: str


Waits = Mapping[str, Wait]


class Stateful(Base):
    """A row with a lifecycle: its table of moves, on whom each status waits, where it stands."""

    __abstract__ = True

    MOVES: ClassVar[Moves]
    WAITS: ClassVar[Waits]

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    status: Mapped[str]
    status_at: Mapped[datetime]


class StatusChange(Base):
    """One move of one thing: who, from where, to where, why, when. Written once, never changed."""

    __tablename__ = "status_change"
    __table_args__ = (Index("ix_status_change_thing", "thing", "thing_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    thing: Mapped[str]
    thing_id: Mapped[UUID]
    event: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor: Mapped[str]  # 'user:<hex>', 'system'
    reason: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]


def born(thing: Stateful, at: datetime, actor: str) -> None:
    """Add a new thing in its first status and write down that it began."""
    thing.status_at = at
    db.session.add(thing)
    _write(thing, "create", None, thing.status, at, actor, "")


def advance(thing: Stateful, event: str, at: datetime, actor: str, reason: str = "") -> None:
    """Move `thing`, whose row the caller has locked, along its table of moves, and write it down.

    Raises:
        WrongState: no move called `event` leaves the present status.
    """
    target = thing.MOVES.get((thing.status, event))
    if target is None:
        raise WrongState(thing.__tablename__, thing.status, event)
    _write(thing, event, thing.status, target, at, actor, reason)
    thing.status, thing.status_at = target, at


def allows(thing: Stateful, event: str) -> bool:
    """May `event` happen to this thing now?"""
    return (thing.status, event) in thing.MOVES


def history(thing: Stateful) -> list[StatusChange]:
    """Every move of this thing, oldest first."""
    return list(
        db.session.query(StatusChange)
        .filter_by(thing=thing.__tablename__, thing_id=thing.id)
        .order_by(StatusChange.id)
    )


def _write(
    thing: Stateful,
    event: str,
    from_status: str | None,
    to_status: str,
    at: datetime,
    actor: str,
    reason: str,
) -> None:
    db.session.add(
        StatusChange(
            thing=thing.__tablename__,
            thing_id=thing.id,
            event=event,
            from_status=from_status,
            to_status=to_status,
            actor=actor,
            reason=reason,
            at=at,
        )
    )


_WRITE_MANY = text("""
    INSERT INTO status_change (thing, thing_id, event, from_status, to_status, reason, actor, at)
    SELECT :thing, i.id, m.event, m.from_status, m.to_status, m.reason, :actor, :at
      FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS i(id, place),
           unnest(CAST(:events AS text[]), CAST(:before AS text[]), CAST(:after AS text[]),
                  CAST(:reasons AS text[]))
             WITH ORDINALITY AS m(event, from_status, to_status, reason, place)
     ORDER BY i.place, m.place
""")


def write_many(
    thing: str, ids: Sequence[UUID], moves: Sequence[Move], actor: str, at: datetime
) -> None:
    """Write down the same moves for each of many rows that are made in bulk."""
    events, before, after, reasons = (list(column) for column in zip(*moves, strict=True))
    named = {"events": events, "before": before, "after": after, "reasons": reasons}
    values = {"thing": thing, "ids": list(ids), "actor": actor, "at": at, **named}
    db.session.execute(_WRITE_MANY, values)


def legal(moves: Moves) -> str:
    """The moves as rows of SQL: (from status, event, to status)."""
    return ", ".join(f"('{a}', '{event}', '{b}')" for (a, event), b in moves.items())


def checks(table: str, moves: Moves) -> tuple[Check, ...]:
    """A1-A3 and P10 for one table: the trace has no gap, ends at the present status, is legal."""
    own = f"FROM status_change WHERE thing = '{table}'"
    return (
        Check(
            f"A1.{table}",
            f"each move of a {table} begins where the one before it ended",
            f"SELECT id, thing_id FROM (SELECT id, thing_id, from_status,"
            f" lag(to_status) OVER (PARTITION BY thing_id ORDER BY id) AS ended {own}) q"
            " WHERE from_status IS DISTINCT FROM ended",
        ),
        Check(
            f"A2.{table}",
            f"the last move of a {table} ends at its present status",
            f"SELECT t.id, t.status FROM {table} t LEFT JOIN (SELECT DISTINCT ON (thing_id)"
            f" thing_id, to_status {own} ORDER BY thing_id, id DESC) c ON c.thing_id = t.id"
            " WHERE c.to_status IS DISTINCT FROM t.status",
        ),
        Check(
            f"A3.{table}",
            f"every move of a {table} is in its table of moves",
            f"SELECT id, from_status, event, to_status {own} AND from_status IS NOT NULL"
            f" AND (from_status, event, to_status) NOT IN (VALUES {legal(moves)})",
        ),
    )
