"""Challenges and contests as tests need them, made by the same domain calls that the pages make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from marketplace import clock
from marketplace.challenges import challenge as challenges
from marketplace.challenges import entry as entries
from marketplace.challenges import judging, pool
from marketplace.challenges.challenge import Challenge, Kind, RankedBy
from marketplace.challenges.entry import Entry
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from tests.make import (
    BrandTeam,
    import_days,
    make_creator,
    make_member,
    pay,
)
from tests.within import locked

PRIZES = (100_000, 50_000, 25_000)
DAYS = 10


def make_challenge(
    team: BrandTeam,
    *,
    kind: Kind = Kind.CONTEST,
    ranked_by: RankedBy = RankedBy.SCORES,
    status: str = "open",
    prizes: Sequence[int] = PRIZES,
    pool_minor: int = 175_000,
    criteria: dict[str, Any] | None = None,
    title: str = "Show us your morning",
    currency: str = "USD",
) -> Challenge:
    """A draft, one that awaits funds, or an open one that is really paid in."""
    actor, at = f"user:{team.user.id.hex}", clock.now()
    made = challenges.draft(
        team.brand, title, kind, currency, form_key=new_id(), actor=actor, at=at
    )
    challenges.edit(
        made,
        brief="One post of a slow morning.",
        ranked_by=ranked_by,
        pool_minor=pool_minor,
        prizes_minor=list(prizes),
        criteria=criteria or {},
        opens_on=at.date(),
        closes_on=(at + timedelta(days=DAYS)).date(),
    )
    if status != "draft":
        challenges.submit(made, actor, at)
    db.session.commit()
    if status == "open":
        fund(team, made)
    return locked(Challenge, made.id)


def fund(team: BrandTeam, made: Challenge) -> None:
    """Pay what is missing, at the processor."""
    deposit = pool.top_up(
        locked(Challenge, made.id),
        payer_id=team.user.id,
        payer_email=team.user.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/brand",
        at=clock.now(),
    )
    db.session.commit()
    pay(deposit)


def member(handle: str | None = None) -> Creator:
    """A creator who takes part in the program."""
    creator = make_creator(handle).creator
    make_member(creator)
    return creator


def link_of(creator: Creator) -> str:
    return f"https://www.tiktok.com/@{creator.handle}/video/{creator.id.int % 10**12}"


def make_entry(made: Challenge, creator: Creator | None = None, *, minutes: int = 0) -> Entry:
    """An entry of a member, that many minutes after now."""
    creator = creator or member()
    entry = entries.enter(
        locked(Challenge, made.id),
        creator,
        link_of(creator),
        actor=f"user:{creator.user_id.hex}",
        at=clock.now() + timedelta(minutes=minutes),
    )
    db.session.commit()
    return entry


def make_entries(made: Challenge, count: int) -> list[Entry]:
    """So many entries, the earliest first."""
    return [make_entry(made, minutes=minute) for minute in range(count)]


def closing(made: Challenge) -> datetime:
    """When the window is over."""
    assert made.closes_at
    return made.closes_at


def act(at: datetime) -> None:
    """Do all that is due to challenges, as the worker does."""
    while judging.act_due(at):
        db.session.commit()
    db.session.rollback()


def judged(made: Challenge, scores: Sequence[int]) -> datetime:
    """Close it, give the entries these scores in order, name the winners; return when."""
    at = closing(made) + timedelta(days=1)
    act(at)
    for entry, points in zip(entries.entries(made), scores, strict=True):
        entries.score(locked(Challenge, made.id), locked(Entry, entry.id), points)
    judging.publish(locked(Challenge, made.id), "user:1", at)
    db.session.commit()
    return at


def viewed(views: Sequence[tuple[Creator, int]]) -> None:
    """Import these authentic views of the creators' posts, all of today."""
    day = clock.now().date()
    rows = [
        f"{creator.handle},tiktok,{creator.handle},{link_of(creator)},{day},{count * 2},{count}"
        for creator, count in views
    ]
    import_days(rows, videos=True)
