"""Whom something is for, as a form sends it: one simple field for each rule.

`CriteriaFields` is a part of every form that says for whom a thing is; `criteria_from` reads what
it loaded, `typed` writes criteria back as a person would have typed them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from babel import Locale
from flask_babel import get_locale, gettext
from marshmallow import ValidationError

from marketplace.metrics.channel import CATEGORIES
from marketplace.program.rules import Criteria
from marketplace.schemas import Sent
from marketplace.schemas.fields import Text, WholeNumber, countries

FOLLOWERS_MAX = 1_000_000_000
VIEWS_MAX = 1_000_000_000_000

# By field of the form: what it is in `Criteria`.
COLUMNS = {
    "min_followers": "min_followers",
    "min_views": "min_authentic_views_30d",
    "min_engagement": "min_engagement_bps",
    "countries": "countries",
    "categories": "categories",
}


class Percent(Text):
    """A share such as '12.5' or '12,5 %'; loads basis points."""

    nothing = None

    def __init__(self, minimum_bps: int, maximum_bps: int, **options: Any) -> None:
        super().__init__(length_max=20, **options)
        self.minimum_bps, self.maximum_bps = minimum_bps, maximum_bps

    def read(self, text: str, data: Mapping[str, Any]) -> int:
        found = re.fullmatch(r"(\d{1,3})(?:[.,](\d{1,2}))?\s*%?", text, re.ASCII)
        bps = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else -1
        if not self.minimum_bps <= bps <= self.maximum_bps:
            bounds = {"low": percent(self.minimum_bps), "high": percent(self.maximum_bps)}
            raise ValidationError(
                gettext("A number from %(low)s to %(high)s, with at most two decimals.", **bounds)
            )
        return bps


class Names(Text):
    """Several names with commas between them; loads a tuple, each once, sorted."""

    nothing = ()

    def read(self, text: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        names = [name.strip() for name in re.split("[,;\n]", text)]
        return tuple(sorted({self.one(name) for name in names if name}))

    def one(self, text: str) -> str:
        """What one of the names stands for."""
        raise NotImplementedError


class Countries(Names):
    """Countries by their name, in English or the language of the page, or by their code."""

    def one(self, text: str) -> str:
        code = country_codes(str(get_locale() or "en")).get(_plain(text))
        if code is None:
            raise ValidationError(gettext("%(name)s is not a country that we know.", name=text))
        return code


class Categories(Names):
    """What a channel is about: some of the names that imports use."""

    def one(self, text: str) -> str:
        if text not in CATEGORIES:
            raise ValidationError(gettext("Please choose from the list."))
        return text


class CriteriaFields(Sent):
    """For whom it is, rule by rule; an empty field asks nothing."""

    min_followers = WholeNumber(1, FOLLOWERS_MAX, required=False)
    min_views = WholeNumber(1, VIEWS_MAX, required=False)
    min_engagement = Percent(1, 10_000, required=False)
    countries = Countries(length_max=2_000, required=False)
    categories = Categories(length_max=500, required=False)


def criteria_from(read: Mapping[str, Any], before: Criteria | None = None) -> Criteria:
    """The criteria of a form; a field that could not be read stays as it was before."""
    changes = {column: read[field] for field, column in COLUMNS.items() if field in read}
    return replace(before or Criteria(), **changes)


def typed(criteria: Criteria) -> dict[str, str]:
    """Criteria as a person would have typed them."""
    names = Locale.parse(str(get_locale() or "en")).territories
    engagement = criteria.min_engagement_bps
    return {
        "min_followers": str(criteria.min_followers or ""),
        "min_views": str(criteria.min_authentic_views_30d or ""),
        "min_engagement": percent(engagement) if engagement else "",
        "countries": ", ".join(str(names.get(code, code)) for code in criteria.countries),
        "categories": ",".join(criteria.categories),
    }


def percent(bps: int) -> str:
    """'12.5' from 1250 basis points."""
    return f"{(Decimal(bps) / 100).normalize():f}"


def country_codes(language: str) -> dict[str, str]:
    """Country codes by what people may call each."""
    known = countries()
    called = {code.lower(): code for code in known}
    for locale in ("en", language):
        names = Locale.parse(locale).territories
        called |= {_plain(str(names[code])): code for code in known if code in names}
    return called


def _plain(text: str) -> str:
    """Without capitals and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))
