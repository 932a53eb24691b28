"""What must never be false about money in."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.funding.deposit import Deposit
from marketplace.funding.dispute import Dispute
from marketplace.funding.refund import Refund
from marketplace.statuses import checks

CHECKS = (
    Check(
        "W3",
        "every posting of money at a processor goes back to a request we made there, or to a file",
        "SELECT t.id, t.kind FROM ledger.transaction t"
        " WHERE t.kind IN ('deposit_received', 'pool_filled', 'refund_paid', 'payout_paid',"
        "  'payout_arrived_late', 'payout_returned')"
        " AND NOT EXISTS (SELECT FROM processor_request r"
        "  WHERE r.subject_type = t.cause_type AND r.subject_id = t.cause_id)"
        " AND NOT EXISTS (SELECT FROM bank_file_payment f WHERE f.payout_id = t.cause_id)",
    ),
    Check(
        "W4",
        "a deposit's money in the books is the deposit's amount, once, if and only if it succeeded",
        "SELECT d.id, d.status, d.amount_minor, posted.amount_minor AS posted FROM deposit d"
        " LEFT JOIN (SELECT t.cause_id, a.currency, sum(e.amount_minor)::bigint AS amount_minor"
        "  FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        "  JOIN ledger.account a ON a.id = e.account_id"
        "  WHERE t.kind IN ('deposit_received', 'pool_filled') AND a.kind = 'processor_clearing'"
        "  GROUP BY 1, 2) posted ON posted.cause_id = d.id AND posted.currency = d.currency"
        " WHERE posted.amount_minor IS DISTINCT FROM"
        "  CASE WHEN d.status = 'succeeded' THEN d.amount_minor END",
    ),
    Check(
        "W5",
        "money that an operator moved between processors is posted once, as it was written down",
        "SELECT f.id, t.cause_id FROM processor_funding f"
        " FULL JOIN (SELECT t.cause_id, e.amount_minor, a.currency, a.owner"
        "  FROM ledger.transaction t"
        "  JOIN ledger.entry e ON e.transaction_id = t.id AND e.amount_minor > 0"
        "  JOIN ledger.account a ON a.id = e.account_id"
        "  WHERE t.kind = 'processor_funded') t"
        " ON t.cause_id = f.id AND t.amount_minor = f.amount_minor AND t.currency = f.currency"
        "  AND t.owner = 'processor:' || f.to_processor"
        " WHERE f.id IS NULL OR t.cause_id IS NULL",
    ),
    Check(
        "R1",
        "what went back of a deposit, refunded or disputed, is at most the deposit",
        "SELECT d.id FROM deposit d JOIN (SELECT deposit_id, amount_minor FROM refund"
        "  WHERE status <> 'failed'"
        "  UNION ALL SELECT deposit_id, withdrawn_minor - reinstated_minor FROM dispute) b"
        " ON b.deposit_id = d.id GROUP BY d.id HAVING sum(b.amount_minor) > d.amount_minor",
    ),
    Check(
        "R2",
        "the money set aside for a brand's refunds is that of its refunds under way",
        "SELECT a.owner, a.currency, a.balance_minor, q.amount_minor FROM ledger.account a"
        " FULL JOIN (SELECT 'brand:' || replace(brand_id::text, '-', '') AS owner, currency,"
        "  sum(amount_minor)::bigint AS amount_minor FROM refund WHERE status = 'requested'"
        "  GROUP BY 1, 2) q ON q.owner = a.owner AND q.currency = a.currency"
        "  AND a.kind = 'refund_reserved'"
        " WHERE coalesce(a.kind, 'refund_reserved') = 'refund_reserved'"
        " AND -coalesce(a.balance_minor, 0) <> coalesce(q.amount_minor, 0)",
    ),
    Check(
        "R3",
        "what a dispute took and gave back is in the books as its row says, its debt apart",
        "SELECT d.id, p.taken_minor, p.debt_minor, p.back_minor FROM dispute d LEFT JOIN LATERAL ("
        "  SELECT sum(e.amount_minor) FILTER (WHERE t.kind = 'dispute_withdrawn'"
        "    AND a.kind IN ('brand_available', 'fund_pool', 'gift_pool'))::bigint AS taken_minor,"
        "   sum(e.amount_minor) FILTER (WHERE t.kind = 'dispute_withdrawn'"
        "    AND a.kind IN ('brand_debt', 'platform_fees'))::bigint AS debt_minor,"
        "   -sum(e.amount_minor) FILTER"
        "    (WHERE t.kind = 'dispute_reinstated')::bigint AS back_minor"
        "  FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        "  JOIN ledger.account a ON a.id = e.account_id AND a.currency = d.currency"
        "   AND CASE WHEN d.brand_id IS NULL THEN a.owner = 'platform' OR (a.kind ="
        "     (SELECT purpose FROM deposit WHERE id = d.deposit_id))"
        "    ELSE a.owner = 'brand:' || replace(d.brand_id::text, '-', '') END"
        "  WHERE t.cause_id = d.id) p ON true"
        " WHERE coalesce(p.taken_minor, 0) <> d.withdrawn_minor - d.debt_minor"
        " OR coalesce(p.debt_minor, 0) <> d.debt_minor"
        " OR coalesce(p.back_minor, 0) <> d.reinstated_minor"
        " UNION ALL SELECT t.id, NULL, NULL, NULL FROM ledger.transaction t"
        "  WHERE t.kind IN ('dispute_withdrawn', 'dispute_reinstated')"
        "  AND NOT EXISTS (SELECT FROM dispute d WHERE d.id = t.cause_id)",
    ),
    Check(
        "R4",
        "what a brand owes is what its disputes left as debt, less what it repaid",
        "SELECT q.owner, q.currency, a.balance_minor, q.minor FROM"
        " (SELECT 'brand:' || replace(brand_id::text, '-', '') AS owner, currency,"
        "  sum(minor)::bigint AS minor FROM (SELECT brand_id, currency, debt_minor AS minor"
        "   FROM dispute WHERE brand_id IS NOT NULL"
        "   UNION ALL SELECT brand_id, currency, -amount_minor FROM brand_repayment) b"
        "  GROUP BY 1, 2) q"
        " FULL JOIN (SELECT * FROM ledger.account WHERE kind = 'brand_debt') a"
        "  ON a.owner = q.owner AND a.currency = q.currency"
        " WHERE coalesce(a.balance_minor, 0) <> coalesce(q.minor, 0)",
    ),
    Check(
        "R5",
        "every repayment of a brand's debt was posted, as it was written down",
        "SELECT r.id, t.cause_id FROM brand_repayment r"
        " FULL JOIN (SELECT t.cause_id, -e.amount_minor AS amount_minor, a.owner, a.currency"
        "  FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        "  JOIN ledger.account a ON a.id = e.account_id AND a.kind = 'brand_debt'"
        "  WHERE t.kind = 'brand_debt_repaid') t"
        " ON t.cause_id = r.id AND t.amount_minor = r.amount_minor AND t.currency = r.currency"
        "  AND t.owner = 'brand:' || replace(r.brand_id::text, '-', '')"
        " WHERE r.id IS NULL OR t.cause_id IS NULL",
    ),
    *checks(Deposit.__tablename__, Deposit.MOVES),
    *checks(Dispute.__tablename__, Dispute.MOVES),
    *checks(Refund.__tablename__, Refund.MOVES),
)
