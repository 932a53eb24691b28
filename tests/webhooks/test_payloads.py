"""Whatever a processor is known to send is stored once and never breaks anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from marketplace import clock
from marketplace.extensions import db
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import inbox
from tests.webhooks.sender import Sender

FOLDER = Path(os.environ.get("MARKETPLACE_FIXTURES", "")) / "stripe-derived-events"
PAYLOADS = sorted(FOLDER.glob("*.json")) if "MARKETPLACE_FIXTURES" in os.environ else []


@pytest.mark.skipif(not PAYLOADS, reason="MARKETPLACE_FIXTURES names no folder with payloads")
def test_every_known_payload_is_stored_once_and_handled_without_harm(
    deliver: Sender, joined: Stripe, owner: psycopg.Connection[Any]
) -> None:
    for path in PAYLOADS:
        endpoint = "connect" if path.stem.endswith("--connect") else "platform"
        for _ in range(2):
            assert deliver(path.read_bytes(), endpoint=endpoint) == 200, path.name

    while inbox.handle_next(clock.now()):
        db.session.remove()

    rows = owner.execute("SELECT state, event_type, last_error FROM webhook_event").fetchall()
    assert len(rows) == len(PAYLOADS)
    # The sandbox knows none of these objects: what concerns us is asked for again later.
    assert {state for state, *_ in rows} == {"ignored", "retry"}
    assert all("No such" in error for state, _, error in rows if state == "retry")
