"""The rules as SQL, for many creators at once: the same answer as `rules.judge`, row by row."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from marketplace import clock
from marketplace.extensions import db
from marketplace.metrics.channel import category_bits
from marketplace.metrics.profile import GOOD, born_by
from marketplace.program.rules import Criteria

SHARED = "(f.category_bits & %(categories)s)"  # the categories that are asked and there, as bits


class Condition(NamedTuple):
    """What is asked of a row of `creator_facts f`, as SQL for the driver, and its values."""

    sql: str
    values: dict[str, Any]


def matching(criteria: Criteria, on: date | None = None) -> Condition:
    """The rows whose creators fulfil everything that is asked.

    Args:
        on: the day on which somebody must be old enough; today by default.
    """
    years, today = criteria.min_age_years, on or clock.now().date()
    categories = category_bits(criteria.categories) if criteria.categories else None
    return all_of(
        ("f.born_on <= %(born_by)s", "born_by", None if years is None else born_by(years, today)),
        ("f.followers >= %(followers)s", "followers", criteria.min_followers),
        ("f.authentic_views_30d >= %(views)s", "views", criteria.min_authentic_views_30d),
        ("f.engagement_bps >= %(engagement)s", "engagement", criteria.min_engagement_bps),
        ("f.country = ANY(%(countries)s)", "countries", list(criteria.countries) or None),
        (f"{SHARED} <> 0", "categories", categories),
        ("f.standing = %(standing)s", "standing", GOOD if criteria.good_standing else None),
    )


def all_of(*asked: tuple[str, str, Any]) -> Condition:
    """Everything that is asked: SQL, the name of its value, the value; None asks nothing."""
    given = [it for it in asked if it[2] is not None]
    return Condition(
        " AND ".join(sql for sql, _, _ in given) or "true",
        {name: value for _, name, value in given},
    )


def count(criteria: Criteria, on: date | None = None) -> int:
    """How many members of the program fulfil these criteria now."""
    asked = matching(criteria, on)
    statement = f"SELECT count(*) FROM creator_facts f WHERE f.member AND {asked.sql}"
    found: int = db.session.connection().exec_driver_sql(statement, asked.values).scalar_one()
    return found
