"""Events, their signatures, and whoever posts them."""

from __future__ import annotations

import hmac
import http.client
import itertools
import json
import time
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox.server import CONNECT_SECRET, THIN_SECRET, WEBHOOK_SECRET

PATHS = {
    "platform": "/webhooks/stripe",
    "connect": "/webhooks/stripe/connect",
    "thin": "/webhooks/stripe/thin",
    "paypal": "/webhooks/paypal",
}
SECRETS = {"platform": WEBHOOK_SECRET, "connect": CONNECT_SECRET, "thin": THIN_SECRET}

_numbers = itertools.count(1)


def event(type: str = "transfer.created", object_id: str = "tr_1", **changes: Any) -> bytes:
    """A snapshot event with a fresh id."""
    return json.dumps(
        {
            "id": f"evt_{next(_numbers)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": 1,
            "data": {"object": {"id": object_id, "object": type.split(".")[0]}},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": type,
            **changes,
        },
        ensure_ascii=False,
    ).encode()


def thin_event(account: str = "acct_1", **changes: Any) -> bytes:
    """A thin event of v2 about an account."""
    return json.dumps(
        {
            "id": f"evt_test_{next(_numbers)}",
            "object": "v2.core.event",
            "type": "v2.core.account[requirements].updated",
            "livemode": False,
            "created": "2026-11-22T00:00:00.000Z",
            "related_object": {
                "id": account,
                "type": "v2.core.account",
                "url": f"/v2/core/accounts/{account}",
            },
            **changes,
        }
    ).encode()


def mac(raw: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), b"%d." % at + raw, "sha256").hexdigest()


def signature(raw: bytes, secret: str = WEBHOOK_SECRET, age_s: int = 0) -> str:
    """The header that whoever knows the secret writes."""
    at = int(time.time()) - age_s
    return f"t={at},v1={mac(raw, secret, at)}"


class Sender:
    """Posts bytes over real HTTP and returns the status."""

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url).netloc

    def __call__(
        self,
        raw: bytes,
        header: str | None = "sign",
        endpoint: str = "platform",
    ) -> int:
        if header == "sign":
            header = signature(raw, SECRETS[endpoint])
        headers = {"Content-Type": "application/json"}
        if header is not None:
            headers["Stripe-Signature"] = header
        return self.post(PATHS[endpoint], raw, headers)

    def post(self, path: str, body: Any, headers: dict[str, str]) -> int:
        """Post anything; an iterable body is sent in chunks that do not say how many come."""
        connection = http.client.HTTPConnection(self._netloc, timeout=20)
        try:
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()
