"""How much a commission is: a rate of the price paid for the goods. PURE.

The base is net of discounts, tax and shipping, and of what was given back since. It is rounded
half-even, once.
"""

from __future__ import annotations

from marketplace.money import Money, zero


def remaining(base: Money, refunded: Money, *, canceled: bool) -> Money:
    """What is left of the price paid after refunds; nothing of a canceled order."""
    left = base - refunded
    return zero(base.currency) if canceled or left.minor < 0 else left


def commission(base: Money, refunded: Money, rate_bps: int, *, canceled: bool) -> Money:
    """What the creator keeps of a sale, of this price, after these refunds."""
    return remaining(base, refunded, canceled=canceled).share(rate_bps)
