"""What must never be false about money out. Ids as in the list of invariants in docs/money.md."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.parties.closing import AccountClosing
from marketplace.payouts import (
    bank_invariants,
    line_invariants,
    rest_invariants,
    solvency_invariants,
)
from marketplace.payouts.creator_hold import CreatorHold
from marketplace.payouts.destination import COOLING, Destination
from marketplace.payouts.payout import OPEN_SQL, Payout
from marketplace.payouts.recovery import RECOVERY_BPS
from marketplace.payouts.run import PayoutRun
from marketplace.processors.stripe_amounts import PAYOUT_STEPS
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


def _held(account: str) -> str:
    """SQL: all accounts of one kind, as a."""
    return f"(SELECT * FROM ledger.account WHERE kind = '{account}') a"


_CAME_BACK = "p.status = 'returned' AND p.transfer_ref IS NOT NULL"
_NEVER_CLAIMED = "p.status = 'returned' AND p.transfer_ref IS NULL"
_LATE = "p.late_debt_minor IS NOT NULL"  # it failed, and arrived after all
# Of payout p: what it recovered of debt is not back.
_LIVE = f"p.status NOT IN ('failed', 'canceled') AND NOT ({_NEVER_CLAIMED}) AND NOT ({_LATE})"
_STEPS = ", ".join(f"('{currency}', {step})" for currency, step in PAYOUT_STEPS.items())

CHECKS = (
    Check(
        "P1",
        "every payout reserved its amount once, from the available balance, and recovered its debt",
        f"SELECT p.id FROM payout p, LATERAL ({_moved('payout_reserved', 'creator_available')}) f,"
        f" LATERAL ({_moved('payout_reserved', 'payout_reserved')}) t,"
        f" LATERAL ({_moved('payout_reserved', 'creator_debt')}) d"
        " WHERE f.postings <> 1 OR t.postings <> 1"
        " OR f.amount_minor <> p.amount_minor + p.recovered_minor"
        " OR t.amount_minor <> -p.amount_minor OR d.amount_minor <> -p.recovered_minor",
    ),
    Check(
        "P2",
        "what is reserved for a creator's payouts is the sum of their open payouts",
        "SELECT a.owner, a.currency, a.balance_minor, q.amount_minor FROM"
        " (SELECT * FROM ledger.account WHERE kind = 'payout_reserved') a"
        f" FULL JOIN (SELECT {_OWNER} AS owner, p.currency,"
        "  sum(p.amount_minor)::bigint AS amount_minor FROM payout p"
        f"  WHERE {OPEN_SQL} GROUP BY 1, 2) q"
        "  ON q.owner = a.owner AND q.currency = a.currency"
        " WHERE -coalesce(a.balance_minor, 0) <> coalesce(q.amount_minor, 0)",
    ),
    Check(
        "P3",
        "a payout is paid if and only if the books paid it, ended unpaid if they gave it back,"
        " returned if they paid it and took it back, or gave back what nobody claimed; one that"
        " arrived late was given back and paid",
        "SELECT p.id, p.status FROM payout p,"
        f" LATERAL ({_moved('payout_paid', 'payout_reserved')}) s,"
        f" LATERAL ({_moved('payout_released', 'payout_reserved')}) r,"
        f" LATERAL ({_moved('payout_returned', 'creator_available')}) b"
        f" WHERE ((p.status = 'paid' OR {_CAME_BACK}) AND NOT ({_LATE})) <> (s.postings > 0)"
        f" OR ({_CAME_BACK}) <> (b.postings > 0)"
        f" OR (p.status IN ('failed', 'canceled') OR {_NEVER_CLAIMED} OR {_LATE})"
        "  <> (r.postings > 0)",
    ),
    Check(
        "P4",
        "a paid payout moved exactly its amount, once",
        f"SELECT p.id FROM payout p, LATERAL ({_moved('payout_paid', 'payout_reserved')}) s"
        " WHERE s.postings > 1 OR (s.postings = 1 AND s.amount_minor <> p.amount_minor)",
    ),
    Check(
        "P5",
        "a payout that ended unpaid gave all of it back, once, and the debt it had recovered",
        f"SELECT p.id FROM payout p, LATERAL ({_moved('payout_released', 'creator_available')}) s,"
        f" LATERAL ({_moved('payout_released', 'creator_debt')}) d"
        " WHERE s.postings > 1 OR (s.postings = 1"
        "  AND (s.amount_minor <> -p.amount_minor - p.recovered_minor"
        "   OR d.amount_minor <> p.recovered_minor))",
    ),
    Check(
        "P6",
        "a returned payout gave back exactly what was paid, once, and no debt it had recovered",
        "SELECT p.id FROM payout p,"
        f" LATERAL ({_moved('payout_returned', 'creator_available')}) b,"
        f" LATERAL ({_moved('payout_returned', 'creator_debt')}) d"
        " WHERE b.postings > 1 OR d.postings > 0"
        " OR (b.postings = 1 AND b.amount_minor <> -p.amount_minor)",
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
        "P12",
        "a payout that arrived late took its amount from what was there, and else as debt; no other"
        " did",
        "SELECT p.id FROM payout p,"
        f" LATERAL ({_moved('payout_arrived_late', 'creator_available')}) s,"
        f" LATERAL ({_moved('payout_arrived_late', 'creator_debt')}) d"
        " WHERE d.amount_minor <> coalesce(p.late_debt_minor, 0)"
        f" OR s.amount_minor <> CASE WHEN {_LATE} THEN p.amount_minor - p.late_debt_minor"
        "  ELSE 0 END",
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
        "P11",
        "a run that an operator approved is not one that they opened, are paid by, or last"
        " changed a destination of",
        "SELECT r.id, a.actor FROM payout_run r JOIN status_change a ON a.thing = 'payout_run'"
        " AND a.thing_id = r.id AND a.event = 'approve' AND a.actor <> 'system'"
        " WHERE EXISTS (SELECT FROM status_change m WHERE m.thing = 'payout_run'"
        "  AND m.thing_id = r.id AND m.event = 'create' AND m.actor = a.actor)"
        " OR EXISTS (SELECT FROM payout p JOIN creator c ON c.id = p.creator_id"
        "  WHERE p.run_id = r.id AND (a.actor = 'user:' || replace(c.user_id::text, '-', '')"
        "   OR a.actor = (SELECT d.actor FROM status_change d WHERE d.thing = 'destination'"
        "    AND d.thing_id = p.destination_id AND d.actor <> 'system' AND d.id < a.id"
        "    ORDER BY d.id DESC LIMIT 1)))",
    ),
    Check(
        "U1",
        "a payout left only after its run was approved, and none of a rejected run",
        "SELECT p.id, p.run_id FROM payout p JOIN status_change s ON s.thing = 'payout'"
        " AND s.thing_id = p.id AND s.event = 'send' WHERE NOT EXISTS (SELECT FROM status_change a"
        "  WHERE a.thing = 'payout_run' AND a.thing_id = p.run_id AND a.event = 'approve'"
        "  AND (a.id < s.id OR a.at <= s.at))"
        " UNION SELECT p.id, p.run_id FROM payout p JOIN payout_run r ON r.id = p.run_id"
        " WHERE p.asked_at IS NOT NULL AND r.status NOT IN ('sending', 'done')",
    ),
    Check(
        "U2",
        "what a run includes are its payouts, each with its creator and currency",
        "SELECT p.id, p.run_id FROM payout p WHERE NOT EXISTS (SELECT FROM payout_run_line l"
        "  WHERE l.payout_id = p.id AND l.run_id = p.run_id AND l.creator_id = p.creator_id"
        "  AND l.currency = p.currency)",
    ),
    Check(
        "U3",
        "a payout left only to a destination that had cooled off",
        "SELECT p.id, d.id FROM payout p JOIN destination d ON d.id = p.destination_id"
        " JOIN status_change s ON s.thing = 'payout' AND s.thing_id = p.id AND s.event = 'send'"
        " WHERE d.usable_at IS NULL OR s.at < d.usable_at"
        f"  + interval '{COOLING.total_seconds():.0f} seconds'",
    ),
    Check(
        "U4",
        "no payout left to a destination that its creator had replaced",
        "SELECT p.id, p.destination_id FROM payout p"
        " JOIN status_change s ON s.thing = 'payout' AND s.thing_id = p.id AND s.event = 'send'"
        " JOIN status_change r ON r.thing = 'destination' AND r.thing_id = p.destination_id"
        "  AND r.event = 'replace' AND r.id < s.id",
    ),
    Check(
        "U5",
        "no payout left to a creator while a hold kept everything back",
        "SELECT p.id, h.id AS hold FROM payout p JOIN creator_hold h ON h.creator_id = p.creator_id"
        " JOIN status_change s ON s.thing = 'payout' AND s.thing_id = p.id AND s.event = 'send'"
        " JOIN status_change c ON c.thing = 'creator_hold' AND c.thing_id = h.id"
        "  AND c.event = 'create' AND c.id < s.id"
        " WHERE NOT EXISTS (SELECT FROM status_change l WHERE l.thing = 'creator_hold'"
        "  AND l.thing_id = h.id AND l.event = 'lift' AND l.id < s.id)",
    ),
    Check(
        "U6",
        "what paid a payout is what its request made",
        "SELECT p.id, p.transfer_ref, r.remote_id FROM payout p JOIN processor_request r"
        " ON r.op = 'trf' AND r.subject_id = p.id AND r.state = 'done'"
        " WHERE p.transfer_ref <> r.remote_id",
    ),
    Check(
        "U7",
        "nothing was made, or may have been, for a payout that was called off",
        "SELECT p.id, r.idem_key, r.state FROM payout p JOIN processor_request r"
        " ON r.op = 'trf' AND r.subject_id = p.id"
        " WHERE p.status = 'canceled' AND r.state IN ('ready', 'sent', 'unknown', 'done')",
    ),
    Check(
        "Q1",
        "a payout is a multiple of what the processor can pay in its currency",
        "SELECT p.id, p.amount_minor, p.currency FROM payout p"
        f" JOIN (VALUES {_STEPS}) s (currency, step_minor) ON s.currency = p.currency"
        " WHERE p.amount_minor % s.step_minor <> 0",
    ),
    Check(
        "Q2",
        "a payout recovered at most a quarter of what it took from the balance, rounded half-even",
        "SELECT id, amount_minor, recovered_minor FROM payout"
        f" WHERE 10000 * recovered_minor::numeric > {RECOVERY_BPS} * (amount_minor"
        "  + recovered_minor)::numeric + 5000",
    ),
    Check(
        "T1",
        "a payout below the threshold of its day says why, and that was so: the account closes, or"
        " the rule of the sweep was on",
        "SELECT p.id, p.lifted_for FROM payout p CROSS JOIN LATERAL (SELECT t.amount_minor"
        "  FROM payout_threshold t WHERE t.currency = p.currency"
        "  AND t.effective_on <= (p.created_at AT TIME ZONE 'UTC')::date"
        "  ORDER BY t.effective_on DESC LIMIT 1) t"
        f" LEFT JOIN (VALUES {_STEPS}) s (currency, step_minor) ON s.currency = p.currency"
        " WHERE (p.lifted_for IS NULL AND t.amount_minor - p.amount_minor - p.recovered_minor"
        "   >= coalesce(s.step_minor, 1))"
        " OR (p.lifted_for = 'closing' AND NOT EXISTS (SELECT FROM account_closing c"
        "  JOIN status_change b ON b.thing = 'account_closing' AND b.thing_id = c.id"
        "  AND b.event = 'create' WHERE c.creator_id = p.creator_id AND b.at <= p.created_at))"
        " OR (p.lifted_for IN ('holding_limit', 'yearly') AND coalesce((SELECT NOT r.is_on"
        "  FROM payout_sweep r WHERE r.rule = p.lifted_for"
        "  AND r.effective_on <= (p.created_at AT TIME ZONE 'UTC')::date"
        "  ORDER BY r.effective_on DESC LIMIT 1), true))",
    ),
    Check(
        "B1",
        "what a creator has available is what matured, less what was clawed back or paid out of it",
        f"SELECT a.owner, a.currency, a.balance_minor, q.minor FROM {_held('creator_available')}"
        " FULL JOIN (SELECT owner, currency, sum(minor)::bigint AS minor FROM ("
        f"  SELECT {_OWNER} AS owner, p.currency, p.net_minor AS minor FROM earning p"
        "   WHERE p.status = 'available'"
        # Of one that is contested now, what is kept is elsewhere; what became debt was paid out.
        f"  UNION ALL SELECT {_OWNER}, p.currency, k.debt_minor"
        "   - CASE WHEN p.status = 'available' THEN k.net_minor ELSE 0 END"
        "   FROM clawback k JOIN earning p ON p.id = k.earning_id"
        f"  UNION ALL SELECT {_OWNER}, p.currency, -p.recovered_minor"
        "   - CASE WHEN p.status = 'returned' THEN 0 ELSE p.amount_minor END"
        f"   FROM payout p WHERE {_LIVE}"
        f"  UNION ALL SELECT {_OWNER}, p.currency, p.late_debt_minor"
        "   - CASE WHEN p.status = 'returned' THEN 0 ELSE p.amount_minor END"
        f"   FROM payout p WHERE {_LATE}"
        f"  UNION ALL SELECT {_OWNER}, p.currency, -p.amount_minor FROM rest_payment p"
        "  ) parts GROUP BY 1, 2) q ON q.owner = a.owner AND q.currency = a.currency"
        " WHERE -coalesce(a.balance_minor, 0) <> coalesce(q.minor, 0)",
    ),
    Check(
        "B2",
        "what a creator owes is what clawbacks and late arrivals left as debt, less what payouts"
        " recovered",
        f"SELECT a.owner, a.currency, a.balance_minor, q.minor FROM {_held('creator_debt')}"
        " FULL JOIN (SELECT owner, currency, sum(minor)::bigint AS minor FROM ("
        f"  SELECT {_OWNER} AS owner, p.currency, k.debt_minor AS minor"
        "   FROM clawback k JOIN earning p ON p.id = k.earning_id"
        f"  UNION ALL SELECT {_OWNER}, p.currency, -p.recovered_minor"
        f"   FROM payout p WHERE {_LIVE}"
        f"  UNION ALL SELECT {_OWNER}, p.currency, p.late_debt_minor FROM payout p WHERE {_LATE}"
        "  ) parts GROUP BY 1, 2) q"
        "  ON q.owner = a.owner AND q.currency = a.currency"
        " WHERE coalesce(a.balance_minor, 0) <> coalesce(q.minor, 0)",
    ),
    *line_invariants.CHECKS,
    *solvency_invariants.CHECKS,
    *bank_invariants.CHECKS,
    *rest_invariants.CHECKS,
    *checks(AccountClosing.__tablename__, AccountClosing.MOVES),
    *checks(CreatorHold.__tablename__, CreatorHold.MOVES),
    *checks(Destination.__tablename__, Destination.MOVES),
    *checks(PayoutRun.__tablename__, PayoutRun.MOVES),
    *checks(Payout.__tablename__, Payout.MOVES),
)
