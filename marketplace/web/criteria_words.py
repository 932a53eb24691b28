"""What people read for criteria, and for what a verdict found: one sentence each, for everybody."""

from __future__ import annotations

from typing import Any, NamedTuple

from babel import Locale
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _

from marketplace.program.rules import Criteria, Requirement
from marketplace.web import formats

CATEGORIES: dict[str, Any] = {
    "beauty": _("Beauty"),
    "education": _("Education"),
    "family": _("Family"),
    "fashion": _("Fashion"),
    "fitness": _("Fitness"),
    "food": _("Food"),
    "gaming": _("Gaming"),
    "home": _("Home"),
    "music": _("Music"),
    "outdoors": _("Outdoors"),
    "pets": _("Pets"),
    "tech": _("Tech"),
    "travel": _("Travel"),
}

RULES: dict[str, Any] = {
    "age": _("Age"),
    "followers": _("Followers"),
    "authentic_views_30d": _("Authentic views in 30 days"),
    "engagement": _("Engagement"),
    "country": _("Country"),
    "categories": _("Categories"),
    "standing": _("Standing"),
}


class Line(NamedTuple):
    """One rule of a verdict as people read it; `missing` is '' where no number can be said."""

    rule: str
    required: str
    actual: str
    missing: str
    met: bool


def line(requirement: Requirement) -> Line:
    """A requirement in words."""
    rule = requirement.rule
    unknown = str(gettext("not known"))
    actual = unknown if requirement.actual in (None, ()) else _value(rule, requirement.actual)
    missing = "" if requirement.missing is None else _value(rule, requirement.missing)
    return Line(str(RULES[rule]), _required(requirement), actual, missing, requirement.met)


def demands(criteria: Criteria) -> list[tuple[str, str]]:
    """What is asked, as pairs of rule and demand; nothing if nothing is."""
    asked = (
        ("age", criteria.min_age_years),
        ("followers", criteria.min_followers),
        ("authentic_views_30d", criteria.min_authentic_views_30d),
        ("engagement", criteria.min_engagement_bps),
    )
    found = [
        (str(RULES[rule]), gettext("at least %(least)s", least=_value(rule, least)))
        for rule, least in asked
        if least is not None
    ]
    if criteria.countries:
        found.append((str(RULES["country"]), _value("country", criteria.countries)))
    if criteria.categories:
        found.append((str(RULES["categories"]), _value("categories", criteria.categories)))
    if criteria.good_standing:
        found.append((str(RULES["standing"]), str(gettext("good"))))
    return found


def _required(requirement: Requirement) -> str:
    said = _value(requirement.rule, requirement.required)
    if isinstance(requirement.required, int):
        return str(gettext("at least %(least)s", least=said))
    return said


def _value(rule: str, value: Any) -> str:
    if rule == "engagement":
        return formats.percent(value)
    if rule == "standing":
        return str(gettext("good") if value == "good" else gettext("suspended"))
    if isinstance(value, int):
        return formats.number(value)
    values = (value,) if isinstance(value, str) else value
    if rule == "country":
        names = Locale.parse(str(get_locale() or "en")).territories
        return ", ".join(str(names.get(code, code)) for code in values)
    return ", ".join(str(CATEGORIES.get(name, name)) for name in values)
