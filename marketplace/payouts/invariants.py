"""What must never be false about money out. Ids as in the list of invariants in docs/money.md."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun
from marketplace.statuses import checks, legal

_OWNER = "'creator:' || replace(p.creator_id::text, '-', '')"


def _moved(posting: str, account: str) -> str:
    """SQL: how often `posting` happened to payout p, and what it moved on its creator's account."""
    return (
        "SELECT count(*) AS postings, coalesce(sum(e.amount_minor), 0)::bigint AS amount_minor"
        " FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        " JOIN ledger.account a ON a.id = e.account_id"
        f" WHERE t.cause_type = 'payout' AND t.cause_id = p.id AND t.kind = '{posting}'"
        f" AND a.kind = '{account}' AND a.owner = {_OWNER} AND a.currency = p.currency"
    )


CHECKS = (
    Check(
        "P1",
        "every payout reserved exactly its amount, once, from its creator's available balance",
        f"SELECT p.id FROM payout p, LATERAL ({_moved('payout_reserved', 'creator_available')}) f,"
        f" LATERAL ({_moved('payout_reserved', 'payout_reserved')}) t"
        " WHERE f.postings <> 1 OR t.postings <> 1"
        " OR f.amount_minor <> p.amount_minor OR t.amount_minor <> -p.amount_minor",
    ),
    Check(
        "P2",
        "what is reserved for a creator's payouts is the sum of their open payouts",
        "SELECT a.owner, a.currency, a.balance_minor, q.amount_minor FROM"
        " (SELECT * FROM ledger.account WHERE kind = 'payout_reserved') a"
        f" FULL JOIN (SELECT {_OWNER} AS owner, p.currency,"
        "  sum(p.amount_minor)::bigint AS amount_minor FROM payout p"
        "  WHERE p.status IN ('reserved', 'sending', 'unknown', 'held') GROUP BY 1, 2) q"
        "  ON q.owner = a.owner AND q.currency = a.currency"
        " WHERE -coalesce(a.balance_minor, 0) <> coalesce(q.amount_minor, 0)",
    ),
    Check(
        "P3",
        "a payout is paid if and only if the books paid it, ended unpaid if they gave it back",
        "SELECT p.id, p.status FROM payout p,"
        f" LATERAL ({_moved('payout_paid', 'payout_reserved')}) s,"
        f" LATERAL ({_moved('payout_released', 'payout_reserved')}) r"
        " WHERE (p.status = 'paid') <> (s.postings > 0)"
        " OR (p.status IN ('failed', 'canceled')) <> (r.postings > 0)",
    ),
    Check(
        "P4",
        "a paid payout moved exactly its amount, once",
        f"SELECT p.id FROM payout p, LATERAL ({_moved('payout_paid', 'payout_reserved')}) s"
        " WHERE s.postings > 1 OR (s.postings = 1 AND s.amount_minor <> p.amount_minor)",
    ),
    Check(
        "P5",
        "a payout that ended unpaid gave exactly its amount back, once",
        f"SELECT p.id FROM payout p, LATERAL ({_moved('payout_released', 'creator_available')}) s"
        " WHERE s.postings > 1 OR (s.postings = 1 AND s.amount_minor <> -p.amount_minor)",
    ),
    Check(
        "P7",
        "a transfer at the processor belongs to one payout",
        "SELECT transfer_ref FROM payout WHERE transfer_ref IS NOT NULL"
        " GROUP BY 1 HAVING count(*) > 1",
    ),
    Check(
        "P8",
        "a fact is posted once: no kind of posting happens twice to the same cause",
        "SELECT kind, cause_type, cause_id, count(*) FROM ledger.transaction"
        " WHERE kind <> 'campaign_reserved' GROUP BY 1, 2, 3 HAVING count(*) > 1",
    ),
    Check(
        "P10",
        "a payout has moved as the table allows, never to where it was, and keeps its destination",
        "SELECT p.id, c.from_status, c.to_status FROM payout p"
        " JOIN destination d ON d.id = p.destination_id"
        " LEFT JOIN status_change c ON c.thing = 'payout' AND c.thing_id = p.id"
        "  AND (c.from_status = c.to_status OR (c.from_status IS NOT NULL"
        f"   AND (c.from_status, c.event, c.to_status) NOT IN (VALUES {legal(Payout.MOVES)})))"
        " WHERE c.id IS NOT NULL OR d.creator_id <> p.creator_id",
    ),
    Check(
        "Q1",
        "a payout is a multiple of what the processor can pay in its currency",
        # Stripe: three-decimal currencies in steps of ten, HUF, ISK, TWD and UGX in whole units.
        "SELECT id, amount_minor, currency FROM payout WHERE"
        " (currency IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') AND amount_minor % 10 <> 0)"
        " OR (currency IN ('HUF', 'TWD') AND amount_minor % 100 <> 0)",
    ),
    *checks(Destination.__tablename__, Destination.MOVES),
    *checks(PayoutRun.__tablename__, PayoutRun.MOVES),
    *checks(Payout.__tablename__, Payout.MOVES),
)
