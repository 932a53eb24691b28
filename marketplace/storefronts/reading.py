"""Amounts, instants and texts out of a body that somebody else wrote. PURE.

Shops write money as text and as a number, in one message; a number is read as the decimal it is
written as, never through a float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from marketplace.errors import MarketplaceError
from marketplace.money import MINOR_MAX, Money, exponent

TEXT_LENGTH_MAX = 200
CLICK_PARAMETER = "ref"  # under which a click's token travels to the shop and back
CODES_MAX = 20


class Unreadable(MarketplaceError):
    """The message is the shop's, but it does not say what such a message must say."""

    status, code = 400, "unreadable"


def body_of(raw: bytes) -> dict[str, Any]:
    """The JSON object that these bytes are.

    Raises:
        Unreadable: they are none.
    """
    try:
        body = json.loads(raw, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is no JSON") from error
    if not isinstance(body, dict):
        raise Unreadable("the body is no object")
    return body


def _no_number(text: str) -> Any:
    raise ValueError(text)


def amount(value: Any, currency: str) -> Money:
    """An amount in major units, rounded half-even to the currency's minor unit.

    Raises:
        Unreadable: it is no amount.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Unreadable("an amount is missing")
    try:
        exact = Decimal(value).scaleb(exponent(currency))
        if not exact.is_finite() or abs(exact) > MINOR_MAX:
            raise Unreadable("an amount is none that we take")
        return Money(int(exact.to_integral_value(ROUND_HALF_EVEN)), currency)
    except (ArithmeticError, ValueError) as error:
        raise Unreadable("an amount is no number") from error


def bounded(money: Money) -> Money:
    """A sum or product of amounts, if it is one that we take.

    Raises:
        Unreadable: it is too large.
    """
    if abs(money.minor) > MINOR_MAX:
        raise Unreadable("an amount is none that we take")
    return money


def text(value: Any) -> str:
    """A short text that a database can hold; anything else is ''."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    said = str(value)
    if not said.isprintable():
        said = "".join(it for it in said if it.isprintable())
    return said[:TEXT_LENGTH_MAX].strip()


def ref(value: Any, what: str) -> str:
    """The shop's own id of something.

    Raises:
        Unreadable: there is none.
    """
    found = text(value)
    if not found:
        raise Unreadable(f"{what} has no id")
    return found


def instant(value: Any, *, utc: bool = False) -> datetime:
    """An instant by ISO 8601. `utc`: written without a zone, it is UTC.

    Raises:
        Unreadable: it is none.
    """
    try:
        at = datetime.fromisoformat(text(value))
        at = at.replace(tzinfo=UTC) if utc and at.tzinfo is None else at
        if at.tzinfo is None:
            raise ValueError("no zone")
        if not 2000 <= at.year <= 2200:  # a page could not show it in every time zone
            raise ValueError("no time at which anybody sold")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("an instant is missing") from error


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; what is no list or no object is left out."""
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def distinct(values: list[str]) -> tuple[str, ...]:
    """Without empty ones and repetitions, first come first; a bounded number."""
    return tuple(dict.fromkeys(value for value in values if value))[:CODES_MAX]


def click_of(url: Any) -> str:
    """The click's token in a web address, or ''."""
    if not isinstance(url, str) or f"{CLICK_PARAMETER}=" not in url:
        return ""
    try:
        query = parse_qs(urlsplit(url).query)
    except ValueError:
        return ""
    return text(query.get(CLICK_PARAMETER, [""])[-1])
