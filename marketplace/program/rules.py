"""Who is eligible, and if not, what is missing. PURE.

`judge` decides for the program and for every campaign and challenge: what people read is the object
that decided. Its twin in SQL, for many creators at once, is `program.eligible`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from marketplace.metrics.profile import GOOD, Facts

Value = int | str | tuple[str, ...] | None


@dataclass(frozen=True)
class Criteria:
    """What is asked of a creator. None, nothing or False asks nothing.

    `countries`: one of them; `categories`: at least one of them.
    """

    min_age_years: int | None = None
    min_followers: int | None = None
    min_authentic_views_30d: int | None = None
    min_engagement_bps: int | None = None
    countries: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    good_standing: bool = False


@dataclass(frozen=True)
class Requirement:
    """One rule that was asked: what it wants, what there is, how much is missing.

    `actual` is None where it is not known; `missing` is a number only where one can be said.
    """

    rule: str
    required: Value
    actual: Value
    missing: int | None
    met: bool


@dataclass(frozen=True)
class Verdict:
    """Every rule that was asked, in a fixed order, each with its answer."""

    requirements: tuple[Requirement, ...]

    @property
    def eligible(self) -> bool:
        return not self.missed

    @property
    def missed(self) -> tuple[Requirement, ...]:
        return tuple(it for it in self.requirements if not it.met)


def judge(facts: Facts, criteria: Criteria) -> Verdict:
    """Check every rule that is asked and name each one with what is missing."""
    return Verdict(tuple(_requirements(facts, criteria)))


def _requirements(facts: Facts, criteria: Criteria) -> Iterator[Requirement]:
    numbers: tuple[tuple[str, int | None, int | None], ...] = (
        ("age", criteria.min_age_years, facts.age_years),
        ("followers", criteria.min_followers, facts.followers),
        ("authentic_views_30d", criteria.min_authentic_views_30d, facts.authentic_views_30d),
        ("engagement", criteria.min_engagement_bps, facts.engagement_bps),
    )
    for rule, required, actual in numbers:
        if required is not None:
            yield _at_least(rule, required, actual)
    if criteria.countries:
        met = facts.country in criteria.countries
        yield Requirement("country", criteria.countries, facts.country, None, met)
    if criteria.categories:
        met = not set(criteria.categories).isdisjoint(facts.categories)
        yield Requirement("categories", criteria.categories, facts.categories, None, met)
    if criteria.good_standing:
        met = facts.standing == GOOD
        yield Requirement("standing", GOOD, facts.standing, None, met)


def _at_least(rule: str, required: int, actual: int | None) -> Requirement:
    if actual is None:
        return Requirement(rule, required, None, None, met=False)
    missing = max(required - actual, 0)
    return Requirement(rule, required, actual, missing or None, met=not missing)


# ---- as they are kept


def criteria_json(criteria: Criteria) -> dict[str, Any]:
    """Only what is asked, so that what is kept can be read by people."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(criteria).items()
        if value is not None and value is not False and value != ()  # 0 is asked, and is kept
    }


def criteria_of(kept: dict[str, Any]) -> Criteria:
    """The criteria that were kept; what is not named asks nothing."""
    known = {it.name for it in fields(Criteria)}
    return Criteria(**{name: _value(value) for name, value in kept.items() if name in known})


def verdict_json(verdict: Verdict) -> list[dict[str, Any]]:
    """A verdict to be kept beside a decision."""
    return [
        asdict(it) | {"required": _plain(it.required), "actual": _plain(it.actual)}
        for it in verdict.requirements
    ]


def verdict_of(kept: list[dict[str, Any]]) -> Verdict:
    """The verdict that was kept."""
    return Verdict(
        tuple(
            Requirement(**{name: _value(value) for name, value in requirement.items()})
            for requirement in kept
        )
    )


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
