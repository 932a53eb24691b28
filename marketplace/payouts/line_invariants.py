"""What must never be false about a payout's lines. Ids as in docs/money.md."""

from __future__ import annotations

from marketplace.database.check import Check

# What moved the available balances, and by which payout's reservation each was paid: the next one.
_MOVED = (
    "SELECT t.id, t.kind, t.cause_type, t.cause_id, -e.amount_minor AS minor,"
    " -e.balance_after AS balance_minor, e.account_id, e.account_version,"
    " count(*) FILTER (WHERE t.kind = 'payout_reserved')"
    "  OVER (PARTITION BY e.account_id ORDER BY e.account_version DESC) AS later"
    " FROM ledger.account a JOIN ledger.entry e ON e.account_id = a.id"
    " JOIN ledger.transaction t ON t.id = e.transaction_id WHERE a.kind = 'creator_available'"
)
_TAKEN = "SELECT * FROM moved WHERE kind = 'payout_reserved'"

CHECKS = (
    Check(
        "X1",
        "a payout is the sum of its lines",
        "SELECT p.id, p.amount_minor, q.minor FROM payout p LEFT JOIN (SELECT payout_id,"
        " sum(amount_minor) AS minor FROM payout_line GROUP BY 1) q ON q.payout_id = p.id"
        " WHERE p.amount_minor <> coalesce(q.minor, 0)",
    ),
    Check(
        "X2",
        "the lines of a payout are all that the books moved since the payout before, what that"
        " one left, and what this one leaves and repays",
        f"WITH moved AS ({_MOVED}), due AS ("
        " SELECT r.cause_id AS payout_id, m.id AS transaction_id, 'moved' AS kind, m.cause_id,"
        f"  m.minor FROM moved m JOIN ({_TAKEN}) r USING (account_id, later)"
        "  WHERE m.kind <> 'payout_reserved'"
        " UNION ALL SELECT r.cause_id, NULL, 'carried', b.cause_id, b.balance_minor"
        f"  FROM ({_TAKEN}) r JOIN ({_TAKEN}) b ON b.account_id = r.account_id"
        "  AND b.later = r.later + 1 WHERE b.balance_minor <> 0"
        " UNION ALL SELECT cause_id, NULL, 'left', cause_id, -balance_minor"
        f"  FROM ({_TAKEN}) r WHERE balance_minor <> 0"
        " UNION ALL SELECT id, NULL, 'recovered', id, -recovered_minor FROM payout"
        "  WHERE recovered_minor <> 0"
        "), said AS (SELECT payout_id, transaction_id,"
        "  CASE WHEN transaction_id IS NULL THEN kind ELSE 'moved' END AS kind, cause_id,"
        "  amount_minor AS minor FROM payout_line)"
        " (TABLE due EXCEPT ALL TABLE said) UNION ALL (TABLE said EXCEPT ALL TABLE due)",
    ),
)
