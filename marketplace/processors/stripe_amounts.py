"""Amounts as Stripe writes them. Its decimals are not always those of ISO 4217.

Source: docs.stripe.com/currencies (zero-decimal, three-decimal, special cases).
"""

from __future__ import annotations

from marketplace.money import Money, exponent

_ZERO_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA")
    + ("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE_DECIMALS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# An amount must be a multiple of this. Three decimals must end in 0; ISK and UGX are written with
# two decimals for the sake of old integrations, although only whole units exist.
_STEPS = {**dict.fromkeys(_THREE_DECIMALS, 10), "ISK": 100, "UGX": 100}
_TENS = (1, 10, 100)
# Payouts alone, in our own minor units: these banks take whole units, although cards take less.
_WHOLE_UNIT_PAYOUTS = {"HUF": 100, "TWD": 100}
UNKNOWN = frozenset(("IQD", "LYD"))  # of our three-decimal currencies, the two Stripe has not


class NotExpressible(ValueError):
    """An amount that Stripe cannot write in this currency."""


def _decimals(currency: str) -> int:
    if currency in _ZERO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def to_stripe(amount: Money) -> int:
    """Return the amount in Stripe's smallest unit of its currency.

    Raises:
        NotExpressible: Stripe lacks the currency, or the amount is finer than it takes.
    """
    if amount.currency in UNKNOWN:
        raise NotExpressible(f"Stripe does not know {amount.currency}")
    shift = _decimals(amount.currency) - exponent(amount.currency)
    scaled, rest = divmod(amount.minor * _TENS[max(shift, 0)], _TENS[max(-shift, 0)])
    if rest or scaled % _STEPS.get(amount.currency, 1):
        raise NotExpressible(f"{amount} is finer than Stripe takes")
    return scaled


def payout_step(currency: str) -> int:
    """What a payout in this currency must be a multiple of, in our minor units."""
    coarser = exponent(currency) - _decimals(currency)
    step = max(_TENS[max(coarser, 0)], 10 if currency in _THREE_DECIMALS else 1)
    return _WHOLE_UNIT_PAYOUTS.get(currency, step)


# Every currency in which a payout is not just any number of minor units.
PAYOUT_STEPS = {
    currency: payout_step(currency)
    for currency in sorted(_ZERO_DECIMALS | _THREE_DECIMALS | _WHOLE_UNIT_PAYOUTS.keys())
    if payout_step(currency) > 1
}


def from_stripe(amount: int, currency: str) -> Money:
    """Read an amount that Stripe wrote; `currency` in any case of letters.

    Raises:
        NotExpressible: it is finer than our minor unit.
        ValueError, TypeError: it is no amount, or no currency.
    """
    code = currency.upper()
    shift = _decimals(code) - exponent(code)
    minor, rest = divmod(amount * _TENS[max(-shift, 0)], _TENS[max(shift, 0)])
    if rest:
        raise NotExpressible(f"{amount} {code} is finer than our minor unit")
    return Money(minor, code)
