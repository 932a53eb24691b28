"""Eligible creators for a brief, best first: one statement that judges, scores, counts and cuts.

It reads `creator_facts` alone until the page is cut; its points are those of `matching.score`.
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
    MOST,
    REACH_MOST,
    TOPICS_MOST,
    Part,
    Score,
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
    found = [Suitable(row[0].creator_id, row.name, row.handle, row[0], _score(row)) for row in rows]
    return Found(found, rows[0].total if rows else 0)


def statement(
    criteria: Criteria, on: date, *narrower: ColumnElement[bool], limit: int, offset: int = 0
) -> Select[Any]:
    """The one statement of `creators_for`."""
    parts = _parts(criteria, on)
    points = sum(parts.values(), start=literal(0))
    best = (
        select(
            CreatorFacts.creator_id,
            *(part.label(name) for name, part in parts.items()),
            points.label("points"),
            func.count().over().label("total"),
        )
        .where(CreatorFacts.member, eligible.matching(criteria, on), *narrower)
        .order_by(points.desc(), CreatorFacts.creator_id)
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    return (
        select(
            CreatorFacts,
            Creator.name,
            Creator.handle,
            *(best.c[name] for name in parts),
            best.c.total,
        )
        .join(best, best.c.creator_id == CreatorFacts.creator_id)
        .join(Creator, Creator.id == best.c.creator_id)
        .order_by(best.c.points.desc(), best.c.creator_id)
    )


def _parts(criteria: Criteria, on: date) -> dict[str, ColumnElement[int]]:
    """The points of `score`, as columns."""
    views = CreatorFacts.authentic_views_30d
    age_days = cast(literal(on) - CreatorFacts.measured_on, Integer)
    fresh = func.least(func.greatest(FRESHNESS_MOST - age_days, 0), FRESHNESS_MOST)
    return {
        "reach": REACH_MOST * views // (views + views_for_half(criteria)),
        "engagement": func.least(
            CreatorFacts.engagement_bps // ENGAGEMENT_BPS_PER_POINT, ENGAGEMENT_MOST
        ),
        "topics": _topics(sorted(set(criteria.categories))),
        "freshness": case((CreatorFacts.measured_on.is_(None), 0), else_=fresh),
    }


def _topics(asked: list[str]) -> ColumnElement[int]:
    if not asked:
        return literal(TOPICS_MOST)
    shared = (case((CreatorFacts.categories.contains([it]), 1), else_=0) for it in asked)
    return TOPICS_MOST * sum(shared, start=literal(0)) // len(asked)


def _score(row: Any) -> Score:
    return Score(tuple(Part(name, getattr(row, name), most) for name, most in MOST.items()))
