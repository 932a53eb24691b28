"""100 USD in other currencies, rounded down to two digits: nobody waits for more than 100 USD."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import Money, exponent
from marketplace.payouts.equivalent import equivalent, rounded
from marketplace.payouts.threshold import step_minor

CURRENCIES = ("USD", "EUR", "JPY", "KWD", "ISK", "HUF", "UGX", "TWD", "KRW", "MGA")


@pytest.mark.parametrize(
    ("currency", "per_euro", "worth", "threshold"),
    [
        # The ECB's rates of 2026-09-11 (1.1592 USD a euro), worked out by hand.
        ("USD", "1.1592", 100_00, 100_00),
        ("EUR", "1", 86_26, 86_00),
        ("GBP", "0.85815", 74_02, 74_00),
        ("JPY", "178.56", 15_403, 15_000),
        ("ISK", "139.6", 12_042, 12_000),
        ("HUF", "364.45", 31_439_78, 31_000_00),
        ("IDR", "20404.99", 1_760_264_83, 1_700_000_00),
        # No rates of the ECB: about what these are worth.
        ("KWD", "0.3564", 30_745, 30_000),
        ("UGX", "4150", 358_005, 350_000),
    ],
)
def test_a_hundred_dollars_in_local_money(
    currency: str, per_euro: str, worth: int, threshold: int
) -> None:
    exact = equivalent(currency, Decimal(per_euro), Decimal("1.1592"))
    assert exact == Money(worth, currency)
    assert rounded(exact) == Money(threshold, currency)


@pytest.mark.parametrize(("minor", "down"), [(0, 0), (7, 7), (99, 99), (109, 100), (9999, 9900)])
def test_two_digits_stay(minor: int, down: int) -> None:
    assert rounded(Money(minor, "USD")) == Money(down, "USD")


@given(
    st.sampled_from(CURRENCIES),
    st.decimals("0.1", "100000", places=5),
    st.decimals("0.5", "2", places=4),
)
def test_a_proposal_is_never_above_100_usd_nor_a_tenth_below(
    currency: str, per_euro: Decimal, dollars: Decimal
) -> None:
    exact = 100 * Fraction(per_euro) / Fraction(dollars)
    proposed = rounded(equivalent(currency, per_euro, dollars))
    smallest = Fraction(1, 10 ** exponent(currency))
    assert Fraction(proposed.decimal) <= exact
    assert Fraction(proposed.decimal) > exact * Fraction(9, 10) - smallest
    assert len(str(proposed.minor).rstrip("0")) <= 2


@given(st.sampled_from(CURRENCIES), st.integers(10, 10**9))
def test_a_proposal_of_ten_whole_units_or_more_can_be_paid_by_every_processor(
    currency: str, units: int
) -> None:
    proposed = rounded(Money(units * 10 ** exponent(currency), currency))
    assert proposed.minor > 0
    assert proposed.minor % step_minor(currency) == 0
