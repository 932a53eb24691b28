"""POST /webhooks/…: verify the raw bytes, store them once, answer 200.

Three endpoints of Stripe, each with secrets of its own: events of our own account, of connected
accounts, and the thin events of v2. One of PayPal, one of each shop of a brand. The worker handles
what is stored. No network but for PayPal's certificate, once.

They stand in front of the pages, as WSGI: a webhook has no session, form or browser, and what the
application does around each page took longer than all that is done here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from flask import Flask
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Request

from marketplace import clock
from marketplace.config import Settings
from marketplace.errors import ProcessorUnavailable
from marketplace.extensions import db
from marketplace.failpoints import WEBHOOK, Point, failpoint
from marketplace.processors import paypal_events, registry
from marketplace.processors.base import BadPayload, BadSignature, Endpoint
from marketplace.storefronts.reading import Unreadable
from marketplace.storefronts.signature import BadSignature as NotTheShops
from marketplace.storefronts.storefront import Storefront
from marketplace.webhooks import inbox, orders

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RAW_BYTES_MAX = 1024 * 1024
KEPT_HEADERS = {"stripe": ("Stripe-Signature",), "paypal": paypal_events.HEADERS}

PATHS: dict[str, Endpoint] = {
    "/webhooks/stripe": "platform",
    "/webhooks/stripe/connect": "connect",
    "/webhooks/stripe/thin": "thin",
    "/webhooks/paypal": "paypal",
}

# A shop's own: its id, as 32 hex digits or with dashes.
_SHOP = re.compile(
    r"/webhooks/(shopify|woocommerce)/([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})"
)
# What WooCommerce posts once, unsigned, to see that somebody is there.
_PING = re.compile(rb"webhook_id=\d{1,20}")

log = logging.getLogger(__name__)


class Webhooks:
    """Takes what is posted to a webhook endpoint and leaves everything else to the application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._pages: WSGIApplication = app.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        endpoint = PATHS.get(environ["PATH_INFO"])
        shop = None if endpoint else _SHOP.fullmatch(environ["PATH_INFO"])
        if not (endpoint or shop) or environ["REQUEST_METHOD"] != "POST":
            return self._pages(environ, start_response)
        try:
            with self._app.app_context():
                settings, request = self._app.extensions["settings"], Request(environ)
                if endpoint:
                    status, word = take(endpoint, request, settings)
                elif shop:
                    status, word = take_of_shop(shop[1], UUID(shop[2]), request)
        except HTTPException as refusal:
            return refusal(environ, start_response)
        except Exception:
            log.exception("webhook: %s", environ["PATH_INFO"])
            status, word = 500, "failed"  # the processor will send it again
        body = f"{word}\n".encode()
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {HTTP_STATUS_CODES[status]}", headers)
        return [body]


def take(endpoint: Endpoint, request: Request, settings: Settings) -> tuple[int, str]:
    """Take one event; return status and word of the answer. 200 = it is stored, now or before.

    Raises:
        NotFound: no secret is set, so that this endpoint is off.
        RequestEntityTooLarge: more than `RAW_BYTES_MAX`.
    """
    secrets = _secrets(settings, endpoint)
    if not secrets:
        raise NotFound
    raw = raw_of(request)
    failpoint(WEBHOOK, Point.BEGIN)
    processor = "paypal" if endpoint == "paypal" else "stripe"
    headers = {name: request.headers.get(name, "") for name in KEPT_HEADERS[processor]}
    try:
        refs = registry.get(processor).verify(endpoint, raw, headers, secrets)
    except (BadSignature, BadPayload, ProcessorUnavailable) as error:
        return error.status, error.code
    if any(ref.livemode != settings.livemode for ref in refs):
        return 400, "other_mode"
    for ref in refs:
        inbox.store(processor, endpoint, ref, raw, headers, clock.wall_now())
    failpoint(WEBHOOK, Point.RECORDED)
    return 200, "stored"


def take_of_shop(kind: str, id: UUID, request: Request) -> tuple[int, str]:
    """Take one message of a shop; return status and word of the answer.

    Raises:
        NotFound: there is no such shop, or it has no secret yet.
        RequestEntityTooLarge: more than `RAW_BYTES_MAX`.
    """
    shop = db.session.get(Storefront, id)
    if shop is None or shop.kind != kind or not shop.secret:
        raise NotFound
    raw = raw_of(request)
    software = shop.software
    names = (software.signature_header, software.id_header, software.topic_header)
    headers = {name: request.headers.get(name, "") for name in names}
    if not headers[software.signature_header] and _PING.fullmatch(raw):
        return 200, "here"
    try:
        ref = orders.verify(shop, raw, headers)
    except (NotTheShops, Unreadable) as error:
        return error.status, error.code
    inbox.store(kind, "orders", ref, raw, headers, clock.wall_now())
    return 200, "stored"


def raw_of(request: Request) -> bytes:
    """The body; one in chunks, which does not say its length, is read up to the bound.

    Raises:
        RequestEntityTooLarge: more than `RAW_BYTES_MAX`.
    """
    request.max_content_length = RAW_BYTES_MAX + 1
    raw = request.get_data(cache=False)
    if len(raw) > RAW_BYTES_MAX:
        raise RequestEntityTooLarge
    return raw


def _secrets(settings: Settings, endpoint: Endpoint) -> tuple[str, ...]:
    return {
        "platform": settings.stripe_webhook_secrets,
        "connect": settings.stripe_connect_webhook_secrets,
        "thin": settings.stripe_thin_webhook_secrets,
        # No secret, but what the signature must name.
        "paypal": (settings.paypal_webhook_id,) if settings.paypal_webhook_id else (),
    }[endpoint]
