"""The sandbox's memory: one sqlite file, one writer at a time.

Everything that one request does is committed at once, its idempotency record and the events it
owes included, so a kill at any moment leaves either all of it or nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
-- Every object: a document with amounts as major-unit decimal strings. `link` is the one other
-- thing that it is looked up by (a charge by its payment, a transfer by its transfer_group).
CREATE TABLE IF NOT EXISTS thing (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    link TEXT,
    doc TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS thing_kind ON thing (kind, seq);
CREATE INDEX IF NOT EXISTS thing_link ON thing (kind, link);

-- What all balance transactions of a currency add up to.
CREATE TABLE IF NOT EXISTS balance (currency TEXT PRIMARY KEY, total TEXT NOT NULL);

-- Net amounts that are not available yet; rows of the past mean nothing.
CREATE TABLE IF NOT EXISTS pending_funds (
    currency TEXT NOT NULL, net TEXT NOT NULL, available_on INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    kept_until INTEGER NOT NULL
);

-- What will happen by itself, in sandbox time.
CREATE TABLE IF NOT EXISTS task (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, due_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS task_due ON task (due_at);

-- One event on its way to one endpoint, in wall time.
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    behind INTEGER NOT NULL DEFAULT 0,
    tampering TEXT,
    last_answer TEXT
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due_at);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event_id);

CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY, spec TEXT NOT NULL, times_left INTEGER
);
CREATE TABLE IF NOT EXISTS fault_fired (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, fault TEXT NOT NULL, subject TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """Transactions on the file, serialised; reads go through them too."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path, timeout=10, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        # NORMAL: a commit survives the death of the process (not of the machine).
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, or undo all of it if an exception leaves."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
