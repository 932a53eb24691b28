"""How well a creator suits a brief, in points that say what they are for. PURE.

Whole numbers only, so that the same sum in SQL (`matching.search`) gives the same points. Whether a
creator may take part at all is not said here: that is `program.rules`.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from marketplace.metrics.profile import Facts
from marketplace.program.rules import Criteria

REACH_MOST = 40  # half of it at as many authentic views as are asked, or at USUAL_VIEWS
ENGAGEMENT_MOST = 30  # all of it from 6 % on
TOPICS_MOST = 20  # in proportion to the categories asked for; all of it where none is
FRESHNESS_MOST = 10  # a point less for each day since the facts were measured

USUAL_VIEWS = 100_000
ENGAGEMENT_BPS_PER_POINT = 20


class Part(NamedTuple):
    """Points for one thing, of so many."""

    name: str
    points: int
    most: int


class Score(NamedTuple):
    """All parts; the higher their sum, the better a creator suits."""

    parts: tuple[Part, ...]

    @property
    def points(self) -> int:
        return sum(part.points for part in self.parts)


def views_for_half(criteria: Criteria) -> int:
    """At how many authentic views in 30 days reach is worth half of its points."""
    return max(criteria.min_authentic_views_30d or 0, USUAL_VIEWS)


def score(facts: Facts, criteria: Criteria, on: date) -> Score:
    """Judge how well these facts suit the brief, on a day."""
    views, half = facts.authentic_views_30d, views_for_half(criteria)
    asked = set(criteria.categories)
    shared = asked.intersection(facts.categories)
    old_days = (on - facts.measured_on).days if facts.measured_on else FRESHNESS_MOST
    reach = REACH_MOST * views // (views + half)
    engagement = min(facts.engagement_bps // ENGAGEMENT_BPS_PER_POINT, ENGAGEMENT_MOST)
    topics = TOPICS_MOST * len(shared) // len(asked) if asked else TOPICS_MOST
    freshness = min(max(FRESHNESS_MOST - old_days, 0), FRESHNESS_MOST)
    return Score(
        (
            Part("reach", reach, REACH_MOST),
            Part("engagement", engagement, ENGAGEMENT_MOST),
            Part("topics", topics, TOPICS_MOST),
            Part("freshness", freshness, FRESHNESS_MOST),
        )
    )
