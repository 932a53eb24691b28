"""Amounts as PayPal writes them, and what it cannot pay out."""

from __future__ import annotations

import pytest

from marketplace.money import Money
from marketplace.processors.paypal_amounts import (
    NotExpressible,
    from_paypal,
    most,
    refusal,
    to_paypal,
)
from marketplace.processors.stripe_amounts import payout_step


@pytest.mark.parametrize(
    ("minor", "currency", "value"),
    [
        (1, "USD", "0.01"),
        (12_345, "EUR", "123.45"),
        (120_000, "HUF", "1200"),
        (1_200, "JPY", "1200"),
        (50_000, "TWD", "500"),
        (100, "GBP", "1.00"),
    ],
)
def test_an_amount_is_a_decimal_text(minor: int, currency: str, value: str) -> None:
    amount = Money(minor, currency)
    assert to_paypal(amount) == {"currency": currency, "value": value}
    assert from_paypal(value, currency) == amount


def test_what_paypal_writes_shorter_or_longer_is_the_same_amount() -> None:
    assert from_paypal("1.0", "USD") == from_paypal("1", "USD") == from_paypal("1.000", "USD")


@pytest.mark.parametrize("value", ["", "x", "NaN", "Infinity", "1.001"])
def test_what_is_no_whole_number_of_cents_is_refused(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        from_paypal(value, "USD")


@pytest.mark.parametrize(("minor", "currency"), [(150, "HUF"), (1, "TWD"), (100, "KWD")])
def test_what_paypal_cannot_write_is_not_sent(minor: int, currency: str) -> None:
    with pytest.raises(NotExpressible):
        to_paypal(Money(minor, currency))


@pytest.mark.parametrize(
    ("country", "currency", "minor", "word"),
    [
        ("FR", "EUR", 100, None),
        ("US", "USD", 2_000_000, None),
        ("US", "USD", 2_000_001, "most"),
        ("HU", "HUF", 120_000, None),
        ("HU", "HUF", 120_050, "decimals"),
        ("JP", "JPY", 2_500_001, "most"),
        ("FR", "KWD", 1_000, "currency"),
        ("KP", "USD", 100, "country"),
        ("BR", "BRL", 100, None),
        ("FR", "BRL", 100, "currency"),
    ],
)
def test_what_the_rail_cannot_do_has_a_word(
    country: str, currency: str, minor: int, word: str | None
) -> None:
    assert refusal(country, currency, Money(minor, currency)) == word


def test_what_a_run_rounds_down_to_paypal_can_write() -> None:
    for currency in ("HUF", "TWD", "JPY", "USD", "EUR"):
        to_paypal(Money(7 * payout_step(currency), currency))
        assert most(currency) is not None
