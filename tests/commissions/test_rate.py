"""How much a commission is, to the cent (product rules A1, A2, A3, A17)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.commissions.rate import commission, remaining
from marketplace.earnings.terms import Terms
from marketplace.money import Money, zero


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_a_commission_is_a_share_of_the_price_net_of_coupons_and_tax() -> None:
    """A1: 59.90 less 10.00 in coupons, 4.49 tax on top: 15 % of 49.90 = 748.5 cents."""
    assert commission(usd(5_990 - 1_000), usd(0), 1_500, canceled=False) == usd(748)


def test_a_partial_refund_leaves_the_rate_of_what_remains() -> None:
    """A2: 20.00 of it given back: 15 % of 29.90 = 448.5 cents, so 3.00 less."""
    before = commission(usd(4_990), usd(0), 1_500, canceled=False)
    after = commission(usd(4_990), usd(2_000), 1_500, canceled=False)
    assert (after, before - after) == (usd(448), usd(300))


def test_a_full_refund_leaves_nothing() -> None:
    """A3."""
    assert commission(usd(4_990), usd(4_990), 1_500, canceled=False) == usd(0)
    assert commission(usd(4_990), usd(6_000), 1_500, canceled=False) == usd(0)
    assert commission(usd(4_990), usd(0), 1_500, canceled=True) == usd(0)


def test_the_platform_fee_of_a_commission_comes_on_top() -> None:
    """A17: 10.00 commission, 2.9 % on top: the brand pays 10.29, the creator gets 10.00."""
    net, platform_fee = Terms(290, 30, fee_on_top=True).split(usd(1_000))
    assert (net, net + platform_fee) == (usd(1_000), usd(1_029))


@pytest.mark.parametrize(
    ("base", "rate_bps", "earned"), [(50, 1_000, 5), (5, 1_000, 0), (15, 1_000, 2)]
)
def test_half_a_cent_goes_to_the_even_neighbour(base: int, rate_bps: int, earned: int) -> None:
    assert commission(usd(base), usd(0), rate_bps, canceled=False) == usd(earned)


def test_yen_have_no_decimals() -> None:
    assert commission(Money(13_500, "JPY"), zero("JPY"), 1_500, canceled=False).minor == 2_025


@given(
    st.integers(0, 10**12), st.lists(st.integers(0, 10**12), max_size=5), st.integers(100, 8_000)
)
def test_a_commission_is_never_more_than_what_is_left_and_never_grows(
    base: int, refunds: list[int], rate_bps: int
) -> None:
    given_back, before = 0, commission(usd(base), usd(0), rate_bps, canceled=False)
    for amount in refunds:
        given_back += amount
        now = commission(usd(base), usd(given_back), rate_bps, canceled=False)
        left = remaining(usd(base), usd(given_back), canceled=False)
        assert zero("USD") <= now <= left
        assert now <= before
        before = now
