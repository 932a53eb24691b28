"""Terms as the migrations set them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketplace.earnings.earning import EarningKind
from marketplace.earnings.terms import terms_of
from tests.within import within

__all__ = ["within"]


@pytest.mark.parametrize("kind", EarningKind)
def test_fund_and_gift_income_costs_no_fee_and_matures_in_seven_days(kind: EarningKind) -> None:
    terms = terms_of(kind, datetime(2026, 3, 2, tzinfo=UTC))
    assert (terms.platform_fee_bps, terms.maturity_days) == (0, 7)
