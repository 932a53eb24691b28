"""What must never be false of our calls to processors."""

from __future__ import annotations

from marketplace.database.check import Check

CHECKS = (
    Check(
        "O1",
        "a subject has at most one request under way per processor and operation",
        "SELECT processor, op, subject_id, count(*) FROM processor_request"
        " WHERE state IN ('ready', 'sent', 'unknown', 'needs_review')"
        " GROUP BY 1, 2, 3 HAVING count(*) > 1",
    ),
    Check(
        "O2",
        "the body of a request is the one that was frozen, and its key names its subject",
        "SELECT id, idem_key FROM processor_request"
        " WHERE body_sha256 <> encode(sha256(convert_to(body::text, 'UTF8')), 'hex')"
        " OR idem_key <> op || ':' || replace(subject_id::text, '-', '') || ':' || attempt",
    ),
    Check(
        "O3",
        "a done request names what was made, and nothing else names the same",
        "SELECT processor, remote_id, count(*) FROM processor_request WHERE state = 'done'"
        " GROUP BY 1, 2 HAVING remote_id IS NULL OR count(*) > 1",
    ),
    Check(
        "O4",
        "at most one attempt of a subject is done, and no attempt follows it",
        "SELECT done.id, later.id AS later FROM processor_request done JOIN processor_request later"
        " ON (later.processor, later.op, later.subject_id)"
        " = (done.processor, done.op, done.subject_id) AND later.attempt > done.attempt"
        " WHERE done.state = 'done'",
    ),
    Check(
        "O5",
        "attempts of a subject are numbered without a gap",
        "SELECT processor, op, subject_id FROM processor_request"
        " GROUP BY 1, 2, 3 HAVING max(attempt) <> count(*) OR min(attempt) <> 1",
    ),
    Check(
        "O6",
        "what never left has no try, and what has an answer has one",
        "SELECT r.id, r.state FROM processor_request r WHERE"
        " EXISTS (SELECT FROM processor_try t WHERE t.request_id = r.id)"
        " AND r.first_sent_at IS NULL OR r.state IN ('done', 'rejected')"
        " AND NOT EXISTS (SELECT FROM processor_try t WHERE t.request_id = r.id)",
    ),
)
