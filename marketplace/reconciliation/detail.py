"""What a difference is made of: the movements that nothing of ours fits, and the postings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from marketplace.extensions import db
from marketplace.money import Money
from marketplace.reconciliation.comparing import SIDES, sides_of
from marketplace.reconciliation.difference import Difference, Leg

SHOWN_MAX = 50

_MOVEMENTS = f"""
    {SIDES}
    SELECT m.remote_id, m.source, m.created_at, m.amount_minor FROM movement m
     WHERE (m.day, m.currency, m.type) = (:day, :currency, :type)
       AND CASE WHEN :inbox THEN m.is_tellable AND NOT m.is_told
                ELSE NOT EXISTS (SELECT FROM posting p WHERE p.movement_id = m.id) END
     ORDER BY m.created_at, m.id LIMIT {SHOWN_MAX}
"""
_POSTINGS = f"""
    {SIDES}
    SELECT p.id, p.kind, p.amount_minor FROM posting p
     WHERE (p.day, p.currency, p.type) = (:day, :currency, :type) AND p.movement_id IS NULL
     ORDER BY p.id LIMIT {SHOWN_MAX}
"""


@dataclass(frozen=True)
class Alone:
    """A movement at the processor that nothing of ours fits."""

    remote_id: str
    source: str | None
    created_at: datetime
    amount: Money


@dataclass(frozen=True)
class Unheard:
    """A posting of ours that follows nothing at the processor."""

    transaction_id: UUID
    kind: str
    amount: Money


def movements_alone(it: Difference) -> list[Alone]:
    """Of the books: what is not posted. Of the inbox: of what no event was followed."""
    rows = db.session.execute(text(_MOVEMENTS), {**_of(it), "inbox": it.leg == Leg.INBOX})
    return [Alone(row[0], row[1], row[2], Money(row[3], it.currency)) for row in rows]


def postings_alone(it: Difference) -> list[Unheard]:
    """What we posted and the processor does not list; nothing for the inbox."""
    if it.leg == Leg.INBOX:
        return []
    rows = db.session.execute(text(_POSTINGS), _of(it))
    return [Unheard(row.id, row.kind, Money(row.amount_minor, it.currency)) for row in rows]


def _of(it: Difference) -> dict[str, object]:
    place = {"day": it.day, "currency": it.currency, "type": it.type}
    return {**sides_of(it.processor, it.day, it.seen_at), **place}
