"""Stripe's balance transactions as movements of our money. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marketplace.processors.listing import Movement
from marketplace.processors.stripe_amounts import from_stripe

Doc = Mapping[str, Any]

# Stripe has two words where the same happened: 'payment' for whatever is no card.
_TYPES = {
    "payment": "charge",
    "payment_refund": "refund",
    "payment_failure_refund": "refund_failure",
}
# An adjustment says what it is only to reports.
_ADJUSTMENTS = ("dispute", "dispute_reversal")


def movement(entry: Doc) -> Movement:
    """Read a balance transaction with its source expanded.

    Raises AttributeError, KeyError, TypeError or ValueError on anything else.
    """
    source, kind, object_id = _about(entry.get("source"))
    type: str = entry["type"]
    if entry.get("reporting_category") in _ADJUSTMENTS:
        type = entry["reporting_category"]
    return Movement(
        remote_id=entry["id"],
        type=_TYPES.get(type, type),
        amount=from_stripe(entry["amount"], entry["currency"]),
        fee=from_stripe(entry["fee"], entry["currency"]),
        created_at=datetime.fromtimestamp(entry["created"], UTC),
        source=source,
        object_kind=kind,
        object_id=object_id,
    )


def _about(source: Any) -> tuple[str | None, str | None, str | None]:
    """What moved the money, by the name that our rows know, and what to fetch about it."""
    if not isinstance(source, Mapping):
        return source, None, None
    id: str = source["id"]
    match source.get("object"):
        case "charge":
            intent = source.get("payment_intent")
            return id, "payment" if intent else None, intent
        case "refund":
            return id, "refund", id
        case "transfer":
            return id, "transfer", id
        case "dispute":
            return id, "dispute", id
        case "transfer_reversal":
            return source["transfer"], "transfer", source["transfer"]
    return id, None, None
