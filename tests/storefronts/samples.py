"""Messages as Shopify and WooCommerce document them, with nobody's data in them."""

from __future__ import annotations

from typing import Any


def shopify_order(**changes: Any) -> dict[str, Any]:
    """Two serums of 50.00 less 10.00, 7.20 tax on top, 7.00 shipping: 104.20 in all."""
    return {
        "id": 6525950320001,
        "name": "#1042",
        "created_at": "2026-11-01T12:33:23-05:00",
        "cancelled_at": None,
        "currency": "USD",
        "financial_status": "paid",
        "email": "Buyer@example.com",
        "landing_site": "/?utm_source=tiktok&ref=tok_en-1",
        "note_attributes": [{"name": "ref", "value": "tok2"}, {"name": "gift", "value": "yes"}],
        "subtotal_price": "90.00",
        "subtotal_price_set": _set("90.00"),
        "taxes_included": False,
        "test": False,
        "discount_codes": [{"code": "creator10", "amount": "10.00", "type": "percentage"}],
        "line_items": [
            {
                "id": 15885687450001,
                "title": "Vitamin C Serum",
                "quantity": 2,
                "price": "50.00",
                "price_set": _set("50.00"),
                "discount_allocations": [{"amount": "10.00", "amount_set": _set("10.00")}],
                "tax_lines": [{"price": "7.20", "price_set": _set("7.20")}],
            }
        ],
        "refunds": [],
        **changes,
    }


def _set(amount: str, currency: str = "USD") -> dict[str, Any]:
    money = {"amount": amount, "currency_code": currency}
    return {"shop_money": money, "presentment_money": {"amount": "1.00", "currency_code": "EUR"}}


def shopify_refund(**changes: Any) -> dict[str, Any]:
    """One of the two serums comes back. The subtotal is a JSON number, other money is text."""
    return {
        "id": 890088180001,
        "order_id": 6525950320001,
        "created_at": "2026-11-03T10:00:00-05:00",
        "order_adjustments": [],
        "refund_line_items": [
            {"id": 1, "quantity": 1, "subtotal": 45.0, "subtotal_set": _set("45.00")}
        ],
        "transactions": [{"kind": "refund", "amount": "48.60", "currency": "USD"}],
        **changes,
    }


def goodwill(amount: str = "-5.00") -> dict[str, Any]:
    """Money given back without any goods."""
    adjustment = {"kind": "refund_discrepancy", "amount": amount, "tax_amount": "0.00"}
    return shopify_refund(id=890088180003, refund_line_items=[], order_adjustments=[adjustment])


def woo_order(**changes: Any) -> dict[str, Any]:
    """The same order, as WooCommerce documents its orders: ids are numbers, money is text."""
    return {
        "id": 727,
        "number": "727",
        "status": "processing",
        "currency": "USD",
        "date_created_gmt": "2026-11-01T17:33:23",
        "date_modified_gmt": "2026-11-03T15:00:00",
        "date_paid_gmt": "2026-11-01T17:33:30",
        "discount_total": "10.00",
        "shipping_total": "7.00",
        "total": "104.20",
        "total_tax": "7.20",
        "prices_include_tax": False,
        "billing": {"first_name": "Test", "email": "Buyer@example.com"},
        "meta_data": [
            {
                "id": 1,
                "key": "_wc_order_attribution_session_entry",
                "value": "https://shop.example/?ref=tok_en-1",
            },
            {"id": 2, "key": "vat", "value": {"odd": True}},
        ],
        "line_items": [
            {
                "id": 315,
                "name": "Vitamin C Serum",
                "quantity": 2,
                "subtotal": "100.00",
                "total": "90.00",
                "total_tax": "7.20",
                "price": 45.0,
            }
        ],
        "coupon_lines": [{"id": 320, "code": "creator10", "discount": "10.00"}],
        "refunds": [],
        **changes,
    }
