"""PayPal's REST API: one call at a time, with time-outs and without retries of its own.

A token is asked for once and kept until shortly before it ends. Whoever gets an answer decides
what it means; no answer, and one that is no JSON, are exceptions.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

LIVE, TEST = "https://api-m.paypal.com", "https://api-m.sandbox.paypal.com"
_EARLY_S = 60  # a token is renewed so long before it ends


class NoAnswer(Exception):
    """The call got no answer that we can read: it may have been executed."""


class NotAsked(Exception):
    """The call surely did not leave: we had no token for it."""


@dataclass(frozen=True)
class Answer:
    """What came back: status, the JSON object, and PayPal's own name for the exchange."""

    status: int
    body: dict[str, Any]
    debug_id: str | None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Client:
    """Calls for one application at PayPal; may be shared by threads."""

    def __init__(self, base: str, client_id: str, secret: str, timeout_s: float) -> None:
        self._base, self._credentials, self._timeout_s = base, (client_id, secret), timeout_s
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0  # wall time, monotonic

    def get(self, path: str, **query: str) -> Answer:
        """Ask.

        Raises:
            NoAnswer, NotAsked.
        """
        return self._call("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any], request_id: str) -> Answer:
        """Do.

        Raises:
            NoAnswer: it may have been done.
            NotAsked: it was not.
        """
        return self._call("POST", path, json=body, headers={"PayPal-Request-Id": request_id})

    def _call(self, method: str, path: str, **options: Any) -> Answer:
        headers = {**options.pop("headers", {}), "Authorization": f"Bearer {self._bearer()}"}
        answer = self._exchange(method, path, headers=headers, **options)
        if answer.status == 401:
            with self._lock:
                self._until = 0.0  # whoever asks next brings a fresh token
        return answer

    def _bearer(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    answer = self._exchange(
                        "POST",
                        "/v1/oauth2/token",
                        data={"grant_type": "client_credentials"},
                        auth=self._credentials,
                    )
                    if not answer.ok:
                        raise NotAsked(f"PayPal gives us no token: {answer.body.get('error')}")
                    self._token = str(answer.body["access_token"])
                    lasts_s = float(answer.body["expires_in"])
                except (NoAnswer, KeyError, TypeError, ValueError) as error:
                    raise NotAsked(f"PayPal gives us no token: {error!r}") from error
                self._until = time.monotonic() + lasts_s - _EARLY_S
            return self._token

    def _exchange(self, method: str, path: str, **options: Any) -> Answer:
        try:
            response = requests.request(
                method,
                self._base + quote(path),
                timeout=self._timeout_s,
                allow_redirects=False,
                **options,
            )
            body = response.json()
        except (requests.RequestException, ValueError) as error:
            raise NoAnswer(type(error).__name__) from error
        if not isinstance(body, dict):
            raise NoAnswer("the answer is no JSON object")
        return Answer(response.status_code, body, response.headers.get("Paypal-Debug-Id"))
