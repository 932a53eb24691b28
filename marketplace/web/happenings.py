"""What happened to a thing, in words: when, what, by whom, why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext
from sqlalchemy import select

from marketplace import access
from marketplace.extensions import db
from marketplace.parties.brand import Membership
from marketplace.parties.user import User
from marketplace.statuses import SYSTEM, StatusChange
from marketplace.web import formats

Happening = tuple[datetime, str, str, str]  # when, what, by whom, why


def in_words(
    moves: Iterable[StatusChange], events: Mapping[tuple[str, str], Any], others: str
) -> list[Happening]:
    """Moves as their reader is told of them.

    Args:
        events: the words for each, by table and event.
        others: who it was, if neither the reader nor somebody of their brand.
    """
    told = list(moves)
    names = _names({move.actor for move in told}, others)
    return [
        (
            move.at,
            str(events[move.thing, move.event]),
            names[move.actor],
            formats.translated(move.reason),
        )
        for move in told
    ]


def _names(actors: Iterable[str], others: str) -> dict[str, str]:
    names = dict.fromkeys(actors, others) | {SYSTEM: ""}
    reader = access.signed_in()
    if reader is None:
        return names
    ids = [UUID(hex=actor.partition(":")[2]) for actor in names if actor.startswith("user:")]
    own_brands = select(Membership.brand_id).where(Membership.user_id == reader.id)
    colleagues = (
        select(User.id, User.name)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.brand_id.in_(own_brands), User.id.in_(ids))
    )
    for id, name in db.session.execute(colleagues):
        names[f"user:{id.hex}"] = name
    return names | {f"user:{reader.id.hex}": str(gettext("you"))}
