"""What must never be false about money owed."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.earnings.earning import Earning
from marketplace.statuses import checks

# What was taken back of each earning.
_CLAWED = (
    "SELECT k.earning_id, sum(k.net_minor)::bigint AS clawed_minor,"
    " sum(k.platform_fee_minor)::bigint AS fee_minor, sum(k.debt_minor)::bigint AS debt_minor,"
    " count(*) FILTER (WHERE k.currency <> o.currency) AS others"
    " FROM clawback k JOIN earning o ON o.id = k.earning_id GROUP BY 1"
)

CHECKS = (
    Check(
        "G1",
        "a creator's pending balance is what they keep of their pending earnings",
        "SELECT a.owner, a.currency, a.balance_minor, q.net_minor FROM"
        " (SELECT * FROM ledger.account WHERE kind = 'creator_pending') a"
        " FULL JOIN (SELECT 'creator:' || replace(creator_id::text, '-', '') AS owner, currency,"
        "  sum(net_minor - coalesce(c.clawed_minor, 0))::bigint AS net_minor FROM earning g"
        f"  LEFT JOIN ({_CLAWED}) c ON c.earning_id = g.id WHERE status = 'pending'"
        "  GROUP BY 1, 2) q ON q.owner = a.owner AND q.currency = a.currency"
        " WHERE -coalesce(a.balance_minor, 0) <> coalesce(q.net_minor, 0)",
    ),
    Check(
        "G3",
        "what a creator has contested is what they keep of their contested earnings",
        "SELECT a.owner, a.currency, a.balance_minor, q.net_minor FROM"
        " (SELECT * FROM ledger.account WHERE kind = 'creator_contested') a"
        " FULL JOIN (SELECT 'creator:' || replace(creator_id::text, '-', '') AS owner, currency,"
        "  sum(net_minor - coalesce(c.clawed_minor, 0))::bigint AS net_minor FROM earning g"
        f"  LEFT JOIN ({_CLAWED}) c ON c.earning_id = g.id WHERE status = 'contested'"
        "  GROUP BY 1, 2) q ON q.owner = a.owner AND q.currency = a.currency"
        " WHERE -coalesce(a.balance_minor, 0) <> coalesce(q.net_minor, 0)",
    ),
    Check(
        "G5",
        "an earning became available only when it had matured",
        "SELECT g.id, g.matures_at, m.at FROM earning g JOIN status_change m"
        " ON m.thing = 'earning' AND m.thing_id = g.id AND m.event = 'mature'"
        " WHERE m.at < g.matures_at",
    ),
    Check(
        "G4",
        "a hold set its amount aside once; it lasts exactly while its earning is contested",
        "SELECT h.id FROM earning_hold h JOIN earning g ON g.id = h.earning_id, LATERAL ("
        "  SELECT coalesce(-sum(e.amount_minor) FILTER (WHERE t.kind = 'earning_contested'), 0)"
        "    AS held_minor, count(*) FILTER (WHERE t.kind = 'earning_released') AS releases"
        "  FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        "  JOIN ledger.account a ON a.id = e.account_id AND a.kind = 'creator_contested'"
        "   AND a.owner = 'creator:' || replace(g.creator_id::text, '-', '')"
        "  WHERE t.cause_type = 'earning_hold' AND t.cause_id = h.id) p"
        " WHERE p.held_minor <> h.amount_minor OR h.currency <> g.currency"
        # Every one but the last was released; the last one unless it lasts, or the contest stood.
        " OR CASE WHEN h.id = (SELECT id FROM earning_hold WHERE earning_id = g.id"
        "   ORDER BY id DESC LIMIT 1)"
        "   THEN (g.status = 'contested' AND p.releases <> 0)"
        "    OR (g.status IN ('pending', 'available') AND p.releases <> 1)"
        "   ELSE p.releases <> 1 END"
        " UNION ALL SELECT g.id FROM earning g WHERE g.status = 'contested'"
        "  AND NOT EXISTS (SELECT FROM earning_hold WHERE earning_id = g.id)",
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
    Check(
        "C3",
        "clawbacks of an earning are at most its net, its fee in proportion; all of it if reversed",
        f"SELECT g.id FROM earning g JOIN ({_CLAWED}) c ON c.earning_id = g.id"
        " WHERE c.clawed_minor > g.net_minor OR c.fee_minor > g.platform_fee_minor"
        " OR c.others > 0"
        # Half a unit of rounding at most: fee kept / fee = net kept / net.
        " OR 2 * abs((g.platform_fee_minor - c.fee_minor)::numeric * g.net_minor"
        "  - g.platform_fee_minor::numeric * (g.net_minor - c.clawed_minor)) > g.net_minor"
        " OR (g.status IN ('pending', 'contested') AND c.clawed_minor = g.net_minor)"
        # Debt is left of what was paid out; of that, only a contest can reverse the rest.
        " OR (g.status = 'reversed' AND (c.clawed_minor <> g.net_minor OR (c.debt_minor > 0"
        "  AND NOT EXISTS (SELECT FROM earning_hold h WHERE h.earning_id = g.id))))"
        " UNION ALL SELECT g.id FROM earning g WHERE g.status = 'reversed'"
        "  AND NOT EXISTS (SELECT FROM clawback WHERE earning_id = g.id)",
    ),
    Check(
        "C4",
        "every clawback was posted once: its net taken or left as debt, its fee out of ours",
        "SELECT k.id FROM clawback k JOIN earning g ON g.id = k.earning_id, LATERAL ("
        "  SELECT count(DISTINCT t.id) AS postings,"
        "   coalesce(sum(e.amount_minor) FILTER (WHERE a.owner = w.owner"
        "    AND a.kind IN ('creator_pending', 'creator_available', 'creator_contested')), 0)"
        "    AS taken_minor,"
        "   coalesce(sum(e.amount_minor) FILTER (WHERE a.owner = w.owner"
        "    AND a.kind = 'creator_debt'), 0) AS debt_minor,"
        "   coalesce(sum(e.amount_minor) FILTER (WHERE a.kind = 'platform_fees'), 0) AS fee_minor,"
        "   count(*) FILTER (WHERE a.currency <> g.currency) AS foreign"
        "  FROM (SELECT 'creator:' || replace(g.creator_id::text, '-', '') AS owner) w"
        "  JOIN ledger.transaction t ON t.cause_id = k.id AND t.kind = 'earning_clawed_back'"
        "  JOIN ledger.entry e ON e.transaction_id = t.id"
        "  JOIN ledger.account a ON a.id = e.account_id) p"
        " WHERE p.postings <> 1 OR p.taken_minor <> k.net_minor - k.debt_minor"
        " OR p.debt_minor <> k.debt_minor OR p.fee_minor <> k.platform_fee_minor"
        " OR p.foreign > 0",
    ),
    *checks(Earning.__tablename__, Earning.MOVES),
)
