"""Answers that are authentic and wrong: what a receiver must compare, not trust."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

AMOUNTS = ("amount", "amount_total", "amount_subtotal", "amount_received", "amount_captured")


def spoil(body: Any, fault: str) -> None:
    """Bend an object in place, and every object in it: ten times the amount, or another currency,
    or live instead of test."""
    if isinstance(body, list):
        for row in body:
            spoil(row, fault)
    if not isinstance(body, dict):
        return
    for value in body.values():
        spoil(value, fault)
    if fault == "wrong_livemode" and "livemode" in body:
        body["livemode"] = True
    if fault == "wrong_currency" and "currency" in body:
        other = "eur" if body["currency"].lower() != "eur" else "usd"
        body["currency"] = other.upper() if body["currency"].isupper() else other
    if fault == "wrong_amount":
        _multiply(body)


def _multiply(body: dict[str, Any]) -> None:
    """Ten times each amount, as Stripe and as PayPal writes them."""
    for name in AMOUNTS:
        if isinstance(body.get(name), int):
            body[name] *= 10
    if "currency" in body and isinstance(body.get("value"), str):
        body["value"] = str(Decimal(body["value"]) * 10)


def spoil_event(event: dict[str, Any], fault: str) -> None:
    """Bend an event in place; its livemode is its own, the rest is its object's."""
    if fault == "wrong_livemode":
        event["livemode"] = True
    elif "data" in event:
        spoil(event["data"]["object"], fault)
