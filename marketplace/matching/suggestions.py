"""Open campaigns that suit a creator, best first: one statement over what the campaigns ask for.

The points are those of `matching.score`: what the creator is worth to each brief.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import contains_eager

from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.extensions import db
from marketplace.matching.score import REACH_MOST, TOPICS_MOST, USUAL_VIEWS, Score, score
from marketplace.metrics.profile import GOOD, Facts

_ASKED = type_coerce(Campaign.criteria, JSONB)


@dataclass(frozen=True)
class Suggestion:
    """An open campaign that a creator is eligible for, and how well they suit it."""

    campaign: Campaign
    score: Score


def campaigns_for(
    facts: Facts, on: date, *narrower: ColumnElement[bool], limit: int
) -> Sequence[Suggestion]:
    """Open campaigns whose criteria these facts fulfil, the best first, then the newest.

    Whether the creator is a member of the program is asked before.

    Args:
        narrower: further conditions on `Campaign`, such as that they did not apply to it yet.
    """
    found = db.session.scalars(statement(facts, *narrower, limit=limit))
    return [Suggestion(it, score(facts, it.criteria, on)) for it in found]


def statement(facts: Facts, *narrower: ColumnElement[bool], limit: int) -> Select[Any]:
    """The one statement of `campaigns_for`. Engagement and freshness are the same for all."""
    return (
        select(Campaign)
        .join(Campaign.brand)
        .options(contains_eager(Campaign.brand))
        .where(Campaign.status == CampaignStatus.OPEN, fulfilled(facts), *narrower)
        .order_by((_reach(facts) + _topics(facts)).desc(), Campaign.id.desc())
        .limit(limit)
    )


def fulfilled(facts: Facts) -> ColumnElement[bool]:
    """A condition on `Campaign` rows: `program.rules.judge`, over many criteria at once."""
    numbers = {
        "min_age_years": facts.age_years,
        "min_followers": facts.followers,
        "min_authentic_views_30d": facts.authentic_views_30d,
        "min_engagement_bps": facts.engagement_bps,
    }
    country = literal(facts.country or "")
    return and_(
        *(_at_most(name, known) for name, known in numbers.items()),
        or_(~_ASKED.has_key("countries"), _ASKED["countries"].has_key(country)),
        or_(~_ASKED.has_key("categories"), _ASKED["categories"].has_any(_texts(facts))),
        or_(~_ASKED.has_key("good_standing"), literal(facts.standing == GOOD)),
    )


def _at_most(name: str, known: int | None) -> ColumnElement[bool]:
    unasked: ColumnElement[bool] = ~_ASKED.has_key(name)
    return unasked if known is None else or_(unasked, _number(name) <= known)


def _number(name: str) -> ColumnElement[int]:
    return cast(_ASKED[name].astext, Campaign.budget_minor.type)


def _texts(facts: Facts) -> ColumnElement[Any]:
    return cast(list(facts.categories), ARRAY(String))


def _reach(facts: Facts) -> ColumnElement[int]:
    asked = func.coalesce(_number("min_authentic_views_30d"), 0)
    views = facts.authentic_views_30d
    return literal(REACH_MOST * views) // (views + func.greatest(asked, USUAL_VIEWS))


def _topics(facts: Facts) -> ColumnElement[int]:
    asked = _ASKED["categories"]
    each = func.jsonb_array_elements_text(asked).column_valued("topic")
    shared = select(func.count()).where(each == func.any(_texts(facts))).scalar_subquery()
    of = cast(func.jsonb_array_length(asked), Integer)
    return case((_ASKED.has_key("categories"), TOPICS_MOST * shared // of), else_=TOPICS_MOST)
