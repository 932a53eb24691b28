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

import psycopg
from psycopg.rows import namedtuple_row

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
from marketplace.metrics.channel import category_bits
from marketplace.metrics.facts import known
from marketplace.metrics.profile import Facts
from marketplace.program import eligible
from marketplace.program.rules import Criteria


@dataclass(frozen=True)
class Filter:
    """What narrows a search further than the criteria do; None narrows nothing.

    `words`: somewhere in the name or the handle. `not_asked_by`: a campaign; who applied to it or
    was invited is left out.
    """

    words: str | None = None
    category: str | None = None
    min_followers: int | None = None
    not_asked_by: UUID | None = None


@dataclass(frozen=True)
class Suitable:
    """One eligible creator: their facts, and what they are worth to the brief, part by part."""

    creator_id: UUID
    name: str
    handle: str
    facts: Facts
    score: Score


@dataclass(frozen=True)
class Found:
    """A page of suitable creators, best first, and how many there are in all."""

    rows: Sequence[Suitable]
    total: int


EVERYBODY = Filter()


def creators_for(
    criteria: Criteria, on: date, only: Filter = EVERYBODY, *, limit: int, offset: int = 0
) -> Found:
    """Members of the program who fulfil the criteria, best first; equals in order of their ids.

    Args:
        on: the day on which their age and the age of their facts count.
    """
    rows = search(criteria, on, only, limit=limit, offset=offset)
    if not rows and offset:
        return Found((), creators_for(criteria, on, only, limit=1).total)
    return Found([_suitable(row, criteria, on) for row in rows], rows[0].total if rows else 0)


_SEARCH = """
    WITH fit AS (
        SELECT f.creator_id, {points} AS points
          FROM creator_facts f
         WHERE f.member AND {asked} AND {only}
    ), best AS (
        SELECT * FROM fit ORDER BY points DESC, creator_id LIMIT %(limit)s OFFSET %(offset)s
    )
    SELECT f.*, c.name, c.handle, best.points, (SELECT count(*) FROM fit) AS total
      FROM best
      JOIN creator_facts f ON f.creator_id = best.creator_id
      JOIN creator c ON c.id = best.creator_id
     ORDER BY best.points DESC, best.creator_id
"""
_POINTS = f"""
    {REACH_MOST} * f.authentic_views_30d / (f.authentic_views_30d + %(half)s)
    + least(f.engagement_bps / {ENGAGEMENT_BPS_PER_POINT}, {ENGAGEMENT_MOST})
    + CASE WHEN f.measured_on IS NULL THEN 0 ELSE
        least(greatest({FRESHNESS_MOST} - (CAST(%(today)s AS date) - f.measured_on), 0),
              {FRESHNESS_MOST})
      END
"""
_NAMED = """f.creator_id IN (
    SELECT c.id FROM creator c
     WHERE strpos(lower(c.name), lower(%(words)s)) > 0
        OR strpos(lower(c.handle), lower(ltrim(%(words)s, '@'))) > 0)"""
_NOT_ASKED = """f.creator_id NOT IN (
    SELECT a.creator_id FROM application a WHERE a.campaign_id = %(not_asked_by)s)"""


def search(criteria: Criteria, on: date, only: Filter, *, limit: int, offset: int) -> Sequence[Any]:
    """The one statement of `creators_for`: rows of facts with name, handle, points and total.

    It goes to the driver as it is: the session and its rows took a fifth of the whole time.
    """
    asked = eligible.matching(criteria, on)
    category = None if only.category is None else category_bits([only.category])
    narrower = eligible.all_of(
        (_NAMED, "words", only.words),
        ("f.category_bits & %(category)s <> 0", "category", category),
        ("f.followers >= %(followers_too)s", "followers_too", only.min_followers),
        (_NOT_ASKED, "not_asked_by", only.not_asked_by),
    )
    points = f"{_POINTS} + {_topics(criteria)}"
    values = {
        **asked.values,
        **narrower.values,
        **{"half": views_for_half(criteria), "today": on, "limit": limit, "offset": offset},
    }
    statement = _SEARCH.format(points=points, asked=asked.sql, only=narrower.sql)
    driver = db.session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def _topics(criteria: Criteria) -> str:
    asked = len(set(criteria.categories))
    shared = f"bit_count(CAST({eligible.SHARED} AS bit(64)))"
    return f"{TOPICS_MOST} * {shared} / {asked}" if asked else str(TOPICS_MOST)


def _suitable(row: Any, criteria: Criteria, on: date) -> Suitable:
    facts = known(row, on)
    return Suitable(row.creator_id, row.name, row.handle, facts, score(facts, criteria, on))
