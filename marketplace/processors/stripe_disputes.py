"""Stripe's disputes as our snapshots. Pure.

What a dispute took or gave back is what its balance transactions say: none while the card's bank
only asks, one once it has taken the money, two once it has given it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marketplace.processors.base import Snapshot
from marketplace.processors.listing import Moved
from marketplace.processors.stripe_amounts import from_stripe

Doc = Mapping[str, Any]

_STATES = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "closed",
    "prevented": "closed",
    "needs_response": "needs_response",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
}


def dispute(dispute: Doc) -> Snapshot:
    """Read a Dispute.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is none.
    """
    status: str = dispute["status"]
    due_by = dispute["evidence_details"].get("due_by")
    return Snapshot(
        kind="dispute",
        remote_id=dispute["id"],
        our_ref=None,  # it names the charge, and nothing of ours
        state=_STATES.get(status, status),
        livemode=dispute["livemode"],
        amount=from_stripe(dispute["amount"], dispute["currency"]),
        charge_ref=dispute["charge"],
        payment_ref=dispute.get("payment_intent"),
        remote_created=datetime.fromtimestamp(dispute["created"], UTC),
        moved=tuple(_moved(booked) for booked in dispute["balance_transactions"]),
        reason=dispute["reason"],
        answer_by=None if due_by is None else datetime.fromtimestamp(due_by, UTC),
        raw=dispute,
    )


def _moved(booked: Doc) -> Moved:
    amount = from_stripe(booked["amount"], booked["currency"])
    return Moved(booked["id"], amount, from_stripe(booked["fee"], booked["currency"]))
