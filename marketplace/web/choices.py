"""What long lists in forms offer, in the language of the page."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby

from babel import Locale
from flask_babel import get_locale

from marketplace.schemas.fields import countries, time_zones
from marketplace.web.language import DEFAULT

Choices = list[tuple[str, str]]  # what is sent, what is shown


def country_choices() -> Choices:
    """Every country by its name."""
    return _countries(str(get_locale() or DEFAULT))


@lru_cache
def _countries(language: str) -> Choices:
    names = Locale.parse(language).territories
    shown = ((code, names.get(code, code)) for code in countries())
    return sorted(shown, key=lambda choice: _sortable(choice[1]))


def _sortable(name: str) -> str:
    """Accented letters beside their plain ones."""
    return unicodedata.normalize("NFKD", name).casefold()


@lru_cache
def zone_choices() -> list[tuple[str, Choices]]:
    """Every time zone, grouped by its part of the world."""
    names = sorted(time_zones(), key=lambda name: ("/" in name, name))
    return [
        (region, [(name, name.partition("/")[2].replace("_", " ") or name) for name in group])
        for region, group in groupby(names, key=lambda name: name.partition("/")[0])
    ]
