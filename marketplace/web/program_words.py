"""What people read for rules, their answers, and reasons of the program: on every page that judges.

`lines(verdict)` is a verdict in words, rule by rule; templates show it by `program/macros.html`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from babel import Locale
from flask_babel import get_locale, gettext, ngettext
from flask_babel import lazy_gettext as _

from marketplace import clock
from marketplace.metrics.profile import GOOD
from marketplace.program.rules import Requirement, Verdict
from marketplace.web import formats

PLATFORMS = {
    "tiktok": "TikTok",
    "instagram": "Instagram",
    "youtube": "YouTube",
    "twitch": "Twitch",
}

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

# Why an application was turned down.
REJECTIONS: dict[str, Any] = {
    "content": _("The content does not fit the program"),
    "inauthentic": _("Views or followers do not look authentic"),
    "identity": _("It is not clear that the channel is theirs"),
    "facts_changed": _("The rules are not met any more"),
    "other": _("Another reason"),
}

# From when on somebody may ask again.
REAPPLY: dict[str, Any] = {
    "in_30_days": _("In 30 days"),
    "at_once": _("At once"),
    "never": _("Never"),
}

# Why a member was suspended.
SUSPENSIONS: dict[str, Any] = {
    "inauthentic": _("Views or followers do not look authentic"),
    "policy": _("A breach of the program's rules"),
    "disputes": _("Too many disputes with brands"),
    "identity": _("It is not clear that the channel is theirs"),
    "other": _("Another reason"),
}


@dataclass(frozen=True)
class Line:
    """One rule in words: what it asks, what there is, and what is missing ('' = nothing)."""

    rule: str
    met: bool
    asked: str
    actual: str
    missing: str
    share: tuple[int, int] | None = None  # of a number: what there is, what is asked


def lines(verdict: Verdict) -> list[Line]:
    """A verdict rule by rule, in the viewer's language."""
    return [_WORDS[it.rule](it) for it in verdict.requirements]


def age_of(day: date) -> str:
    """'2 days ago': how old what was measured on a day is."""
    days = (clock.now().date() - day).days
    if days <= 0:
        return str(gettext("today"))
    return str(ngettext("%(num)d day ago", "%(num)d days ago", days))


def choices(labels: dict[str, Any]) -> list[tuple[str, str]]:
    """What a list in a form offers."""
    return [(value, str(label)) for value, label in labels.items()]


def country(code: str | None) -> str:
    """The name of a country."""
    names = (get_locale() or Locale("en")).territories
    return str(names.get(code, code)) if code else ""


def categories(names: tuple[str, ...] | list[str]) -> str:
    """Categories in words, such as 'Food, Travel'."""
    return ", ".join(str(CATEGORIES.get(name, name)) for name in names)


def _age(it: Requirement) -> Line:
    years = int(str(it.required))
    if it.actual is None:
        actual = gettext("not known yet: you say so when you apply")
    else:
        actual = ngettext("%(num)d year", "%(num)d years", int(str(it.actual)))
    missing = ngettext("%(num)d year missing", "%(num)d years missing", it.missing or 0)
    return Line(
        it.rule,
        it.met,
        gettext("%(years)d years or older", years=years),
        str(actual),
        str(missing) if it.missing else "",
    )


_NUMBERS: dict[str, Any] = {
    "followers": _("%(much)s followers"),
    "authentic_views_30d": _("%(much)s authentic views in 30 days"),
    "engagement": _("Engagement of %(much)s"),
}


def _number(it: Requirement) -> Line:
    required, actual = int(str(it.required)), int(str(it.actual))
    shown = formats.percent if it.rule == "engagement" else formats.number
    missing = gettext("%(much)s missing", much=shown(it.missing)) if it.missing else ""
    return Line(
        it.rule,
        it.met,
        str(_NUMBERS[it.rule]) % {"much": shown(required)},
        shown(actual),
        str(missing),
        (min(actual, required), required),
    )


def _country(it: Requirement) -> Line:
    asked = gettext("Lives in: %(where)s", where=", ".join(map(country, _several(it.required))))
    return Line(it.rule, it.met, str(asked), country(str(it.actual or "")), "")


def _categories(it: Requirement) -> Line:
    asked = gettext("One of: %(what)s", what=categories(_several(it.required)))
    return Line(it.rule, it.met, str(asked), categories(_several(it.actual)), "")


def _standing(it: Requirement) -> Line:
    stands = gettext("in good standing") if it.actual == GOOD else gettext("suspended")
    return Line(it.rule, it.met, str(gettext("Good standing")), str(stands), "")


def _several(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


_WORDS = {
    "age": _age,
    "followers": _number,
    "authentic_views_30d": _number,
    "engagement": _number,
    "country": _country,
    "categories": _categories,
    "standing": _standing,
}
