"""Idempotency keys: what the same key gets the second time.

v1 keeps the first executed answer for 24 hours, errors included, 500s too; answers from before
the work began (bad parameters, 401, 409, 429) are not kept. v2 keeps 30 days, and only
success: failed work is done again. The same key with other content is refused; a key still at
work is refused with 409. Source: docs.stripe.com/api/idempotent_requests,
docs.stripe.com/api-v2-overview#idempotency.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from marketplace.sandbox.refusal import NotExecuted
from marketplace.sandbox.world import Act

HOUR_S = 3600
KEPT_S = {1: 24 * HOUR_S, 2: 30 * 24 * HOUR_S}
MAX_LENGTH = 255


@dataclass(frozen=True)
class Reply:
    """A status and a body; `replayed` when they answered this key before."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


def fingerprint(method: str, path: str, data: dict[str, Any]) -> str:
    """Return what must be equal for the same key: the endpoint and every parameter."""
    content = json.dumps([method, path, data], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def in_use() -> NotExecuted:
    return NotExecuted(
        "There is currently another in-progress request using this Idempotent Key.",
        status=409,
        code="idempotency_key_in_use",
    )


class AtWork:
    """The keys whose request is running now; forgotten by a restart, as the requests are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Be the only one at work under `key`.

        Raises:
            NotExecuted: 409, somebody is.
        """
        with self._lock:
            if key in self._keys:
                raise in_use()
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


@dataclass(frozen=True)
class Key:
    """One caller's key under one API version, with what it stands for."""

    version: int
    text: str
    fingerprint: str

    @property
    def name(self) -> str:
        return f"v{self.version}:{self.text}"

    def check(self) -> None:
        if len(self.text) > MAX_LENGTH:
            raise NotExecuted(f"Idempotency keys are at most {MAX_LENGTH} characters long.")

    def recall(self, act: Act) -> Reply | None:
        """Return the kept answer.

        Raises:
            NotExecuted: the key was used with other parameters.
        """
        row = act.sql.execute(
            "SELECT * FROM idempotency WHERE key = ? AND kept_until > ?", (self.name, act.now)
        ).fetchone()
        if row is None:
            return None
        if row["fingerprint"] != self.fingerprint:
            raise NotExecuted(
                "Keys for idempotent requests can only be used with the same parameters "
                "they were first used with.",
                type="idempotency_error",
                code="idempotency_error" if self.version == 2 else None,
            )
        return Reply(row["status"], json.loads(row["body"]), replayed=True)

    def remember(self, act: Act, reply: Reply) -> None:
        """Keep an executed answer, in the act that executed it."""
        if self.version == 2 and reply.status != 200:
            return
        act.sql.execute(
            "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)",
            (
                self.name,
                self.fingerprint,
                reply.status,
                json.dumps(reply.body),
                act.now + KEPT_S[self.version],
            ),
        )
