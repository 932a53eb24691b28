"""What must never be false about money in."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.funding.deposit import Deposit
from marketplace.funding.refund import Refund
from marketplace.statuses import checks

CHECKS = (
    Check(
        "W3",
        "every posting of money at a processor goes back to a request we made there, or to a file",
        "SELECT t.id, t.kind FROM ledger.transaction t"
        " WHERE t.kind IN ('deposit_received', 'pool_filled', 'refund_paid', 'payout_paid',"
        "  'payout_returned')"
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
        "what went back of a deposit is at most the deposit",
        "SELECT d.id FROM deposit d JOIN refund r ON r.deposit_id = d.id AND r.status <> 'failed'"
        " GROUP BY d.id HAVING sum(r.amount_minor) > d.amount_minor",
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
    *checks(Deposit.__tablename__, Deposit.MOVES),
    *checks(Refund.__tablename__, Refund.MOVES),
)
