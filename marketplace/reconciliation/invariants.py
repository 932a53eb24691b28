"""What must never be false of the comparison with the processors."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.reconciliation.comparing import MOVEMENTS, POSTING_KEY
from marketplace.reconciliation.difference import Difference
from marketplace.statuses import checks

CHECKS = (
    Check(
        "W6",
        "what the processor says it moved, and we posted, we posted in that amount and currency",
        "SELECT m.processor, m.remote_id, m.type, m.amount_minor, t.id FROM (SELECT m.*,"
        f" {POSTING_KEY} AS posting_key FROM ({MOVEMENTS}) m) m"
        " JOIN ledger.transaction t ON t.idempotency_key = m.posting_key"
        " JOIN ledger.entry e ON e.transaction_id = t.id"
        " JOIN ledger.account a ON a.id = e.account_id AND a.kind = 'processor_clearing'"
        " AND a.owner = 'processor:' || m.processor"
        " WHERE a.currency <> m.currency OR e.amount_minor <> m.amount_minor",
    ),
    Check(
        "W7",
        "a difference was seen by a run of its processor, after its day had begun",
        "SELECT d.id FROM reconciliation_difference d WHERE NOT EXISTS"
        " (SELECT FROM reconciliation_run r WHERE r.processor = d.processor"
        "  AND r.started_at <= d.seen_at AND d.day <= (r.started_at AT TIME ZONE 'UTC')::date + 1)",
    ),
    *checks(Difference.__tablename__, Difference.MOVES),
)
