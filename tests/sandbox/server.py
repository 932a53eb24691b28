"""The sandbox for tests: in this process with a judge on every wire, or as a process to be killed.

server = SandboxServer(tmp_path, webhook_base="http://127.0.0.1:8000/webhooks/stripe")
server.start()
...
server.stop()
assert server.violations == []
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import stripe
import urllib3

from marketplace.sandbox.courier import Http
from marketplace.sandbox.server import Server
from marketplace.sandbox.settings import Settings
from tests import oracle, paypal_oracle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

API_KEY = "sk_test_sandbox"
WEBHOOK_SECRET = "whsec_own"
CONNECT_SECRET = "whsec_connect"
THIN_SECRET = "whsec_thin"
PAYPAL_CLIENT_ID = "sandbox_paypal"
PAYPAL_CLIENT_SECRET = "paypal_secret"
PAYPAL_WEBHOOK_ID = "WH-PAYPAL"
VERSION = "2026-10-28.endive"


class Remote:
    """Whatever can be done to a sandbox over HTTP, as a payer, a payee or its operator."""

    url: str
    api_key: str

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def client(self, *, timeout_s: float = 10, retries: int = 0) -> stripe.StripeClient:
        """Return a real Stripe client that talks to this sandbox."""
        return stripe.StripeClient(
            self.api_key,
            base_addresses={"api": self.url},
            stripe_version=VERSION,
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout_s),
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Do one control call and return its JSON."""
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(method, f"{self.url}/_sandbox/{path}", json=body)
            assert answer.status == 200, answer.data
            return answer.json()

    def post_form(self, path: str, fields: dict[str, str] | None = None) -> str | None:
        """Press a button on a hosted page; return where the browser is sent."""
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                "POST", self.url + path, fields=fields or {}, encode_multipart=False, redirect=False
            )
            assert answer.status == 303, (answer.status, answer.data)
            return answer.headers.get("Location")

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """Open a page, following no redirect."""
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request("GET", self.url + path, redirect=False)

    def pay(self, session_id: str) -> str | None:
        """Press Pay; return the success URL."""
        return self.post_form(f"/checkout/{session_id}/pay")

    def decline(self, session_id: str) -> str | None:
        return self.post_form(f"/checkout/{session_id}/decline")

    def leave(self, session_id: str) -> str | None:
        return self.post_form(f"/checkout/{session_id}/leave")

    def complete_onboarding(self, account_id: str) -> None:
        """Let the account's person hand in everything: it can be paid."""
        self.call("POST", f"accounts/{account_id}/onboarding", {"outcome": "complete"})

    def fail_onboarding(self, account_id: str) -> None:
        """Let something be missing: the account cannot be paid (any more)."""
        self.call("POST", f"accounts/{account_id}/onboarding", {"outcome": "missing"})

    def reverse(self, transfer_id: str) -> None:
        """Let all that is left of a transfer come back."""
        self.call("POST", f"transfers/{transfer_id}/reverse")

    def dispute(self, charge_id: str, **options: Any) -> str:
        """Let a cardholder dispute a charge; return the dispute's id."""
        return str(self.call("POST", f"charges/{charge_id}/dispute", options)["id"])

    def decide_dispute(self, dispute_id: str, outcome: str) -> None:
        """Let the bank decide: won, lost; of an inquiry escalated, closed."""
        self.call("PUT", f"disputes/{dispute_id}", {"outcome": outcome})

    def fund_paypal(self, value: str, currency: str = "USD", *, from_stripe: bool = False) -> None:
        """Let money arrive in the balance at PayPal."""
        asked = {"currency": currency, "value": value, "from_stripe": from_stripe}
        self.call("POST", "paypal/fund", asked)

    def withdraw(self, value: str, currency: str) -> None:
        """Let money leave the balance at Stripe for our bank account."""
        self.call("POST", "withdraw", {"currency": currency, "value": value})

    def move_paypal(self, batch_id: str, status: str) -> None:
        """Bring the item of a batch to a status of PayPal's."""
        self.call("PUT", f"paypal/batches/{batch_id}", {"status": status})

    def fault(self, on: str, fault: str, **options: Any) -> None:
        """Arm one more fault; see marketplace.sandbox.faults for names and options."""
        armed = [
            {name: value for name, value in each.items() if name != "times_left"}
            | {"times": each["times_left"]}
            for each in self.faults()["armed"]
            if each["times_left"] != 0
        ]
        self.call("PUT", "faults", [*armed, {"on": on, "fault": fault} | options])

    def faults(self) -> dict[str, Any]:
        """Return what is `armed` and what `fired` since the last arming."""
        found: dict[str, Any] = self.call("GET", "faults")
        return found

    def set_offset(self, seconds: int) -> None:
        """Move the sandbox's clock to wall time plus so many seconds."""
        self.call("PUT", "clock", {"offset_s": seconds})

    def settings(self, **delays: int | None) -> None:
        """Change funds_delay_s, bank_payout_delay_s."""
        self.call("PUT", "settings", delays)

    def books(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", "books")
        return found

    def deliveries(self, state: str | None = None) -> list[dict[str, Any]]:
        """Return all deliveries, or those due, delivered, given_up or lost."""
        found: list[dict[str, Any]] = self.call("GET", f"deliveries?state={state or ''}")
        return found

    def wait_delivered(self, timeout_s: float = 15) -> None:
        """Wait until no delivery is due any more."""
        deadline = time.monotonic() + timeout_s
        while self.deliveries("due"):
            assert time.monotonic() < deadline, self.deliveries("due")
            time.sleep(0.02)


class SandboxServer(Remote):
    """A sandbox in this process. Every request, answer and event is held against the oracle."""

    def __init__(
        self,
        folder: Path,
        *,
        webhook_base: str = "",
        webhook_secret: str = WEBHOOK_SECRET,
        connect_secret: str = CONNECT_SECRET,
        thin_secret: str = THIN_SECRET,
        paypal_webhook: str = "",
        port: int = 0,
        judged: bool = True,
    ) -> None:
        self.api_key = API_KEY
        self.violations: list[str] = []
        self.judged = 0  # how many requests, answers and events were looked at
        self._oracle = _oracle() if judged else None
        self._judges_paypal = judged
        self._answering: set[int] = set()  # the threads that are at work on a call
        self._http = Http()
        self._server = Server(
            Settings(
                port=port,
                database=folder / "sandbox.db",
                api_key=API_KEY,
                webhook_base=webhook_base,
                webhook_secret=webhook_secret,
                connect_secret=connect_secret,
                thin_secret=thin_secret,
                paypal_client_id=PAYPAL_CLIENT_ID,
                paypal_client_secret=PAYPAL_CLIENT_SECRET,
                paypal_webhook_id=PAYPAL_WEBHOOK_ID,
                paypal_webhook=paypal_webhook,
            ),
            wrap=lambda app: self._counted(self._watched(app)),
            post=self._posted,
        )
        self.url = self._server.url
        self.world = self._server.world

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        self._http.close()

    def wait_answered(self, timeout_s: float = 15) -> None:
        """Wait until no call is being worked on any more, be it that its caller has given up."""
        deadline = time.monotonic() + timeout_s
        while self._answering:
            assert time.monotonic() < deadline, "a call is never answered"
            time.sleep(0.02)

    def _counted(self, app: WSGIApplication) -> WSGIApplication:
        def counted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            self._answering.add(threading.get_ident())
            try:
                return app(environ, start_response)
            finally:
                self._answering.discard(threading.get_ident())

        return counted

    def _judge(self, violations: list[str]) -> None:
        self.judged += 1
        self.violations += violations

    def _posted(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        if url.endswith("/paypal"):
            self._judge(paypal_oracle.event(json.loads(body)))
        elif self._oracle is not None:
            self._judge(self._oracle.event(json.loads(body)))
        return self._http(url, body, headers)

    def _watched(self, app: WSGIApplication) -> WSGIApplication:
        """Return the app with the oracle between it and its callers."""
        judge = self._oracle

        def watched(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            path = environ["PATH_INFO"]
            if self._judges_paypal and path.startswith(paypal_oracle.PATHS):
                return self._watched_paypal(app, environ, start_response)
            if judge is None or not path.startswith(("/v1/", "/v2/")):
                return app(environ, start_response)
            method = environ["REQUEST_METHOD"]
            sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(sent)
            headers = {"Idempotency-Key": environ.get("HTTP_IDEMPOTENCY_KEY", "")}
            self._judge(judge.request(method, path, environ["QUERY_STRING"], headers, sent))
            statuses: list[int] = []

            def begin(status: str, headers: Any, exc_info: Any = None) -> Any:
                statuses.append(int(status.split()[0]))
                return start_response(status, headers, exc_info)

            answer = b"".join(app(environ, begin))
            self._judge(judge.response(method, path, statuses[0], json.loads(answer)))
            return [answer]

        return watched

    def _watched_paypal(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """The same for PayPal's calls, held against PayPal's description."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(sent)
        statuses: list[int] = []

        def begin(status: str, headers: Any, exc_info: Any = None) -> Any:
            statuses.append(int(status.split()[0]))
            return start_response(status, headers, exc_info)

        answer = b"".join(app(environ, begin))
        self._judge(paypal_oracle.exchange(method, path, sent, statuses[0], answer))
        return [answer]


def _oracle() -> oracle.Oracle | None:
    try:
        return oracle.load()
    except oracle.OracleMissing as missing:
        warnings.warn(f"the sandbox is not judged: {missing}", stacklevel=3)
        return None


class SandboxProcess(Remote):
    """A sandbox as its own process, on one port and one file over its lives."""

    def __init__(self, folder: Path, *, webhook_base: str = "") -> None:
        self.api_key = API_KEY
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = folder / "sandbox.log"
        self._environ = os.environ | {
            "SANDBOX_PORT": str(self._port),
            "SANDBOX_DB": str(folder / "sandbox.db"),
            "SANDBOX_API_KEY": API_KEY,
            "SANDBOX_WEBHOOK_BASE": webhook_base,
            "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "SANDBOX_CONNECT_SECRET": CONNECT_SECRET,
            "SANDBOX_THIN_SECRET": THIN_SECRET,
            "SANDBOX_PAYPAL_CLIENT_ID": PAYPAL_CLIENT_ID,
            "SANDBOX_PAYPAL_CLIENT_SECRET": PAYPAL_CLIENT_SECRET,
            "SANDBOX_PAYPAL_WEBHOOK_ID": PAYPAL_WEBHOOK_ID,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "marketplace.sandbox"],
                env=self._environ,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return bool(self.call("GET", "health")["status"] == "ok")
        except urllib3.exceptions.HTTPError:
            return False

    def kill(self) -> None:
        """kill -9: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to stop; it leaves with 0."""
        assert self._end(signal.SIGTERM) == 0, self._log.read_text()

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.process = None
        return code


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
