"""Which language and which time zone a page is written in, and the catalogs of translations.

The language is the one chosen in this browser, else the person's (set at log-in), else the
browser's own. Catalogs are read from their `.po` files: there is nothing to compile, so nothing is
ever out of date.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, has_request_context, request, session
from flask_babel import Babel, Domain, get_locale

import marketplace
from marketplace import access

# Each in its own words, for the switch.
LANGUAGES = {"en": "English", "fr": "Français"}
DEFAULT = "en"
CATALOGS = Path(marketplace.__file__).parent / "translations"

UTC = ZoneInfo("UTC")
_CHOICE = "language"  # in the session cookie


class PoDomain(Domain):  # type: ignore[misc]
    """Translations straight from `messages.po`."""

    def get_translations(self) -> NullTranslations:
        """The catalog of the present language; English is the language of the source."""
        return catalog(str(get_locale() or DEFAULT))


@lru_cache
def catalog(language: str) -> NullTranslations:
    """The translations into a language, or none if there are none."""
    path = CATALOGS / language / "LC_MESSAGES" / "messages.po"
    if language not in LANGUAGES or not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def register(app: Flask, babel: Babel) -> None:
    """Choose languages by this module's rule."""
    babel.init_app(app, locale_selector=language)
    babel.domain_instance = PoDomain()
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.globals.update(get_locale=get_locale, languages=LANGUAGES)


def language() -> str:
    """The language of this page."""
    if not has_request_context():
        return DEFAULT
    chosen = session.get(_CHOICE)
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(list(LANGUAGES)) or DEFAULT


def choose(code: str) -> None:
    """Use this language in this browser from now on."""
    session[_CHOICE] = code


def prefer(code: str) -> None:
    """Use this language unless another was chosen in this browser."""
    session.setdefault(_CHOICE, code)


def viewer_zone() -> ZoneInfo:
    """The time zone of who is looking: the brand's on a brand's pages, the creator's, else UTC."""
    if not has_request_context():
        return UTC
    roles = access.roles()
    if roles["brand"] and (request.blueprint == "brand" or not roles["creator"]):
        return ZoneInfo(access.current_brand().time_zone)
    if roles["creator"]:
        return ZoneInfo(access.current_creator().time_zone)
    return UTC
