"""How amounts, instants and shares are written, in the viewer's language and time zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import cast

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import NumberPattern, format_decimal, format_percent, get_currency_symbol
from flask import Flask
from flask_babel import get_locale, gettext

from marketplace import clock
from marketplace.errors import Says
from marketplace.money import BPS_WHOLE, Money, exponent
from marketplace.web.art import cover, monogram
from marketplace.web.language import DEFAULT, UTC, viewer_zone


def register(app: Flask) -> None:
    """Give templates these filters, and the pictures."""
    app.jinja_env.filters.update(
        money=money,
        date=day,
        datetime=moment,
        iso=iso,
        ago=ago,
        percent=percent,
        number=number,
        translated=translated,
        dashed=dashed,
    )
    app.jinja_env.globals.update(cover=cover, monogram=monogram)


def _locale() -> Locale:
    return get_locale() or Locale.parse(DEFAULT)


def money(amount: Money) -> str:
    """'€1,234.50' or '1 234,50 €': exactly the decimals that the currency has by ISO 4217."""
    locale = _locale()
    pattern = _currency_pattern(str(locale), exponent(amount.currency))
    # Not by CLDR's own table of decimals: it rounds some currencies to whole units.
    text: str = pattern.apply(
        amount.decimal, locale, currency=amount.currency, currency_digits=False
    )
    symbol = _symbol(amount.currency, str(locale))
    # CLDR: a symbol that ends in a letter is kept apart from the digits. Babel does not.
    return re.sub(rf"({re.escape(symbol)})(?=\d)", "\\1\u00a0", text) if symbol.isalpha() else text


@lru_cache
def _currency_pattern(locale: str, decimals: int) -> NumberPattern:
    pattern = copy(Locale.parse(locale).currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return cast(NumberPattern, pattern)


@lru_cache
def _symbol(currency: str, locale: str) -> str:
    return str(get_currency_symbol(currency, locale))


def translated(sentence: str) -> str:
    """A sentence of the domain in the viewer's language, its amounts written out."""
    if not isinstance(sentence, Says):
        return str(gettext(sentence)) if sentence else ""
    values = {name: _written(value) for name, value in sentence.values.items()}
    return str(gettext(sentence.template) % values)


def _written(value: object) -> object:
    return money(value) if isinstance(value, Money) else value


def day(at: date | datetime) -> str:
    """'Nov 22, 2026': the date, in the viewer's time zone."""
    if isinstance(at, datetime):
        at = at.astimezone(viewer_zone()).date()
    return format_date(at, "medium", locale=_locale())


def moment(at: datetime) -> str:
    """'Nov 22, 2026, 9:00 AM' in the viewer's time zone; who has none sees UTC, and that it is."""
    zone = viewer_zone()
    local = at.astimezone(zone)
    text = f"{format_date(local, 'medium', locale=_locale())}, {_time(local)}"
    return f"{text} UTC" if zone is UTC else text


def _time(local: datetime) -> str:
    return format_time(local, "short", locale=_locale())


def iso(at: date | datetime) -> str:
    """The instant or date for machines, as in `<time datetime>`."""
    return at.isoformat()


def ago(at: datetime) -> str:
    """'3 days ago', 'in 2 hours': the distance from now, in domain time."""
    return format_timedelta(at - clock.now(), add_direction=True, locale=_locale())


def number(count: int) -> str:
    """'12,500': a count."""
    return format_decimal(count, locale=_locale())


def percent(bps: int) -> str:
    """'12.5%' from 1250 basis points, never rounded."""
    share = Decimal(bps) / BPS_WHOLE
    return format_percent(share, locale=_locale(), decimal_quantization=False)


def dashed(attributes: Mapping[str, object]) -> dict[str, object]:
    """A macro's keyword arguments as HTML attributes: `data_zone` is written 'data-zone'."""
    return {name.replace("_", "-"): value for name, value in attributes.items()}
