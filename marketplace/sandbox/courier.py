"""The courier: one thread that signs due events and posts them, and runs what is due by itself.

Signature scheme: docs.stripe.com/webhooks/signature. Header `Stripe-Signature: t=<unix>,v1=<hex>`
where v1 is HMAC-SHA256 of '<t>.<raw body>' under the endpoint's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import urllib3

from marketplace.sandbox import deliveries, faults, paypal_telling, spoiling, tasks
from marketplace.sandbox.world import World

log = logging.getLogger("sandbox.courier")

PATHS = {"own": "", "connect": "/connect", "thin": "/thin"}
POLL_S = 0.1
# A clock that is wrong by more than the five minutes that a receiver allows.
SKEWS_S = {"clock_ahead": spoiling.SKEW_S, "clock_behind": -spoiling.SKEW_S}

# Posts (url, body, headers) and returns the HTTP status.
Post = Callable[[str, bytes, dict[str, str]], int]


def sign(body: bytes, secret: str, at: int) -> str:
    """Return the value of Stripe-Signature for these very bytes."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Http:
    """Posts over HTTP, follows no redirect, waits ten seconds."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=10))

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        answer = self._pool.request("POST", url, body=body, headers=headers, redirect=False)
        return answer.status

    def close(self) -> None:
        self._pool.clear()


class Courier(threading.Thread):
    """Delivers in order of dueness until the world is stopping."""

    def __init__(self, world: World, post: Post) -> None:
        super().__init__(name="sandbox-courier", daemon=True)
        self._world = world
        self._post = post

    def run(self) -> None:
        while not self._world.stopping.is_set():
            try:
                tasks.run_due(self._world)
                busy = self.deliver_one()
            except Exception:
                # The thread must outlive whatever happens: without it nothing is told any more.
                log.exception("courier stumbled")
                busy = False
            if not busy:
                self._world.stopping.wait(POLL_S)

    def deliver_one(self) -> bool:
        """Try the next due delivery; False if nothing is due."""
        row = deliveries.next_due(self._world)
        if row is None:
            return False
        url, body, headers = self._paypal(row) if row["endpoint"] == "paypal" else self._stripe(row)
        headers["Content-Type"] = "application/json; charset=utf-8"
        try:
            status = self._post(url, body, headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            deliveries.record(self._world, row, None, type(error).__name__)
        else:
            deliveries.record(self._world, row, status, str(status))
        return True

    def _stripe(self, row: sqlite3.Row) -> tuple[str, bytes, dict[str, str]]:
        """Return where to send what under which headers."""
        body, signed_body, secret = self._letter(row)
        at = int(time.time()) + SKEWS_S.get(row["tampering"], 0)
        signature = sign(signed_body, secret, at)
        if row["tampering"] == "rotated_secret":  # while it is rolled, both the old and the new one
            newer = sign(signed_body, f"{secret}_rotated", at).rpartition(",")[2]
            signature = f"t={at},{newer},{signature.rpartition(',')[2]}"
        headers = {
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature,
        }
        return self._world.settings.webhook_base + PATHS[row["endpoint"]], body, headers

    def _paypal(self, row: sqlite3.Row) -> tuple[str, bytes, dict[str, str]]:
        """Return the same of an event of PayPal's; its signature covers a CRC32 of the body."""
        body, tampering = row["body"].encode(), row["tampering"]
        if tampering in faults.WRONG:
            event = json.loads(body)
            spoiling.spoil(event["resource"], tampering)
            body = json.dumps(event).encode()
        forged = tampering == "forged_signature"
        skew = timedelta(seconds=SKEWS_S.get(tampering, 0))
        headers = paypal_telling.signed(self._world, row["event_id"], body, skew, forged=forged)
        headers["User-Agent"] = "PayPal/AUHD-214.0-58843633"
        if tampering == "altered_body":
            body = paypal_telling.bent(body)
        return self._world.settings.paypal_webhook, body, headers

    def _letter(self, row: sqlite3.Row) -> tuple[bytes, bytes, str]:
        """Return the body to send, the body to sign and the secret, bent by a fault or true."""
        settings = self._world.settings
        secret = {
            "own": settings.webhook_secret,
            "connect": settings.connect_secret,
            "thin": settings.thin_secret,
        }[row["endpoint"]]
        body = row["body"].encode()
        tampering = row["tampering"]
        if tampering == "forged_signature":
            return body, body, "whsec_of_somebody_else"
        if tampering == "altered_body":
            return body.replace(b'"id": "evt_', b'"id": "evT_', 1), body, secret
        if tampering in faults.WRONG:
            event = json.loads(body)
            spoiling.spoil_event(event, tampering)
            body = json.dumps(event).encode()
        return body, body, secret
