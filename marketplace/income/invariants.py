"""What must never be false about imported income."""

from __future__ import annotations

from marketplace.database.check import Check

CHECKS = (
    Check(
        "C1",
        "an accepted row of an import is owed once, as it stands in the file, to its creator",
        "SELECT r.id FROM income_row r LEFT JOIN earning g ON g.id = r.earning_id"
        " WHERE r.outcome = 'accepted' AND (g.id IS NULL OR g.creator_id <> r.creator_id"
        " OR g.gross_minor <> r.amount_minor OR g.currency <> r.currency OR g.kind <> r.kind)",
    ),
)
