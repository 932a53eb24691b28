"""What must never be false about money owed."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.earnings.earning import Earning
from marketplace.statuses import checks

CHECKS = (
    Check(
        "G1",
        "a creator's pending balance is the sum of their pending earnings",
        "SELECT a.owner, a.currency, a.balance_minor, q.net_minor FROM"
        " (SELECT * FROM ledger.account WHERE kind = 'creator_pending') a"
        " FULL JOIN (SELECT 'creator:' || replace(creator_id::text, '-', '') AS owner, currency,"
        "  sum(net_minor)::bigint AS net_minor FROM earning WHERE status = 'pending'"
        "  GROUP BY 1, 2) q ON q.owner = a.owner AND q.currency = a.currency"
        " WHERE -coalesce(a.balance_minor, 0) <> coalesce(q.net_minor, 0)",
    ),
    Check(
        "G2",
        "every earning was accrued by one posting, of its net to its creator",
        "SELECT g.id FROM earning g LEFT JOIN (SELECT t.cause_id, a.owner, a.currency,"
        "  sum(e.amount_minor)::bigint AS amount_minor, count(*) AS postings"
        "  FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        "  JOIN ledger.account a ON a.id = e.account_id AND a.kind = 'creator_pending'"
        "  WHERE t.kind = 'earning_accrued' GROUP BY 1, 2, 3) p ON p.cause_id = g.id"
        " WHERE p.postings IS DISTINCT FROM 1 OR p.amount_minor <> -g.net_minor"
        " OR p.currency <> g.currency"
        " OR p.owner <> 'creator:' || replace(g.creator_id::text, '-', '')",
    ),
    *checks(Earning.__tablename__, Earning.MOVES),
)
