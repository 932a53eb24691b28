"""A signed webhook accepted and stored, against a bare handler under the same web server.

The bare one does hmac, json and the same INSERT and nothing else: no framework, no tolerance, no
several secrets, no check of the mode. Both run in gunicorn with two sync workers on one database.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

from marketplace.config import REPOSITORY, free_port
from tests.bench.figures import Figure, figure
from tests.bench.scene import Scene

ROUNDS = 7
REQUESTS = 800  # a round, by each side
CLIENTS = 4
GOAL = 0.7
SECRET = "whsec_bench"

Signed = tuple[bytes, str]


def _signed() -> Signed:
    body = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": f"pi_{uuid4().hex}", "object": "payment_intent"}},
        "padding": "x" * 1500,  # about as long as a real event
    }
    raw = json.dumps(body).encode()
    at = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    return raw, f"t={at},v1={signature}"


@contextlib.contextmanager
def _serving(what: str, environ: dict[str, str]) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-w", "2", "--log-level", "error"]
    command += ["--no-control-socket", "-b", f"127.0.0.1:{port}", what]
    server = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | environ)
    try:
        _wait(port)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _rate(port: int, path: str) -> float:
    """Send a round from several clients; return how many a second were answered with 200."""
    events = [_signed() for _ in range(REQUESTS)]
    shares = [events[n::CLIENTS] for n in range(CLIENTS)]
    refused: list[int] = []

    def send(share: list[Signed]) -> None:
        for raw, signature in share:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("POST", path, raw, {"Stripe-Signature": signature})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status != 200:
                refused.append(answer.status)

    threads = [threading.Thread(target=send, args=(share,)) for share in shares]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused, refused[:5]
    return REQUESTS / (time.perf_counter() - started)


def accept(scene: Scene) -> Figure:
    """Measure both in turn."""
    scene.app("webhooks")
    conninfo = scene.server.conninfo("webhooks")
    ours = {
        "DATABASE_URL": conninfo,
        "SECRET_KEY": "of the webhook bench",
        "STRIPE_SECRET_KEY": "sk_test_bench",
        "BASE_URL": "http://127.0.0.1",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_CONNECT_WEBHOOK_SECRET": "",
        "STRIPE_THIN_WEBHOOK_SECRET": "",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "bench@localhost",
    }
    bare = {"BENCH_SECRET": SECRET, "BENCH_CONNINFO": conninfo}
    with (
        _serving("wsgi:app", ours) as our_port,
        _serving("tests.bench.peers.bare_webhook:app", bare) as bare_port,
    ):
        for port, path in ((our_port, "/webhooks/stripe"), (bare_port, "/")):
            _rate(port, path)  # warm
        rounds = [
            (_rate(our_port, "/webhooks/stripe"), _rate(bare_port, "/")) for _ in range(ROUNDS)
        ]
    return figure(
        "webhook.accept.vs_bare",
        "signed webhooks accepted and stored, 2 gunicorn workers, 4 clients",
        "webhooks/s",
        "a bare handler with hmac, json and the same INSERT",
        rounds,
        GOAL,
    )


BENCHES = {"webhook.accept.vs_bare": accept}
