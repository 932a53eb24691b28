"""What must never be false about campaigns and agreements."""

from __future__ import annotations

from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.deliverable import Deliverable
from marketplace.database.check import Check
from marketplace.statuses import checks

# What each campaign c holds, what it was given and not given back, what its agreements may take.
_RESERVED = (
    "LEFT JOIN ledger.account a ON a.kind = 'reserved' AND a.currency = c.currency"
    " AND a.owner = 'campaign:' || replace(c.id::text, '-', '')"
)
_GIVEN = (
    "LEFT JOIN LATERAL (SELECT -sum(e.amount_minor)::bigint AS minor FROM ledger.entry e"
    "  JOIN ledger.transaction t ON t.id = e.transaction_id"
    "  WHERE e.account_id = a.id AND t.kind IN ('campaign_reserved', 'campaign_released')) given"
    " ON true"
)
_COMMITTED = (
    "LEFT JOIN LATERAL (SELECT sum(g.gross_minor)::bigint AS minor FROM agreement g"
    "  WHERE g.campaign_id = c.id AND g.status = 'active') committed ON true"
)

CHECKS = (
    Check(
        "E1",
        "a campaign that is over holds what the work under way may take; one not approved, nothing",
        "SELECT c.id, c.status, a.balance_minor, committed.minor FROM campaign c"
        f" {_RESERVED} {_COMMITTED} WHERE c.status NOT IN ('awaiting_funds', 'open')"
        " AND -coalesce(a.balance_minor, 0) <> coalesce(committed.minor, 0)",
    ),
    Check(
        "E2",
        "an open campaign was given its whole budget, one that awaits funds less than it",
        "SELECT c.id, c.status, c.budget_minor, a.balance_minor FROM campaign c"
        f" {_RESERVED} {_GIVEN}"
        " WHERE (c.status = 'open' AND coalesce(given.minor, 0) <> c.budget_minor)"
        " OR (c.status = 'awaiting_funds' AND -coalesce(a.balance_minor, 0) >= c.budget_minor)",
    ),
    Check(
        "K1",
        "what a campaign holds covers what its agreements may take",
        "SELECT c.id, a.balance_minor, committed.minor FROM campaign c"
        f" {_RESERVED} {_COMMITTED}"
        " WHERE -coalesce(a.balance_minor, 0) < coalesce(committed.minor, 0)",
    ),
    Check(
        "K2",
        "a campaign has at most as many agreements as places",
        "SELECT c.id, c.places, count(*) FROM campaign c JOIN agreement g ON g.campaign_id = c.id"
        " WHERE g.status <> 'canceled' GROUP BY c.id, c.places"
        " HAVING count(*) > coalesce(c.places, 0)",
    ),
    Check(
        "K3",
        "an accepted application is one agreement of its creator and campaign, and no other is",
        "SELECT p.id, g.id AS agreement_id FROM"
        " (SELECT * FROM application WHERE status = 'accepted') p"
        " FULL JOIN agreement g ON g.application_id = p.id"
        " WHERE p.id IS NULL OR g.id IS NULL"
        " OR p.campaign_id <> g.campaign_id OR p.creator_id <> g.creator_id",
    ),
    Check(
        "K4",
        "an agreement has one deliverable and is active as long as that is under way",
        "SELECT g.id, g.status, d.status AS work FROM agreement g"
        " LEFT JOIN deliverable d ON d.agreement_id = g.id"
        " WHERE g.status IS DISTINCT FROM CASE d.status WHEN 'approved' THEN 'fulfilled'"
        "  WHEN 'canceled' THEN 'canceled' WHEN 'due' THEN 'active'"
        "  WHEN 'submitted' THEN 'active' WHEN 'revision_due' THEN 'active' END",
    ),
    Check(
        "K5",
        "approved work is owed once, its flat fee as agreed, to its creator; other work is not",
        "SELECT d.id, e.id AS earning_id FROM"
        " (SELECT d.id, g.creator_id, g.gross_minor, g.currency,"
        "   'deliverable:' || replace(d.id::text, '-', '') AS source_ref"
        "   FROM deliverable d JOIN agreement g ON g.id = d.agreement_id"
        "   WHERE d.status = 'approved' AND g.flat_fee_minor IS NOT NULL) d"
        " FULL JOIN (SELECT * FROM earning WHERE kind = 'flat_fee') e"
        "  ON e.source_ref = d.source_ref"
        " WHERE d.id IS NULL OR e.id IS NULL OR e.creator_id <> d.creator_id"
        " OR e.gross_minor <> d.gross_minor OR e.currency <> d.currency",
    ),
    Check(
        "K6",
        "a deliverable was submitted once for each round, revised at most as often as agreed",
        "SELECT d.id, d.status, d.revisions, s.rounds FROM deliverable d"
        " JOIN agreement g ON g.id = d.agreement_id"
        " LEFT JOIN LATERAL (SELECT count(*) AS rounds, max(number) AS last FROM submission s"
        "  WHERE s.deliverable_id = d.id) s ON true"
        " WHERE s.rounds <> coalesce(s.last, 0) OR d.revisions > g.revisions_included"
        " OR (d.status IN ('submitted', 'approved') AND s.rounds <> d.revisions + 1)"
        " OR (d.status NOT IN ('submitted', 'approved') AND s.rounds <> d.revisions)",
    ),
    *checks(Campaign.__tablename__, Campaign.MOVES),
    *checks(Application.__tablename__, Application.MOVES),
    *checks(Agreement.__tablename__, Agreement.MOVES),
    *checks(Deliverable.__tablename__, Deliverable.MOVES),
)
