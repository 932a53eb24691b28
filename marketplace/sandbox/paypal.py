"""PayPal's API: which calls exist, and what every one of them goes through.

token ─▶ armed fault ─▶ the work, in one act ─▶ answer

There is no idempotency beside `sender_batch_id`: a second batch under one is refused, and the
refusal names the first.
"""

from __future__ import annotations

import base64
import copy
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, abort, request

from marketplace.sandbox import faults, paypal_payouts, paypal_telling, tasks
from marketplace.sandbox.faults import Fault
from marketplace.sandbox.garbling import fail_handshake, garble
from marketplace.sandbox.paypal_refusal import Refused
from marketplace.sandbox.severing import sever
from marketplace.sandbox.spoiling import spoil
from marketplace.sandbox.world import Doc, World, new_id

TOKEN_S = 32_400


@dataclass(frozen=True)
class Route:
    """One call: `name` is what faults are armed on."""

    method: str
    path: str
    name: str
    do: Callable[..., Doc]


ROUTES = (
    Route("POST", "/v1/payments/payouts", "paypal.payouts.create", paypal_payouts.create),
    Route("GET", "/v1/payments/payouts/<id>", "paypal.payouts.retrieve", paypal_payouts.retrieve),
    Route(
        "GET",
        "/v1/payments/payouts-item/<id>",
        "paypal.items.retrieve",
        paypal_payouts.retrieve_item,
    ),
    Route(
        "POST",
        "/v1/payments/payouts-item/<id>/cancel",
        "paypal.items.cancel",
        paypal_payouts.cancel,
    ),
    Route("GET", "/v1/reporting/balances", "paypal.balances.retrieve", paypal_payouts.balances),
)


def register(app: Flask, world: World) -> None:
    """Put every call on the app."""
    tokens: set[str] = set()
    earlier: dict[str, Doc] = {}  # what each call was answered last
    for route in ROUTES:

        def view(route: Route = route, **ids: str) -> Response:
            return _exchange(world, route, tokens, ids, earlier)

        app.add_url_rule(route.path, route.name, view, methods=[route.method])

    @app.post("/v1/oauth2/token")
    def paypal_token() -> Response:
        """Give a token for the application's id and secret."""
        settings = world.settings
        known = f"{settings.paypal_client_id}:{settings.paypal_client_secret}"
        basic = base64.b64encode(known.encode()).decode()
        if (
            not settings.paypal_client_id
            or request.headers.get("Authorization") != f"Basic {basic}"
        ):
            refusal = {
                "error": "invalid_client",
                "error_description": "Client Authentication failed",
            }
            return _written(401, refusal)
        token = f"A21AA{secrets.token_urlsafe(40)}"
        tokens.add(token)
        return _written(
            200,
            {
                "scope": "https://uri.paypal.com/payments/payouts",
                "access_token": token,
                "token_type": "Bearer",
                "app_id": "APP-SANDBOX",
                "expires_in": TOKEN_S,
            },
        )

    @app.get("/v1/notifications/certs/<name>")
    def paypal_certificate(name: str) -> Response:
        """The certificate that signs our webhooks, and its root."""
        if not name.startswith("CERT-"):
            abort(404)
        return Response(paypal_telling.chain(world), mimetype="application/x-pem-file")


def _written(status: int, body: Any) -> Response:
    response = Response(json.dumps(body, indent=2), status, mimetype="application/json")
    response.headers["Paypal-Debug-Id"] = new_id("d", 12)
    return response


def _exchange(
    world: World, route: Route, tokens: set[str], ids: dict[str, str], earlier: dict[str, Doc]
) -> Response:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if bearer not in tokens:
        return _written(401, {"error": "invalid_token", "error_description": "Token is unknown"})
    tasks.run_due(world)
    body = request.get_json(silent=True) if request.method == "POST" else None
    with world.act() as act:
        named = frozenset(ids.values()) | _receivers(body)
        fault = faults.take(act, route.name, faults.CALL_FAULTS, new_id("req", 14), named)
    status, answer = _fault_before(world, fault) or _work(world, route, body, ids)
    if fault and fault.fault == "duplicate_object":
        answer = earlier.get(route.name, answer)
    elif status < 300:
        earlier[route.name] = copy.deepcopy(answer)
    return _fault_after(world, fault, status, answer)


def _receivers(body: Any) -> frozenset[str]:
    """Who a batch pays: what a fault may be about."""
    items = body.get("items") if isinstance(body, dict) else None
    rows = items if isinstance(items, list) else []
    return frozenset(str(row.get("receiver")) for row in rows if isinstance(row, dict))


def _work(world: World, route: Route, body: Any, ids: dict[str, str]) -> tuple[int, Doc]:
    try:
        with world.act() as act:
            if route.do is paypal_payouts.create:
                return 201, route.do(act, body if isinstance(body, dict) else {})
            return 200, route.do(act, **ids)
    except Refused as refusal:
        return refusal.status, refusal.body()


def _broken(status: int = 500, name: str = "INTERNAL_SERVER_ERROR") -> tuple[int, Doc]:
    return status, Refused(name, "An internal service error has occurred.").body()


def _fault_before(world: World, fault: Fault | None) -> tuple[int, Doc] | None:
    """Fail before anything is done; None if no such fault is armed."""
    name = fault.fault if fault else ""
    if fault and name in ("timeout_before", "slow"):
        world.stopping.wait(fault.hold_s)
    if name in ("timeout_before", "reset_before"):
        sever(request.environ, reset=name == "reset_before")
        return _broken()
    if name == "tls_failure":
        fail_handshake(request.environ)
        return _broken()
    return {
        "e400": _broken(400, "VALIDATION_ERROR"),
        "e409": _broken(409, "RESOURCE_CONFLICT"),
        "e429": _broken(429, "RATE_LIMIT_REACHED"),
        "e502": _broken(502, "BAD_GATEWAY"),
        "e503": _broken(503, "SERVICE_UNAVAILABLE"),
        "e504": _broken(504, "GATEWAY_TIMEOUT"),
        "e500_stored": _broken(),
    }.get(name)


def _fault_after(world: World, fault: Fault | None, status: int, answer: Doc) -> Response:
    """Send the answer, or lose it after the work was done."""
    name = fault.fault if fault else ""
    if fault and name == "timeout_after_success":
        world.stopping.wait(fault.hold_s)
    if name in ("timeout_after_success", "reset_after", "key_pruned"):
        sever(request.environ, reset=name != "timeout_after_success")
    if name == "e500_after_success":
        status, answer = _broken()
    if name in faults.BENT:
        spoil(answer, name)
    return garble(_written(status, answer), name)
