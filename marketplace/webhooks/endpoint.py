"""POST /webhooks/stripe…: verify the raw bytes, store them once, answer 200. No network.

Three endpoints, each with secrets of its own: events of our own account, of connected accounts, and
the thin events of v2. The worker handles what is stored.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, request

from marketplace import clock
from marketplace.access import audience
from marketplace.config import Settings
from marketplace.extensions import csrf
from marketplace.processors import registry
from marketplace.processors.base import BadPayload, BadSignature, Endpoint
from marketplace.webhooks import inbox

RAW_BYTES_MAX = 1024 * 1024
KEPT_HEADERS = ("Stripe-Signature",)

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
csrf.exempt(bp)


@bp.post("/stripe", defaults={"endpoint": "platform"})
@bp.post("/stripe/connect", defaults={"endpoint": "connect"})
@bp.post("/stripe/thin", defaults={"endpoint": "thin"})
@audience("public")
def stripe(endpoint: Endpoint) -> Response:
    """Take one event of Stripe's. 200 = it is stored, now or before."""
    settings: Settings = current_app.extensions["settings"]
    secrets = _secrets(settings, endpoint)
    if not secrets:
        abort(404)  # this endpoint is off
    # A body in chunks, which does not say its length, is read up to this bound and no further.
    request.max_content_length = RAW_BYTES_MAX + 1
    raw = request.get_data(cache=False)
    if len(raw) > RAW_BYTES_MAX:
        abort(413)
    headers = {name: request.headers.get(name, "") for name in KEPT_HEADERS}
    try:
        refs = registry.get("stripe").verify(endpoint, raw, headers, secrets)
    except (BadSignature, BadPayload) as error:
        return _answer(error.status, error.code)
    if any(ref.livemode != settings.livemode for ref in refs):
        return _answer(400, "other_mode")
    for ref in refs:
        inbox.store("stripe", endpoint, ref, raw, headers, clock.wall_now())
    return _answer(200, "stored")


def _secrets(settings: Settings, endpoint: Endpoint) -> tuple[str, ...]:
    return {
        "platform": settings.stripe_webhook_secrets,
        "connect": settings.stripe_connect_webhook_secrets,
        "thin": settings.stripe_thin_webhook_secrets,
    }[endpoint]


def _answer(status: int, word: str) -> Response:
    return Response(word + "\n", status, mimetype="text/plain")
