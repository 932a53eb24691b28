"""What a campaign pays one creator: gross, platform fee, net, and when it becomes available."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marketplace.earnings.earning import EarningKind
from marketplace.earnings.terms import Terms, terms_of
from marketplace.money import Money


@dataclass(frozen=True)
class FlatFee:
    """For approved work. The platform fee is what is between gross and net."""

    gross: Money
    net: Money
    platform_fee: Money
    terms: Terms


@dataclass(frozen=True)
class Commission:
    """Of what buyers pay, net of discounts, tax and shipping."""

    rate_bps: int
    terms: Terms


@dataclass(frozen=True)
class Offer:
    """What is offered to each creator."""

    flat_fee: FlatFee | None
    commission: Commission | None


def offer(flat_fee: Money | None, commission_bps: int | None, at: datetime) -> Offer:
    """The offer under the terms of income that hold at an instant."""
    fixed, share = None, None
    if flat_fee:
        terms = terms_of(EarningKind.FLAT_FEE, at)
        net, platform_fee = terms.split(flat_fee)
        fixed = FlatFee(flat_fee, net, platform_fee, terms)
    if commission_bps:
        share = Commission(commission_bps, terms_of(EarningKind.COMMISSION, at))
    return Offer(fixed, share)
