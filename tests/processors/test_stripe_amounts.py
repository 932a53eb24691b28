"""Stripe's decimals and ours are not always the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import Money
from marketplace.processors.stripe_amounts import NotExpressible, from_stripe, to_stripe


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (1234, "USD", 1234),  # two decimals, both
        (500, "JPY", 500),  # none, both
        (5120, "KWD", 5120),  # three, both, and the last is 0
        (5, "ISK", 500),  # ISO: none; Stripe writes two
        (7, "UGX", 700),
        (300, "MGA", 3),  # ISO: two; Stripe writes none
        (0, "EUR", 0),
    ],
)
def test_an_amount_is_written_in_stripes_decimals_and_read_back(
    minor: int, currency: str, written: int
) -> None:
    assert to_stripe(Money(minor, currency)) == written
    assert from_stripe(written, currency.lower()) == Money(minor, currency)


@pytest.mark.parametrize(
    "finer", [Money(5124, "KWD"), Money(5, "BHD"), Money(301, "MGA"), Money(1000, "IQD")]
)
def test_an_amount_that_stripe_cannot_write_is_refused(finer: Money) -> None:
    with pytest.raises(NotExpressible):
        to_stripe(finer)


def test_an_amount_finer_than_our_minor_unit_is_refused() -> None:
    with pytest.raises(NotExpressible):
        from_stripe(550, "isk")


@pytest.mark.parametrize("nonsense", [None, "12", 1.5])
def test_what_is_no_whole_number_is_no_amount(nonsense: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        from_stripe(nonsense, "usd")  # type: ignore[arg-type]


@given(
    st.integers(0, 10**15),
    st.sampled_from(["USD", "EUR", "JPY", "KWD", "ISK", "UGX", "MGA", "HUF", "TND"]),
)
def test_whatever_can_be_written_is_read_back_as_it_was(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    try:
        written = to_stripe(amount)
    except NotExpressible:
        return
    assert from_stripe(written, currency) == amount
