"""Events on their way: the queue that outlives a kill.

    due ──sent, 2xx──▶ delivered
     │ └──anything else: later, up to 20 tries──▶ given_up
     └──fault `lost`, or nobody listens──▶ lost

Times are wall time: a signature is judged by the receiver's real clock.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from marketplace.sandbox import faults
from marketplace.sandbox.world import Act, Doc, World

MAX_TRIES = 20
MAX_WAIT_S = 60

# How long an overtaken event waits at most for another one to overtake it.
BEHIND_S = 10


def enqueue(act: Act, event: Doc, endpoint: str) -> None:
    """Owe `event` to an endpoint (own, connect, thin, paypal), as the armed fault bends it."""
    type = event["event_type" if endpoint == "paypal" else "type"]
    settings = act.world.settings
    listens = settings.paypal_webhook if endpoint == "paypal" else settings.webhook_base
    fault = faults.take(act, f"webhook.{type}", faults.WEBHOOK_FAULTS, event["id"])
    name = fault.fault if fault else None
    row = {
        "event_id": event["id"],
        "type": type,
        "endpoint": endpoint,
        "body": json.dumps(event),
        "state": "due" if listens and name != "lost" else "lost",
        "due_at": time.time(),
        "behind": int(name == "reorder"),
        "tampering": name if name in faults.TAMPERINGS else None,
    }
    if fault and name == "delay":
        row["due_at"] += fault.delay_s
    if name == "reorder":
        row["due_at"] += BEHIND_S
    copies = fault.n if fault and name == "duplicate" else 1
    for _ in range(copies):
        act.sql.execute(
            """
            INSERT INTO delivery
                (event_id, type, endpoint, body, state, due_at, behind, tampering)
            VALUES (:event_id, :type, :endpoint, :body, :state, :due_at, :behind, :tampering)
            """,
            row,
        )


def next_due(world: World) -> sqlite3.Row | None:
    """Return the delivery that has waited longest, if any is due."""
    with world.act() as act:
        row: sqlite3.Row | None = act.sql.execute(
            "SELECT * FROM delivery WHERE state = 'due' AND due_at <= ?"
            " ORDER BY due_at, id LIMIT 1",
            (time.time(),),
        ).fetchone()
        return row


def record(world: World, row: sqlite3.Row, status: int | None, answer: str) -> None:
    """Write down how a try ended; anything but a 2xx is tried again, later and later."""
    tries = row["tries"] + 1
    accepted = status is not None and 200 <= status < 300
    state = "delivered" if accepted else "given_up" if tries >= MAX_TRIES else "due"
    wait_s = min(2 ** (tries - 1), MAX_WAIT_S)
    with world.act() as act:
        # Only the first try is tampered with: a refused forgery is followed by the truth.
        act.sql.execute(
            "UPDATE delivery SET state = ?, tries = ?, due_at = ?, tampering = NULL, behind = 0,"
            " last_answer = ? WHERE id = ?",
            (state, tries, time.time() + wait_s, answer, row["id"]),
        )
        if not accepted:
            return
        act.sql.execute(
            "UPDATE delivery SET due_at = ?, behind = 0 WHERE behind = 1 AND id < ?",
            (time.time(), row["id"]),
        )
        _count_down(act, row["event_id"])


def _count_down(act: Act, event_id: str) -> None:
    waiting = act.sql.execute(
        "SELECT count(*) AS n FROM delivery WHERE event_id = ? AND state <> 'delivered'",
        (event_id,),
    ).fetchone()["n"]
    event = act.get("event", event_id)
    if event is not None and waiting == 0:
        event["pending_webhooks"] = 0
        act.save(event)


def overview(act: Act, state: str | None) -> list[dict[str, Any]]:
    """Return every delivery, or those of one state, oldest first; bodies left out."""
    rows = act.sql.execute(
        "SELECT id, event_id, type, endpoint, state, due_at, tries, last_answer FROM delivery"
        " WHERE ? IS NULL OR state = ? ORDER BY id",
        (state, state),
    )
    return [dict(row) for row in rows]
