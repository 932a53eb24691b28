"""Books, processor and inbox beside one another, per day, currency and type.

A day is the processor's, in UTC: a posting counts on the day of the movement that it follows,
however late it was made; one that follows none, on its own. What a movement should have been posted
as, its key says (`POSTING_KEY`): one movement, one posting.

The inbox says no amounts. Its sum is of the movements of whose object an event was followed. What
moved after the run began is not in it: its event may be on its way, and the next run has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import text

from marketplace.extensions import db
from marketplace.ledger.audit import CLEARING
from marketplace.money import Money
from marketplace.processors import registry
from marketplace.reconciliation.difference import Gap, Leg

# What a posting on the clearing account is at the processor. A kind that is not here is a type of
# its own, and so a difference, until somebody says what it is.
TYPES = {
    "deposit_received": "charge",
    "pool_filled": "charge",
    "processor_fee_charged": "fee",
    "refund_paid": "refund",
    "refund_bounced": "refund_failure",
    "dispute_withdrawn": "dispute",
    "dispute_reinstated": "dispute_reversal",
    "processor_fee_returned": "fee",
    "payout_paid": "transfer",
    "payout_arrived_late": "transfer",
    "payout_returned": "transfer_refund",
}
FUNDING = ("payout", "topup")  # what an operator moved to another processor, and from there
# Where each batch is asked about by itself, nothing tells of money that arrived.
NEVER_TOLD = "topup"

_HEX = "replace(id::text, '-', '')"
# The key of the posting that a movement `m` should have; NULL = none of ours.
POSTING_KEY = f"""
    CASE m.type
    WHEN 'charge' THEN 'deposit:' || m.source
    WHEN 'fee' THEN 'processor_fee:' || m.remote_id
    WHEN 'refund' THEN (SELECT 'refund_paid:' || {_HEX} FROM refund WHERE refund_ref = m.source)
    WHEN 'refund_failure' THEN
         (SELECT 'refund_bounced:' || {_HEX} FROM refund WHERE refund_ref = m.source)
    WHEN 'dispute' THEN
         (SELECT 'dispute_withdrawn:' || {_HEX} FROM dispute WHERE dispute_ref = m.source)
    WHEN 'dispute_reversal' THEN
         (SELECT 'dispute_reinstated:' || {_HEX} FROM dispute WHERE dispute_ref = m.source)
    WHEN 'transfer' THEN
         (SELECT CASE WHEN late_debt_minor IS NULL THEN 'payout_paid:'
                      ELSE 'payout_arrived_late:' END || {_HEX} FROM payout
           WHERE transfer_ref = m.source)
    WHEN 'transfer_refund' THEN
         (SELECT 'payout_returned:' || {_HEX} FROM payout WHERE transfer_ref = m.source)
    END
"""
# A fee is a movement of its own.
MOVEMENTS = """
    SELECT id, remote_id, processor, type, currency, created_at, amount_minor, source,
           object_kind, object_id
      FROM balance_transaction
     UNION ALL
    SELECT id, remote_id, processor, 'fee', currency, created_at, -fee_minor, source,
           NULL, NULL
      FROM balance_transaction WHERE fee_minor <> 0
"""
_TELLABLE = "(m.object_id IS NOT NULL AND m.created_at <= :listed_at)"
# Was an event about the movement's object followed? Of what came back, the one that says so.
_TOLD = """
    EXISTS (SELECT FROM webhook_event e
             WHERE e.processor = m.processor AND e.object_kind = m.object_kind
               AND e.object_id = m.object_id AND e.state = 'done'
               AND e.event_type LIKE CASE m.type WHEN 'transfer_refund' THEN 'transfer.reversed'
                                                 WHEN 'refund_failure' THEN 'refund.failed'
                                                 ELSE '%' END)
"""
_CASES = " ".join(f"WHEN '{kind}' THEN '{type}'" for kind, type in TYPES.items())
# Both sides, row by row, for others to select from.
SIDES = f"""
    WITH movement AS MATERIALIZED (
        SELECT m.*, (m.created_at AT TIME ZONE 'UTC')::date AS day, {POSTING_KEY} AS posting_key,
               {_TELLABLE} AS is_tellable, {_TELLABLE} AND {_TOLD} AS is_told
          FROM ({MOVEMENTS}) m
         WHERE m.processor = :processor AND m.created_at >= :long_before),
    posting AS (
        SELECT DISTINCT ON (c.id) c.id, c.kind, c.currency, c.amount_minor, m.id AS movement_id,
               CASE c.kind {_CASES}
               WHEN 'processor_funded' THEN
                    CASE WHEN c.amount_minor < 0 THEN '{FUNDING[0]}' ELSE '{FUNDING[1]}' END
               ELSE c.kind END AS type,
               coalesce(m.day, (c.effective_at AT TIME ZONE 'UTC')::date) AS day
          FROM ({CLEARING}) c LEFT JOIN movement m ON m.posting_key = c.idempotency_key
         WHERE c.processor = :processor AND c.effective_at >= :begin
           AND (m.id IS NOT NULL OR c.effective_at <= :listed_at)
         ORDER BY c.id, m.created_at)
"""
_COMPARED = f"""
    {SIDES}
    SELECT day, currency, type, coalesce(sum(theirs), 0)::bigint AS theirs,
           coalesce(sum(ours), 0)::bigint AS ours,
           coalesce(sum(tellable), 0)::bigint AS tellable, coalesce(sum(told), 0)::bigint AS told
      FROM (SELECT day, currency, type, amount_minor AS theirs, NULL::bigint AS ours,
                   CASE WHEN is_tellable THEN amount_minor END AS tellable,
                   CASE WHEN is_told THEN amount_minor END AS told
              FROM movement
             UNION ALL
            SELECT day, currency, type, NULL, amount_minor, NULL, NULL FROM posting) sides
     WHERE day >= :since
     GROUP BY day, currency, type
     ORDER BY day, currency, type
"""


@dataclass(frozen=True)
class Line:
    """What one day moved in one currency and type: what the processor, books and inbox say."""

    day: date
    type: str
    theirs: Money
    ours: Money
    tellable: Money  # what of theirs events could tell of
    told: Money


def compare(processor: str, since: date, listed_at: datetime) -> list[Line]:
    """Every line from a day on; postings after `listed_at` only if they follow a movement."""
    rows = db.session.execute(
        text(_COMPARED), {**sides_of(processor, since, listed_at), "since": since}
    )
    return [
        Line(row.day, row.type, *(Money(it, row.currency) for it in row[3:])) for row in rows.all()
    ]


def sides_of(processor: str, since: date, listed_at: datetime) -> dict[str, object]:
    """The parameters of `SIDES`."""
    begin = datetime.combine(since, time.min, UTC)
    # A posting follows its movement by no more than this.
    long_before = begin - timedelta(days=90)
    told = {"begin": begin, "long_before": long_before, "listed_at": listed_at}
    return {"processor": processor, **told}


def gaps(processor: str, lines: list[Line]) -> Iterator[Gap]:
    """What of them does not agree."""
    lists = registry.get(processor).lists
    for line in lines:
        if line.theirs != line.ours and (lists or line.type != NEVER_TOLD):
            yield Gap(Leg.BOOKS, line.day, line.type, line.theirs, line.ours)
        if line.tellable != line.told and lists:
            yield Gap(Leg.INBOX, line.day, line.type, line.tellable, line.told)
