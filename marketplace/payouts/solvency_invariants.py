"""What must never be false about a shortfall. Ids as in docs/money.md."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.payouts.shortfall import Shortfall
from marketplace.statuses import checks

CHECKS = (
    Check(
        "V1",
        "a currency is short if and only if its last known cash does not cover what others own",
        "SELECT d.currency, d.day, s.id FROM (SELECT DISTINCT ON (currency) * FROM solvency_day"
        "  WHERE cash_minor IS NOT NULL ORDER BY currency, day DESC) d"
        " FULL JOIN (SELECT * FROM shortfall WHERE status = 'short') s ON s.currency = d.currency"
        " WHERE greatest(coalesce(d.creators_minor + d.brands_minor - d.in_flight_minor"
        "  - d.cash_minor, 0), 0) <> coalesce(s.missing_minor, 0)",
    ),
    Check(
        "V2",
        "no payout left while its currency was short, but for one that leaves in that minute",
        "SELECT p.id, s.id FROM payout p JOIN status_change c ON c.thing = 'payout'"
        " AND c.thing_id = p.id AND c.event = 'send' JOIN shortfall s ON s.currency = p.currency"
        " JOIN status_change b ON b.thing = 'shortfall' AND b.thing_id = s.id"
        "  AND b.event = 'create' WHERE c.at > b.at + interval '1 minute'"
        " AND c.at < CASE WHEN s.status = 'short' THEN 'infinity' ELSE s.status_at END",
    ),
    *checks(Shortfall.__tablename__, Shortfall.MOVES),
)
