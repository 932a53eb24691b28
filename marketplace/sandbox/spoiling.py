"""Answers that are authentic and wrong: what a receiver must compare, not trust."""

from __future__ import annotations

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
        body["currency"] = "eur" if body["currency"] != "eur" else "usd"
    if fault == "wrong_amount":
        for name in AMOUNTS:
            if isinstance(body.get(name), int):
                body[name] *= 10


def spoil_event(event: dict[str, Any], fault: str) -> None:
    """Bend an event in place; its livemode is its own, the rest is its object's."""
    if fault == "wrong_livemode":
        event["livemode"] = True
    elif "data" in event:
        spoil(event["data"]["object"], fault)
