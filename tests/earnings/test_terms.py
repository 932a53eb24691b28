"""Terms as the migrations set them, and how they split an amount."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketplace.earnings.earning import EarningKind
from marketplace.earnings.terms import Terms, terms_of
from marketplace.money import Money
from tests.within import within

__all__ = ["within"]

FROM_THE_START = {
    EarningKind.FUND: Terms(platform_fee_bps=0, maturity_days=7, fee_on_top=False),
    EarningKind.GIFT: Terms(platform_fee_bps=0, maturity_days=7, fee_on_top=False),
    EarningKind.FLAT_FEE: Terms(platform_fee_bps=1000, maturity_days=0, fee_on_top=False),
    EarningKind.COMMISSION: Terms(platform_fee_bps=290, maturity_days=30, fee_on_top=True),
    EarningKind.PRIZE: Terms(platform_fee_bps=0, maturity_days=7, fee_on_top=False),
}


@pytest.mark.parametrize("kind", EarningKind)
def test_every_way_to_earn_has_terms_from_the_start(kind: EarningKind) -> None:
    assert terms_of(kind, datetime(2026, 3, 2, tzinfo=UTC)) == FROM_THE_START[kind]


def test_a_fee_on_top_leaves_the_agreed_amount_whole() -> None:
    terms = Terms(platform_fee_bps=290, maturity_days=30, fee_on_top=True)
    assert terms.split(Money(1000, "USD")) == (Money(1000, "USD"), Money(29, "USD"))


def test_a_fee_taken_out_leaves_the_rest_to_the_creator() -> None:
    terms = Terms(platform_fee_bps=1000, maturity_days=0, fee_on_top=False)
    assert terms.split(Money(25_005, "USD")) == (Money(22_505, "USD"), Money(2500, "USD"))
