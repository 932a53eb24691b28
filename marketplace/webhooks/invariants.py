"""What must never be false of the events we were told."""

from __future__ import annotations

from marketplace.database.check import Check

CHECKS = (
    Check(
        "W1",
        "each event is stored once, and has a time of handling once it has an outcome",
        "SELECT processor, livemode, event_id, count(*) FROM webhook_event GROUP BY 1, 2, 3"
        " HAVING count(*) > 1 OR bool_or((handled_at IS NOT NULL)"
        " <> (state IN ('done', 'ignored', 'quarantined')))",
    ),
    Check(
        "W4.mode",
        "an applied event is of the same mode, live or test, as our request for its object",
        "SELECT e.event_id, e.object_id FROM webhook_event e JOIN processor_request r"
        " ON r.processor = e.processor AND r.remote_id = e.object_id"
        " WHERE e.state = 'done' AND e.livemode <> r.livemode",
    ),
)
