"""What happened, told to whoever listens: snapshot events of API v1, thin ones of API v2."""

from __future__ import annotations

from marketplace.sandbox import deliveries
from marketplace.sandbox.listing import page
from marketplace.sandbox.params import Params
from marketplace.sandbox.settings import API_VERSION
from marketplace.sandbox.world import Act, Doc, new_id, stamp


def emit(act: Act, type: str, body: Doc, *, account: str | None = None) -> None:
    """Record a snapshot event about `body`; one of a connected `account` goes to Connect."""
    event: Doc = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": act.now,
        "data": {"object": body},
        "livemode": False,
        "pending_webhooks": 1 if act.world.settings.webhook_base else 0,
        "request": {
            "id": act.cause.request_id,
            "idempotency_key": act.cause.idempotency_key,
        },
        "type": type,
    }
    if account is not None:
        event["account"] = account
    # The platform lists its own events; those of a connected account are that account's.
    act.add("event", event, link=account or "platform")
    deliveries.enqueue(act, event, "connect" if account else "own")


def notify(act: Act, type: str, account_id: str) -> None:
    """Record a thin event: it only names the account, to be fetched."""
    event: Doc = {
        "id": new_id("evt_test", 40),
        "object": "v2.core.event",
        "type": type,
        "livemode": False,
        "created": stamp(act.now),
        "related_object": {
            "id": account_id,
            "type": "v2.core.account",
            "url": f"/v2/core/accounts/{account_id}",
        },
    }
    if act.cause.request_id and act.cause.idempotency_key:
        request = {"id": act.cause.request_id, "idempotency_key": act.cause.idempotency_key}
        event["reason"] = {"type": "request", "request": request}
    act.add("thin_event", event, link=account_id)
    deliveries.enqueue(act, event, "thin")


def list_events(act: Act, params: Params) -> Doc:
    """GET /v1/events, newest first: how a lost webhook is found again."""
    types = params.texts("types")
    type_ = params.text("type")
    wanted_types = {*types, *([type_] if type_ else [])}
    delivered = params.flag("delivery_success") if params.sent("delivery_success") else None

    def wanted(event: Doc) -> bool:
        arrived = event["pending_webhooks"] == 0
        return (not wanted_types or event["type"] in wanted_types) and delivered in (None, arrived)

    return page(act, params, "event", "/v1/events", _show, link="platform", wanted=wanted)


def _show(_act: Act, event: Doc) -> Doc:
    return event
