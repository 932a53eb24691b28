"""What 100 USD are in another currency, and the threshold that this makes. PURE.

Rates are units of a currency per euro, as the European Central Bank publishes them.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from marketplace.money import Money, exponent

DOLLARS = 100
DIGITS = 2  # that a threshold has before its zeros


def equivalent(currency: str, per_euro: Decimal, dollars_per_euro: Decimal) -> Money:
    """100 USD at these rates, down to the minor unit."""
    exact = DOLLARS * Fraction(per_euro) / Fraction(dollars_per_euro)
    return Money(int(exact * 10 ** exponent(currency)), currency)


def rounded(amount: Money) -> Money:
    """Round down to two digits: 15,725 JPY make 15,000 JPY.

    Down, so that no creator waits for more than 100 USD; less than a tenth below it.
    """
    unit = 10 ** max(len(str(amount.minor)) - DIGITS, 0)
    return Money(amount.minor - amount.minor % unit, amount.currency)
