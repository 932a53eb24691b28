"""What must never be false about campaigns."""

from __future__ import annotations

from marketplace.campaigns.campaign import Campaign
from marketplace.database.check import Check
from marketplace.statuses import checks

_RESERVED = (
    "LEFT JOIN ledger.account a ON a.kind = 'reserved' AND a.currency = c.currency"
    " AND a.owner = 'campaign:' || replace(c.id::text, '-', '')"
)

CHECKS = (
    Check(
        "E1",
        "a campaign that is over, rejected, or not approved yet holds no reserved money",
        f"SELECT c.id, c.status, a.balance_minor FROM campaign c {_RESERVED}"
        " WHERE c.status NOT IN ('awaiting_funds', 'open') AND coalesce(a.balance_minor, 0) <> 0",
    ),
    Check(
        "E2",
        "an open campaign holds its whole budget, one that awaits funds less than it",
        f"SELECT c.id, c.status, c.budget_minor, a.balance_minor FROM campaign c {_RESERVED}"
        " WHERE (c.status = 'open' AND -coalesce(a.balance_minor, 0) <> c.budget_minor)"
        " OR (c.status = 'awaiting_funds' AND -coalesce(a.balance_minor, 0) >= c.budget_minor)",
    ),
    *checks(Campaign.__tablename__, Campaign.MOVES),
)
