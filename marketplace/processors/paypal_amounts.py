"""Amounts as PayPal writes them: text in major units, for some currencies without decimals.

Source: developer.paypal.com/docs/api/reference/currency-codes (currencies, notes 1 to 3).
"""

from __future__ import annotations

from marketplace.money import Money, exponent

CURRENCIES = frozenset(
    ("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY")
    + ("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD")
)
_WITHOUT_DECIMALS = frozenset(("HUF", "JPY", "TWD"))


class NotExpressible(ValueError):
    """An amount that PayPal cannot write in this currency."""


def payout_step(currency: str) -> int:
    """What a payout in this currency must be a multiple of, in our minor units."""
    return 10 ** exponent(currency) if currency in _WITHOUT_DECIMALS else 1


def to_paypal(amount: Money) -> str:
    """Return the amount as PayPal's `value`: '12.50', or '12345' where it takes no decimals.

    Raises:
        NotExpressible: PayPal lacks the currency, or the amount is finer than it takes.
    """
    if amount.currency not in CURRENCIES:
        raise NotExpressible(f"PayPal does not pay {amount.currency}")
    if amount.minor % payout_step(amount.currency):
        raise NotExpressible(f"{amount} is finer than PayPal takes")
    whole = amount.currency in _WITHOUT_DECIMALS
    return str(int(amount.decimal)) if whole else str(amount.decimal)
