"""What is known of a creator at one instant, as every rule looks at it. PURE."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

WINDOW_DAYS = 30
GOOD, SUSPENDED = "good", "suspended"


@dataclass(frozen=True)
class Facts:
    """One creator's facts. Views and engagement are those of the last 30 days.

    `measured_on`: the latest day that was imported; None = nothing was. `age_years`: None until the
    creator has said when they were born, once, when applying to the program.
    """

    followers: int = 0
    authentic_views_30d: int = 0
    views_30d: int = 0
    engagement_bps: int = 0  # engagements per view
    measured_on: date | None = None
    country: str | None = None  # ISO 3166-1 alpha-2
    age_years: int | None = None
    standing: str = GOOD
    categories: tuple[str, ...] = ()


def as_json(facts: Facts) -> dict[str, Any]:
    """A snapshot to be kept beside a decision."""
    kept = asdict(facts)
    kept["measured_on"] = facts.measured_on.isoformat() if facts.measured_on else None
    kept["categories"] = list(facts.categories)
    return kept


def from_json(kept: dict[str, Any]) -> Facts:
    """The facts of a snapshot."""
    measured_on = kept["measured_on"]
    return Facts(
        **{
            **kept,
            "measured_on": date.fromisoformat(measured_on) if measured_on else None,
            "categories": tuple(kept["categories"]),
        }
    )


def age_years(born_on: date, on: date) -> int:
    """Whole years of a person's life on a day; born on 29 February, the year is full on 1 March."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def born_by(years: int, on: date) -> date:
    """The last day of birth with which somebody is `years` old on a day: `age_years` the other way
    round."""
    year = on.year - years
    if (on.month, on.day) == (2, 29) and not _is_leap(year):
        return date(year, 2, 28)
    return on.replace(year=year)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
