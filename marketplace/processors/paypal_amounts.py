"""Amounts as PayPal Payouts writes them. Pure.

An amount is a decimal text in major units, its currency beside it. Source: developer.paypal.com/
docs/api/reference/currency-codes (the currencies, and which of them have no decimals).
"""

from __future__ import annotations

from decimal import Decimal

from marketplace.money import Money, exponent

_CURRENCIES = frozenset(
    ("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY")
    + ("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD")
)
_WHOLE_ONLY = frozenset(("HUF", "JPY", "TWD"))


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
    if amount.currency not in _CURRENCIES:
        raise NotExpressible(f"PayPal pays out no {amount.currency}")
    major = Decimal(amount.minor).scaleb(-exponent(amount.currency))
    decimals = 0 if amount.currency in _WHOLE_ONLY else 2
    text = f"{major:.{decimals}f}"
    if Decimal(text) != major:
        raise NotExpressible(f"{amount} is finer than PayPal takes")
    return {"currency": amount.currency, "value": text}
