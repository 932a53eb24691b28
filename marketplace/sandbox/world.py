"""One sandbox, and one atomic act upon it.

A `World` is the file, the clock and the configuration. An `Act` is a transaction together with
the moment it happens at and the request that causes it; every domain function takes one.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marketplace.sandbox.settings import HOST, Settings
from marketplace.sandbox.store import Store

Doc = dict[str, Any]

ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return an identifier that looks like one of Stripe's."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(length))


def stamp(at: int) -> str:
    """Return API v2's way to write a moment: RFC 3339 in UTC, with milliseconds."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Cause:
    """The API request behind an act; events repeat it. A click on a page has none."""

    request_id: str | None = None
    idempotency_key: str | None = None


NOBODY = Cause()


class Act:
    """What one request does, all or nothing. `now` is in sandbox seconds."""

    def __init__(self, world: World, sql: sqlite3.Connection, cause: Cause) -> None:
        self.world = world
        self.sql = sql
        self.cause = cause
        self.now = world.now()

    def add(self, kind: str, doc: Doc, link: str | None = None) -> None:
        """Remember a new object under its `id`."""
        self.sql.execute(
            "INSERT INTO thing (id, kind, link, doc) VALUES (?, ?, ?, ?)",
            (doc["id"], kind, link, json.dumps(doc)),
        )

    def save(self, doc: Doc) -> None:
        """Remember the changed state of a known object."""
        self.sql.execute("UPDATE thing SET doc = ? WHERE id = ?", (json.dumps(doc), doc["id"]))

    def get(self, kind: str, id: str | None) -> Doc | None:
        row = self.sql.execute(
            "SELECT doc FROM thing WHERE id = ? AND kind = ?", (id, kind)
        ).fetchone()
        return json.loads(row["doc"]) if row else None

    def the(self, kind: str, id: str) -> Doc:
        """Return an object that must exist: another object of ours names it."""
        doc = self.get(kind, id)
        if doc is None:
            raise LookupError(f"{kind} {id} is gone")
        return doc

    def find(self, kind: str, link: str | None = None) -> list[Doc]:
        """Return all objects of a kind, oldest first, or those of one link."""
        rows = self.sql.execute(
            "SELECT doc FROM thing WHERE kind = ? AND (? IS NULL OR link = ?) ORDER BY seq",
            (kind, link, link),
        )
        return [json.loads(row["doc"]) for row in rows]

    def schedule(self, kind: str, subject: str, after_s: int) -> None:
        """Let `kind` happen to `subject` in so many sandbox seconds."""
        self.sql.execute(
            "INSERT INTO task (kind, subject, due_at) VALUES (?, ?, ?)",
            (kind, subject, self.now + after_s),
        )

    def setting(self, name: str) -> Any:
        row = self.sql.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return json.loads(row["value"]) if row else DEFAULTS[name]

    def change_setting(self, name: str, value: Any) -> None:
        self.sql.execute(
            "INSERT OR REPLACE INTO setting VALUES (?, ?)",
            (name, json.dumps(value)),
        )


# What the control calls may change; None as a delay means never.
DEFAULTS: dict[str, Any] = {
    "offset_s": 0,  # sandbox time minus wall time
    "funds_delay_s": 0,  # until a charge may be transferred
    "paypal_identity": None,  # key and certificates, once they are made
    "bank_payout_delay_s": 2,  # from a transfer to the connected account's bank payout
}


class World:
    """One sandbox. `stopping` is set once, to wake whoever waits."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = f"http://{HOST}:{settings.port}"
        self.store = Store(settings.database)
        self.stopping = threading.Event()
        self._offset_s = 0
        with self.act() as act:
            self._offset_s = act.setting("offset_s")

    def now(self) -> int:
        """Return sandbox time: wall time plus the offset, in whole Unix seconds."""
        return int(time.time()) + self._offset_s

    @contextmanager
    def act(self, cause: Cause = NOBODY) -> Iterator[Act]:
        with self.store.transaction() as sql:
            yield Act(self, sql, cause)

    def set_offset(self, offset_s: int) -> None:
        """Move the sandbox's clock and keep it moved over restarts."""
        with self.act() as act:
            act.change_setting("offset_s", offset_s)
        self._offset_s = offset_s
