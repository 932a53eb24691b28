"""A shop that runs Shopify, as sandbox mode plays it: signed bytes in Shopify's shape. PURE."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marketplace.storefronts.signature import signature


@dataclass(frozen=True)
class Message:
    """What is posted to a shop's endpoint."""

    raw: bytes
    headers: dict[str, str]


def order(
    number: int,
    title: str,
    paid: str,
    *,
    at: datetime,
    currency: str = "USD",
    email: str = "buyer@mail.example",
    code: str | None = None,
    landing_site: str = "/",
) -> dict[str, Any]:
    """A paid order of one line; `paid` is in major units, net of discounts, tax and shipping."""
    return {
        "id": number,
        "name": f"#{number}",
        "currency": currency,
        "email": email,
        "created_at": at.isoformat(),
        "financial_status": "paid",
        "taxes_included": False,
        "test": False,
        "subtotal_price": paid,
        "line_items": [{"title": title, "quantity": 1, "price": paid}],
        "discount_codes": [{"code": code}] if code else [],
        "landing_site": landing_site,
        "refunds": [],
    }


def refund(number: int, paid: str, *, at: datetime, id: int | None = None) -> dict[str, Any]:
    """Part of an order given back, in major units; each further refund of it needs its own `id`."""
    return {
        "id": id or number * 10,
        "order_id": number,
        "created_at": at.isoformat(),
        "refund_line_items": [{"quantity": 1, "subtotal": paid}],
    }


def sign(topic: str, body: dict[str, Any], secret: str) -> Message:
    """The message as the shop sends it."""
    raw = json.dumps(body).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": f"{topic}-{body['id']}",
        "X-Shopify-Hmac-Sha256": signature(raw, secret),
    }
    return Message(raw, headers)
