"""Stripe's webhooks: the signature over the raw bytes, and what an event names. No network.

The signature is checked here, in a dozen lines, rather than by the library: that decodes and parses
the body twice, and accepts a time in the future.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from marketplace.processors.base import BadPayload, BadSignature, Endpoint, Kind, Ref

SIGNATURE_HEADER = "Stripe-Signature"
TOLERANCE = timedelta(seconds=300)  # both ways, on wall time

# Which object an event of our own account tells us to fetch, by the beginning of its type. Types
# are an open set: what is not here is stored and ignored. charge.refunded is not here, because
# refund.* says the same of each refund.
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("checkout.session.", "checkout"),
    ("payment_intent.", "payment"),
    ("charge.succeeded", "payment"),
    ("charge.updated", "payment"),
    ("charge.dispute.", "dispute"),
    ("refund.", "refund"),
    ("transfer.", "transfer"),
)


def check_signature(raw: bytes, header: str, secrets: Sequence[str], wall_at: datetime) -> None:
    """Prove that one of `secrets` signed these bytes just now.

    The header is `t=<unix>,v1=<hex>[,v1=<hex>…]`: while a secret is rolled there are two.

    Raises:
        BadSignature: it did not.
    """
    items = [item.partition("=") for item in header.split(",")]
    stamps = [value for name, _, value in items if name == "t"]
    signatures = [value.encode() for name, _, value in items if name == "v1"]
    if not stamps or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) <= 12):
        raise BadSignature("the signature has no time")
    signed = stamps[0].encode() + b"." + raw
    ours = [hmac.digest(secret.encode(), signed, "sha256").hex().encode() for secret in secrets]
    if not any(hmac.compare_digest(mine, given) for mine in ours for given in signatures):
        raise BadSignature("no signature is ours")
    if abs(wall_at.timestamp() - int(stamps[0])) > TOLERANCE.total_seconds():
        raise BadSignature("the signature is too old, or from the future")


def read(endpoint: Endpoint, raw: bytes) -> Ref:
    """Return what the body of an authentic webhook names.

    Raises:
        BadPayload: it is no event, or one for another endpoint.
    """
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadPayload("the body is no JSON") from error
    if not isinstance(event, dict):
        raise BadPayload("the body is no event")
    return ref_of(endpoint, event)


def ref_of(endpoint: Endpoint, event: Mapping[str, Any]) -> Ref:
    """Return what an event names.

    Raises:
        BadPayload: it lacks what makes an event.
    """
    thin = endpoint == "thin"
    if event.get("object") != ("v2.core.event" if thin else "event"):
        raise BadPayload("the body is not an event for this endpoint")
    livemode = event.get("livemode")
    if not isinstance(livemode, bool):
        raise BadPayload("the event does not say whether it is live")
    event_id, event_type = _name(event.get("id")), _name(event.get("type"))
    if event_id is None or event_type is None:
        raise BadPayload("the event has no id or no type")
    if thin:
        kind, remote_id = _thin_object(event)
        account = _name(event.get("context"))
    else:
        account = _name(event.get("account"))
        if endpoint == "connect" and account is None:
            raise BadPayload("the event does not say of which account it is")
        kind, remote_id = _snapshot_object(event, event_type, account)
    return Ref(event_id, event_type, livemode, kind if remote_id else None, remote_id, account)


def _thin_object(event: Mapping[str, Any]) -> tuple[Kind | None, str | None]:
    related = event.get("related_object")
    if not isinstance(related, dict):
        return None, None
    is_account = related.get("type") == "v2.core.account"
    return "recipient" if is_account else None, _name(related.get("id"))


def _snapshot_object(
    event: Mapping[str, Any], event_type: str, account: str | None
) -> tuple[Kind | None, str | None]:
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict):
        raise BadPayload("the event has no object")
    remote_id = _name(thing.get("id"))
    if account is not None:  # what happens on a connected account is not our money
        return ("connected_payout" if event_type.startswith("payout.") else None), remote_id
    kind = next((kind for start, kind in _KINDS if event_type.startswith(start)), None)
    if kind == "payment" and event_type.startswith("charge."):
        remote_id = _name(thing.get("payment_intent"))
    return kind, remote_id


def _name(value: object) -> str | None:
    """An id or a type as Stripe writes them; anything else is none."""
    if isinstance(value, str) and 0 < len(value) <= 255 and value.isascii() and value.isprintable():
        return value
    return None
