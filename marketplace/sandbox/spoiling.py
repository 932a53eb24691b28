"""Answers that are authentic and wrong: what a receiver must compare, not trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

AMOUNTS = ("amount", "amount_total", "amount_subtotal", "amount_received", "amount_captured")
WORDS = ("status", "source_type", "transaction_status", "batch_status")
SKEW_S = 600
# What another version of an API calls it.
RENAMED = {"amount": "amount_minor", "batch_header": "header", "payout_item": "item"}
NEEDED = ("amount", "payout_batch_id", "metadata", "sender_batch_header")

Doc = dict[str, Any]


def spoil(body: Any, fault: str) -> None:
    """Bend an object in place, and every object in it, as the fault of this name says."""
    if isinstance(body, list):
        for row in body:
            spoil(row, fault)
    if isinstance(body, dict):
        for value in list(body.values()):
            spoil(value, fault)
        if bend := _BENDS.get(fault):
            bend(body)


def spoil_event(event: dict[str, Any], fault: str) -> None:
    """Bend an event in place; its livemode is its own, the rest is its object's."""
    if fault == "wrong_livemode":
        event["livemode"] = True
    elif "data" in event:
        spoil(event["data"]["object"], fault)


def _ten_times(body: Doc) -> None:
    """Ten times each amount, as Stripe and as PayPal writes them."""
    for name in AMOUNTS:
        if isinstance(body.get(name), int):
            body[name] *= 10
    if "currency" in body and isinstance(body.get("value"), str):
        body["value"] = str(Decimal(body["value"]) * 10)


def _another_currency(body: Doc) -> None:
    if "currency" in body:
        other = "eur" if body["currency"].lower() != "eur" else "usd"
        body["currency"] = other.upper() if body["currency"].isupper() else other


def _live(body: Doc) -> None:
    if "livemode" in body:
        body["livemode"] = True


def _somebody_else(body: Doc) -> None:
    """Another payee, at Stripe and at PayPal."""
    if "destination" in body:
        body["destination"] = "acct_of_somebody_else"
    if "receiver" in body:
        body["receiver"] = "somebody@else.example"


def _new_words(body: Doc) -> None:
    """A value that no list of values has yet."""
    for name in WORDS:
        if isinstance(body.get(name), str):
            body[name] = "brand_new"


def _more(body: Doc) -> None:
    body["brand_new_field"] = {"of": ["some", "kind"]}


def _less(body: Doc) -> None:
    for name in NEEDED:
        body.pop(name, None)


def _renamed(body: Doc) -> None:
    for name, other in RENAMED.items():
        if name in body:
            body[other] = body.pop(name)


def _dated(by_s: int) -> Callable[[Doc], None]:
    def bend(body: Doc) -> None:
        if isinstance(body.get("created"), int):
            body["created"] += by_s

    return bend


_BENDS: Mapping[str, Callable[[Doc], None]] = {
    "wrong_amount": _ten_times,
    "wrong_currency": _another_currency,
    "wrong_livemode": _live,
    "wrong_account": _somebody_else,
    "unknown_enum": _new_words,
    "extra_fields": _more,
    "missing_fields": _less,
    "api_version": _renamed,
    "clock_ahead": _dated(SKEW_S),
    "clock_behind": _dated(-SKEW_S),
}
