"""Amounts as PayPal Payouts writes them, and what this rail cannot do. Pure.

An amount is a decimal text in major units, its currency beside it. Sources, at
developer.paypal.com: payouts/currency-conversion and
limited-release/payouts/reference/country-and-currency-codes (the currencies, which of them have no
decimals, which stay within their country), payouts/supported-features (countries),
docs/payouts/standard/reference/fees (the maximum).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from marketplace.money import Money, exponent

_WHOLE_ONLY = frozenset(("HUF", "JPY", "TWD"))

# What one payout is at most. PayPal says 20,000.00 USD or its equivalent, without a table: the
# other amounts are round ones that stay below it whatever the rates of the last years were.
_MOST = {
    "AUD": 25_000,
    "BRL": 90_000,
    "CAD": 25_000,
    "CHF": 15_000,
    "CZK": 400_000,
    "DKK": 120_000,
    "EUR": 16_000,
    "GBP": 14_000,
    "HKD": 150_000,
    "HUF": 6_000_000,
    "ILS": 60_000,
    "JPY": 2_500_000,
    "MXN": 320_000,
    "MYR": 80_000,
    "NOK": 180_000,
    "NZD": 30_000,
    "PHP": 1_000_000,
    "PLN": 70_000,
    "SEK": 180_000,
    "SGD": 25_000,
    "THB": 600_000,
    "TWD": 600_000,
    "USD": 20_000,
}
# These reach accounts of their own country alone.
_AT_HOME_ONLY = {"BRL": "BR", "MYR": "MY"}

# Where somebody can receive payouts and take the money out.
_REACHED = frozenset(
    ("AD", "AE", "AR", "AT", "AU", "BE", "BG", "BH", "BM", "BR", "BS", "BW", "CA", "CH", "CL")
    + ("CO", "CR", "CY", "CZ", "DE", "DK", "DO", "EC", "EE", "ES", "FI", "FO", "FR", "GB", "GE")
    + ("GI", "GL", "GR", "GT", "HK", "HN", "HR", "HU", "ID", "IE", "IL", "IN", "IS", "IT", "JM")
    + ("JO", "JP", "KE", "KR", "KW", "KY", "KZ", "LI", "LS", "LT", "LU", "LV", "MA", "MC", "MD")
    + ("MT", "MU", "MX", "MY", "MZ", "NI", "NL", "NO", "NZ", "OM", "PA", "PE", "PH", "PL", "PT")
    + ("QA", "RO", "RS", "SA", "SE", "SG", "SI", "SK", "SM", "SN", "SV", "TH", "TT", "TW", "US")
    + ("UY", "VN", "ZA")
)


class NotExpressible(ValueError):
    """An amount that PayPal cannot pay out in this currency."""


def payout_step(currency: str) -> int:
    """What a payout in this currency must be a multiple of, in our minor units."""
    return 10 ** exponent(currency) if currency in _WHOLE_ONLY else 1


def to_paypal(amount: Money) -> dict[str, str]:
    """Return the amount as PayPal's `currency` object: {'currency': 'HUF', 'value': '1200'}.

    Raises:
        NotExpressible: PayPal pays out no such currency, or the amount is finer than it takes.
    """
    if amount.currency not in _MOST:
        raise NotExpressible(f"PayPal pays out no {amount.currency}")
    major = Decimal(amount.minor).scaleb(-exponent(amount.currency))
    decimals = 0 if amount.currency in _WHOLE_ONLY else 2
    text = f"{major:.{decimals}f}"
    if Decimal(text) != major:
        raise NotExpressible(f"{amount} is finer than PayPal takes")
    return {"currency": amount.currency, "value": text}


def from_paypal(value: str, currency: str) -> Money:
    """Read an amount that PayPal wrote.

    Raises:
        NotExpressible: it is finer than our minor unit.
        ValueError, TypeError: it is no amount, or no currency.
    """
    try:
        scaled = Decimal(value).scaleb(exponent(currency))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount") from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise NotExpressible(f"{value} {currency} is no whole number of our minor unit")
    return Money(int(scaled), currency)


def refusal(country: str, currency: str, amount: Money | None) -> str | None:
    """Why this rail cannot pay somebody so: 'country', 'currency', 'decimals', 'most', or None."""
    if country not in _REACHED:
        return "country"
    if currency not in _MOST or _AT_HOME_ONLY.get(currency, country) != country:
        return "currency"
    if amount is None:
        return None
    try:
        to_paypal(amount)
    except NotExpressible:
        return "decimals"
    bound = most(currency)
    return "most" if bound is not None and amount > bound else None


def most(currency: str) -> Money | None:
    """What one payout in this currency is at most; None if PayPal pays out no such currency."""
    if currency not in _MOST:
        return None
    return Money(_MOST[currency] * 10 ** exponent(currency), currency)
