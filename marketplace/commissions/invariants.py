"""What must never be false about sales and the commissions on them."""

from __future__ import annotations

from marketplace.commissions.sale import Sale
from marketplace.database.check import Check
from marketplace.statuses import checks

_KEPT = "(g.net_minor - coalesce((SELECT sum(net_minor) FROM clawback WHERE earning_id = g.id), 0))"
_FEE = (
    "(g.platform_fee_minor - coalesce((SELECT sum(platform_fee_minor) FROM clawback"
    " WHERE earning_id = g.id), 0))"
)

# What operators took back of each earning, whatever its sale says.
_TAKEN_BACK = (
    "SELECT earning_id, sum(net_minor) AS net_minor FROM clawback"
    " WHERE source_ref LIKE 'operator:%' GROUP BY 1"
)

CHECKS = (
    Check(
        "C1.sale",
        "a sale gives at most one commission, to its creator, in its currency",
        "SELECT g.id, g.source_ref, s.id AS sale_id FROM earning g FULL JOIN sale s"
        " ON s.earning_id = g.id WHERE (s.earning_id IS NOT NULL OR g.source_ref LIKE 'sale:%')"
        " AND (g.id IS NULL OR s.id IS NULL OR g.kind <> 'commission'"
        " OR g.source_ref <> 'sale:' || replace(s.id::text, '-', '')"
        " OR g.creator_id IS DISTINCT FROM s.creator_id OR g.currency <> s.currency)",
    ),
    Check(
        "C2.sale",
        "a commission is at most the price paid that it is a share of",
        "SELECT s.id, s.commission_minor, s.base_minor FROM sale s"
        " LEFT JOIN earning g ON g.id = s.earning_id"
        " WHERE s.commission_minor > coalesce(s.base_minor, 0)"
        " OR g.net_minor > s.base_minor",
    ),
    Check(
        "C3.sale",
        "what was refunded of an order is the sum of its refunds, each counted once",
        "SELECT s.id, s.refunded_minor FROM sale s WHERE s.refunded_minor <>"
        " coalesce((SELECT sum(amount_minor) FROM sale_refund WHERE sale_id = s.id), 0)",
    ),
    Check(
        "C4.sale",
        "of a sale the creator keeps its rate of what is left, to one minor unit, and we our fee;"
        " nothing of one whose contest stood, and less by no more than what operators took back",
        "SELECT s.id, s.commission_minor, s.platform_fee_minor FROM sale s"
        " JOIN promo_code c ON c.id = s.promo_code_id JOIN earning g ON g.id = s.earning_id"
        " LEFT JOIN clawback h ON h.earning_id = g.id AND h.source_ref LIKE 'hold:%'"
        f" LEFT JOIN ({_TAKEN_BACK}) o ON o.earning_id = g.id"
        f" WHERE (h.id IS NOT NULL AND {_KEPT} <> 0)"
        f" OR (h.id IS NULL AND o.net_minor IS NOT NULL AND {_KEPT} NOT BETWEEN"
        "  s.commission_minor - o.net_minor AND s.commission_minor)"
        " OR (h.id IS NULL AND o.net_minor IS NULL"
        f" AND ({_KEPT} <> s.commission_minor OR {_FEE} <> s.platform_fee_minor))"
        " OR abs(s.commission_minor - c.rate_bps / 10000.0"
        " * CASE WHEN c.fee_on_top THEN 1 ELSE 1 - c.platform_fee_bps / 10000.0 END"
        " * CASE WHEN s.is_canceled THEN 0"
        " ELSE greatest(s.base_minor - s.refunded_minor, 0) END) > 1",
    ),
    Check(
        "C5.sale",
        "nobody earns by their own purchase",
        "SELECT s.id FROM sale s JOIN earning g ON g.id = s.earning_id"
        ' JOIN creator c ON c.id = g.creator_id JOIN "user" u ON u.id = c.user_id'
        " WHERE s.buyer = encode(sha256(convert_to(u.email, 'UTF8')), 'hex')",
    ),
    *checks(Sale.__tablename__, Sale.MOVES),
)
