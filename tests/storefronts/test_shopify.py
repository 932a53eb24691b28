"""Shopify's messages as we know orders: shop money counts, tax and shipping never do."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.money import Money
from marketplace.storefronts import reading, shopify
from marketplace.storefronts.order import News, Order, buyer_hash
from marketplace.storefronts.reading import Unreadable
from tests.storefronts.samples import goodwill, shopify_order, shopify_refund


def read(body: dict[str, Any], topic: str = "orders/paid", currency: str = "USD") -> News:
    return shopify.read(topic, "e1", reading.body_of(json.dumps(body).encode()), currency)


def order(**changes: Any) -> Order:
    found = read(shopify_order(**changes)).order
    assert found is not None
    return found


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_an_order_is_read_whole() -> None:
    found = order()
    assert (found.ref, found.name, found.base) == ("6525950320001", "#1042", usd(9_000))
    assert (found.codes, found.clicks) == (("creator10",), ("tok_en-1", "tok2"))
    assert found.buyer == buyer_hash("buyer@example.com")
    assert found.placed_at == datetime(2026, 11, 1, 17, 33, 23, tzinfo=UTC)
    assert [(it.title, it.quantity, it.paid.minor) for it in found.lines] == [
        ("Vitamin C Serum", 2, 9_000)
    ]
    assert (found.paid, found.canceled, found.test) == (True, False, False)


def test_money_may_be_text_or_a_number() -> None:
    for value in ("90.00", "90", 90, 90.0, "90.000"):
        assert order(subtotal_price=value, subtotal_price_set=None).base == usd(9_000)


def test_tax_within_the_prices_is_not_of_the_base() -> None:
    found = order(taxes_included=True)
    assert found.base == usd(9_000 - 720)
    assert found.lines[0].paid == usd(9_000 - 720)


def test_money_of_the_shop_counts_not_that_of_the_buyers_page() -> None:
    yen = {"shop_money": {"amount": "13500", "currency_code": "JPY"}}
    body = shopify_order(currency="JPY", subtotal_price="13500", subtotal_price_set=yen)
    found = read(body, currency="JPY").order
    assert found is not None
    assert found.base == Money(13_500, "JPY")
    assert found.lines == ()  # told in dollars alone


def test_codes_come_in_any_number_and_case_or_not_at_all() -> None:
    assert order(discount_codes=[]).codes == ()
    assert order(discount_codes=None).codes == ()
    several = [{"code": "a"}, {"code": "B"}, {"code": "a"}, {"code": None}, "odd"]
    assert order(discount_codes=several).codes == ("a", "B")


def test_the_topic_or_the_status_says_that_it_is_paid() -> None:
    pending = shopify_order(financial_status="pending")
    for topic, paid in (("orders/create", False), ("orders/paid", True)):
        found = read(pending, topic).order
        assert found is not None
        assert found.paid is paid
    for status in ("refunded", "partially_refunded"):
        assert order(financial_status=status).paid


def test_a_cancelation_is_told_by_topic_or_instant() -> None:
    found = read(shopify_order(), "orders/cancelled").order
    assert found is not None
    assert found.canceled
    assert order(cancelled_at="2026-11-02T09:00:00-05:00").canceled


def test_a_refund_is_of_its_goods_net_of_tax() -> None:
    found = read(shopify_refund(), "refunds/create")
    assert (found.order_ref, found.order) == ("6525950320001", None)
    assert [(it.ref, it.amount) for it in found.refunds] == [("890088180001", usd(4_500))]
    number = shopify_refund(refund_line_items=[{"id": 1, "quantity": 1, "subtotal": 45.0}])
    assert read(number, "refunds/create").refunds[0].amount == usd(4_500)


def test_a_refund_without_goods_is_what_was_given_as_goodwill() -> None:
    assert read(goodwill(), "refunds/create").refunds[0].amount == usd(500)
    shipping = [{"kind": "shipping_refund", "amount": "-7.00"}]
    body = shopify_refund(refund_line_items=[], order_adjustments=shipping)
    assert read(body, "refunds/create").refunds[0].amount == usd(0)


def test_an_order_may_carry_its_refunds() -> None:
    found = read(shopify_order(refunds=[shopify_refund(), goodwill()]))
    assert [it.amount for it in found.refunds] == [usd(4_500), usd(500)]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"currency": "EUR"},
        {"currency": None},
        {"created_at": "yesterday"},
        {"created_at": "2026-11-01T12:33:23"},
        {"created_at": "0001-01-01T00:00:00Z"},
        {"created_at": "9999-12-31T23:59:59Z"},
        {"subtotal_price_set": None, "subtotal_price": None},
        {"subtotal_price_set": None, "subtotal_price": "NaN"},
        {"subtotal_price_set": None, "subtotal_price": "1e999999"},
        {"subtotal_price_set": None, "subtotal_price": True},
        {"subtotal_price_set": None, "subtotal_price": "much"},
    ],
    ids=str,
)
def test_an_order_that_lacks_what_it_must_have_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        order(**changes)


def test_a_refund_of_more_than_any_shop_sells_is_unreadable() -> None:
    item = {"id": 1, "quantity": 1_000_000, "line_item": {"price": "9999999999999.00"}}
    with pytest.raises(Unreadable):
        read(shopify_refund(refund_line_items=[item]), "refunds/create")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(shopify_order())), _JSON, max_size=4))
def test_whatever_stands_in_a_field_it_is_read_or_unreadable(changes: dict[str, Any]) -> None:
    with contextlib.suppress(Unreadable):
        read(shopify_order(**changes))
