"""Eligible creators for a brief, best first: one statement that judges, scores, counts and cuts.

It reads `creator_facts` alone until the page is cut. Its points are those of `matching.score`,
which explains them part by part for the creators that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, case, cast, func, literal, select

from marketplace.extensions import db
from marketplace.matching.score import (
    ENGAGEMENT_BPS_PER_POINT,
    ENGAGEMENT_MOST,
    FRESHNESS_MOST,
    REACH_MOST,
    TOPICS_MOST,
    Score,
    score,
    views_for_half,
)
from marketplace.metrics.facts import CreatorFacts
from marketplace.parties.creator import Creator
from marketplace.program import eligible
from marketplace.program.rules import Criteria


@dataclass(frozen=True)
class Suitable:
    """One eligible creator: their facts, and what they are worth to the brief, part by part."""

    creator_id: UUID
    name: str
    handle: str
    facts: CreatorFacts
    score: Score


@dataclass(frozen=True)
class Found:
    """A page of suitable creators, best first, and how many there are in all."""

    rows: Sequence[Suitable]
    total: int


def creators_for(
    criteria: Criteria,
    on: date,
    *narrower: ColumnElement[bool],
    limit: int,
    offset: int = 0,
) -> Found:
    """Members of the program who fulfil the criteria, best first; equals in order of their ids.

    Args:
        on: the day on which their age and the age of their facts count.
        narrower: further conditions on `CreatorFacts`, such as a filter of a page.
    """
    rows = db.session.execute(statement(criteria, on, *narrower, limit=limit, offset=offset)).all()
    if not rows and offset:
        return Found((), creators_for(criteria, on, *narrower, limit=1).total)
    found = [
        Suitable(known.creator_id, name, handle, known, score(known.on(on), criteria, on))
        for known, name, handle, _, _ in rows
    ]
    return Found(found, rows[0].total if rows else 0)


def statement(
    criteria: Criteria, on: date, *narrower: ColumnElement[bool], limit: int, offset: int = 0
) -> Select[Any]:
    """The one statement of `creators_for`."""
    points = _points(criteria, on)
    best = (
        select(CreatorFacts.creator_id, points.label("points"), func.count().over().label("total"))
        .where(CreatorFacts.member, eligible.matching(criteria, on), *narrower)
        .order_by(points.desc(), CreatorFacts.creator_id)
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    return (
        select(CreatorFacts, Creator.name, Creator.handle, best.c.points, best.c.total)
        .join(best, best.c.creator_id == CreatorFacts.creator_id)
        .join(Creator, Creator.id == best.c.creator_id)
        .order_by(best.c.points.desc(), best.c.creator_id)
    )


def _points(criteria: Criteria, on: date) -> ColumnElement[int]:
    """The points of `score`, as a column."""
    views = CreatorFacts.authentic_views_30d
    reach = REACH_MOST * views // (views + views_for_half(criteria))
    engaged = CreatorFacts.engagement_bps // ENGAGEMENT_BPS_PER_POINT
    age_days = cast(literal(on) - CreatorFacts.measured_on, Integer)
    fresh = func.least(func.greatest(FRESHNESS_MOST - age_days, 0), FRESHNESS_MOST)
    return (
        reach
        + func.least(engaged, ENGAGEMENT_MOST)
        + _topics(sorted(set(criteria.categories)))
        + case((CreatorFacts.measured_on.is_(None), 0), else_=fresh)
    )


def _topics(asked: list[str]) -> ColumnElement[int]:
    if not asked:
        return literal(TOPICS_MOST)
    shared = (case((CreatorFacts.categories.contains([it]), 1), else_=0) for it in asked)
    return TOPICS_MOST * sum(shared, start=literal(0)) // len(asked)
