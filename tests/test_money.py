"""Money: shares, splits and what people write, to the cent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import MINOR_MAX, Money, exponent, parse, zero

CURRENCIES = ("USD", "EUR", "JPY", "KWD")
minors = st.integers(-MINOR_MAX, MINOR_MAX)
currencies = st.sampled_from(CURRENCIES)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


# ---- shares


@pytest.mark.parametrize(
    ("minor", "bps", "share"),
    [
        (100, 0, 0),
        (100, 10_000, 100),
        (4_990, 1_500, 748),  # A1: 748.5 goes to the even cent
        (2_990, 1_500, 448),  # A2: 448.5 as well
        (150, 100, 2),  # 1.5 goes up, because 2 is even
        (250, 100, 2),
        (350, 100, 4),
        (1, 4_999, 0),
        (1, 5_001, 1),
        (-250, 100, -2),  # as if it were positive
        (22_500, 1_000, 2_250),
    ],
)
def test_a_share_rounds_half_to_the_even_cent(minor: int, bps: int, share: int) -> None:
    assert usd(minor).share(bps) == usd(share)


@pytest.mark.parametrize("bps", [-1, 10_001])
def test_a_share_is_between_nothing_and_the_whole(bps: int) -> None:
    with pytest.raises(ValueError, match="basis points"):
        usd(100).share(bps)


@given(minor=minors, currency=currencies, bps=st.integers(0, 10_000))
def test_a_share_is_within_half_a_unit_of_the_exact_one(
    minor: int, currency: str, bps: int
) -> None:
    whole = Money(minor, currency)
    share = whole.share(bps)
    assert abs(2 * (share.minor * 10_000 - minor * bps)) <= 10_000
    assert share + (whole - share) == whole


# ---- splits


@pytest.mark.parametrize(
    ("minor", "weights", "parts"),
    [
        (175_000, [1, 1, 1], [58_334, 58_333, 58_333]),  # A7
        (100_000, [1, 1, 1], [33_334, 33_333, 33_333]),  # A8
        (175_000, [1, 1, 1, 1], [43_750] * 4),  # A9
        (1_000_000, [700, 200, 101], [699_301, 199_800, 100_899]),  # A11
        (100, [0, 1], [0, 100]),
        (2, [1, 1, 1], [1, 1, 0]),  # a tie goes to the earlier
        (0, [3, 4], [0, 0]),
    ],
)
def test_a_split_goes_by_largest_remainder(
    minor: int, weights: list[int], parts: list[int]
) -> None:
    assert [part.minor for part in usd(minor).split(weights)] == parts


@pytest.mark.parametrize(
    ("minor", "weights"), [(-1, [1]), (1, []), (1, [0, 0]), (1, [2, -1])], ids=str
)
def test_a_split_refuses_what_has_no_shares(minor: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="split"):
        usd(minor).split(weights)


@given(
    minor=st.integers(0, MINOR_MAX),
    weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any),
)
def test_parts_sum_to_the_whole_and_each_is_within_a_unit_of_its_share(
    minor: int, weights: list[int]
) -> None:
    parts = usd(minor).split(weights)
    assert sum(part.minor for part in parts) == minor
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor * total - minor * weight) < total


# ---- what people write


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1234.5", "USD", 123_450),
        ("1234,50", "EUR", 123_450),
        ("1 234,50", "EUR", 123_450),
        ("1\u202f234,50", "EUR", 123_450),
        ("1\u00a0234.50", "EUR", 123_450),
        (" 7 ", "USD", 700),
        ("-0.50", "USD", -50),
        ("0.5", "USD", 50),
        ("1234", "JPY", 1_234),
        ("1.234", "KWD", 1_234),
        ("1", "KWD", 1_000),
        ("10000000000000", "USD", MINOR_MAX),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, currency: str, minor: int) -> None:
    assert parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("", "USD", "plain number"),
        ("ten", "USD", "plain number"),
        ("1e3", "USD", "plain number"),
        ("1,234.50", "USD", "plain number"),
        ("1.234,50", "USD", "plain number"),
        ("+5", "USD", "plain number"),
        (".5", "USD", "plain number"),
        ("5.", "USD", "plain number"),
        ("=1+1", "USD", "plain number"),
        ("$5", "USD", "plain number"),
        ("NaN", "USD", "plain number"),
        ("\u0661\u0662", "USD", "plain number"),  # digits, but not ours
        ("1.005", "USD", "2 decimals"),
        ("1,000", "USD", "2 decimals"),  # one, or one thousand?
        ("10.000", "EUR", "2 decimals"),
        ("1.0", "JPY", "0 decimals"),
        ("1.0000", "KWD", "3 decimals"),
        ("10000000000000.01", "USD", "too large"),
        ("9999999999999999", "JPY", "too large"),
        ("99999999999999999", "JPY", "plain number"),
    ],
)
def test_what_may_mean_something_else_is_refused(text: str, currency: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text, currency)


@given(minor=minors, currency=currencies, comma=st.booleans())
def test_what_is_written_is_read_back(minor: int, currency: str, comma: bool) -> None:
    amount = Money(minor, currency)
    number, _, code = str(amount).partition(" ")
    assert parse(number.replace(".", ",") if comma else number, code) == amount


@given(st.text(max_size=30), currencies)
def test_any_text_is_an_amount_or_a_value_error(text: str, currency: str) -> None:
    try:
        amount = parse(text, currency)
    except ValueError:
        return
    assert abs(amount.minor) <= MINOR_MAX


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (5, "JPY", "5 JPY"),
        (5, "USD", "0.05 USD"),
        (-5, "USD", "-0.05 USD"),
        (1_234, "KWD", "1.234 KWD"),
        (0, "KWD", "0.000 KWD"),
    ],
)
def test_an_amount_is_written_with_its_currencys_decimals(
    minor: int, currency: str, text: str
) -> None:
    assert str(Money(minor, currency)) == text


def test_a_currency_has_the_decimals_of_iso_4217() -> None:
    assert [exponent(currency) for currency in CURRENCIES] == [2, 2, 0, 3]


# ---- what money is


@pytest.mark.parametrize("minor", [1.0, True, "1", None])
def test_only_whole_units_are_money(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "", "US1"])
def test_only_codes_are_currencies(currency: str) -> None:
    with pytest.raises(ValueError, match="currency"):
        Money(1, currency)


def test_two_currencies_never_mix() -> None:
    dollar, euro = usd(1), Money(1, "EUR")
    for mix in (
        lambda: dollar + euro,
        lambda: dollar - euro,
        lambda: dollar < euro,
        lambda: dollar <= euro,
        lambda: dollar > euro,
        lambda: dollar >= euro,
    ):
        with pytest.raises(ValueError, match="do not mix"):
            mix()
    assert dollar != euro


@given(st.lists(minors, max_size=10))
def test_sums_are_exact(minor: list[int]) -> None:
    total = zero("USD")
    for each in minor:
        total = total + usd(each)
    assert total == usd(sum(minor))
    assert total - total == zero("USD")
    assert -total == usd(-sum(minor))
    assert bool(total) is (sum(minor) != 0)
