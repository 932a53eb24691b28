"""WooCommerce's orders as we know them: the same order ends as the same facts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import Money
from marketplace.storefronts import reading, woocommerce
from marketplace.storefronts.order import News, buyer_hash
from marketplace.storefronts.reading import Unreadable
from tests.storefronts.samples import woo_order


def read(**changes: Any) -> News:
    body = reading.body_of(json.dumps(woo_order(**changes)).encode())
    return woocommerce.read("order.updated", "e1", body, "USD")


def refunded(*totals: str) -> list[int]:
    listed = [{"id": 800 + n, "reason": "", "total": total} for n, total in enumerate(totals)]
    return [it.amount.minor for it in read(refunds=listed).refunds]


def test_an_order_is_read_whole() -> None:
    found = read().order
    assert found is not None
    assert (found.ref, found.name, found.base) == ("727", "#727", Money(9_000, "USD"))
    assert (found.codes, found.clicks) == (("creator10",), ("tok_en-1",))
    assert found.buyer == buyer_hash("buyer@example.com")
    assert found.placed_at.isoformat() == "2026-11-01T17:33:23+00:00"
    assert (found.paid, found.canceled) == (True, False)
    assert found.lines[0].paid == Money(9_000, "USD")


@pytest.mark.parametrize(
    ("status", "paid", "canceled"),
    [
        ("pending", False, False),
        ("on-hold", False, False),
        ("failed", False, False),
        ("processing", True, False),
        ("completed", True, False),
        ("refunded", True, False),
        ("cancelled", False, True),
    ],
)
def test_the_status_says_whether_it_is_paid_or_canceled(
    status: str, paid: bool, canceled: bool
) -> None:
    found = read(status=status, date_paid_gmt=None).order
    assert found is not None
    assert (found.paid, found.canceled) == (paid, canceled)


def test_a_refund_counts_for_the_goods_share_of_it() -> None:
    """104.20 was paid, 90.00 of it for the goods."""
    assert refunded("-104.20") == [9_000]
    assert refunded("-52.10") == [4_500]
    assert refunded("-20.00") == [1_727]


@given(st.lists(st.integers(1, 4_000), max_size=4))
def test_all_refunds_together_are_the_goods_share_of_all(amounts: list[int]) -> None:
    parts = refunded(*[f"-{minor // 100}.{minor % 100:02}" for minor in amounts])
    assert sum(parts) == round(9_000 * min(sum(amounts), 10_420) / 10_420 + 0.0)
    assert all(part >= 0 for part in parts)


def test_a_coupon_code_may_be_anything() -> None:
    found = read(coupon_lines=[{"code": "30$off"}, {"code": 7}, {}]).order
    assert found is not None
    assert found.codes == ("30$off", "7")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"currency": "EUR"},
        {"date_created_gmt": None},
        {"total": None},
        {"line_items": [{"name": "x"}]},
        {"date_created_gmt": "9999-12-31T23:59:59"},
        {"line_items": [{"name": "x", "quantity": 1, "total": "9999999999999.99"}] * 2},
    ],
    ids=str,
)
def test_an_order_that_lacks_what_it_must_have_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read(**changes)
