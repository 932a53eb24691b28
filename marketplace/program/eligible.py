"""The rules as SQL, for many creators at once: the same answer as `rules.judge`, row by row."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, func, select, true

from marketplace import clock
from marketplace.extensions import db
from marketplace.metrics.facts import CreatorFacts
from marketplace.metrics.profile import GOOD, born_by
from marketplace.program.rules import Criteria


def matching(criteria: Criteria, on: date | None = None) -> ColumnElement[bool]:
    """A condition on `CreatorFacts` rows: these creators fulfil everything that is asked.

    Args:
        on: the day on which somebody must be old enough; today by default.
    """
    asked: list[ColumnElement[bool]] = []
    if criteria.min_age_years is not None:
        oldest = born_by(criteria.min_age_years, on or clock.now().date())
        asked.append(CreatorFacts.born_on.is_not(None) & (CreatorFacts.born_on <= oldest))
    numbers = (
        (CreatorFacts.followers, criteria.min_followers),
        (CreatorFacts.authentic_views_30d, criteria.min_authentic_views_30d),
        (CreatorFacts.engagement_bps, criteria.min_engagement_bps),
    )
    asked += [column >= least for column, least in numbers if least is not None]
    if criteria.countries:
        asked.append(CreatorFacts.country.in_(criteria.countries))
    if criteria.categories:
        asked.append(CreatorFacts.categories.overlap(list(criteria.categories)))
    if criteria.good_standing:
        asked.append(CreatorFacts.standing == GOOD)
    return and_(true(), *asked)


def count(criteria: Criteria, on: date | None = None) -> int:
    """How many members of the program fulfil these criteria now."""
    statement = select(func.count()).where(CreatorFacts.member, matching(criteria, on))
    return db.session.scalars(statement).one()
