"""What must never be false about challenges and contests."""

from __future__ import annotations

from marketplace.challenges.challenge import Challenge
from marketplace.challenges.entry import Entry
from marketplace.database.check import Check
from marketplace.statuses import checks

_RESERVED = (
    "LEFT JOIN ledger.account a ON a.kind = 'reserved' AND a.currency = c.currency"
    " AND a.owner = 'challenge:' || replace(c.id::text, '-', '')"
)
_LATEST = (
    "(SELECT DISTINCT ON (challenge_id) id, challenge_id, returned_minor FROM result_sheet"
    " ORDER BY challenge_id, version DESC)"
)
_REF = "'prize:' || replace(c.id::text, '-', '') || ':' || replace(r.entry_id::text, '-', '')"
_RULES = "c.rules::jsonb"

CHECKS = (
    Check(
        "K1.challenge",
        "each prize of an awarded challenge is one earning of its winner, and there is no other",
        "SELECT won.ref, g.source_ref, won.prize_minor, g.gross_minor FROM"
        f" (SELECT {_REF} AS ref, n.creator_id, r.prize_minor, c.currency FROM challenge c"
        f"  JOIN {_LATEST} s ON s.challenge_id = c.id JOIN result_row r ON r.sheet_id = s.id"
        "  JOIN challenge_entry n ON n.id = r.entry_id"
        "  WHERE c.status = 'awarded' AND r.prize_minor > 0) won"
        " FULL JOIN (SELECT * FROM earning WHERE kind = 'prize' AND source_ref LIKE 'prize:%') g"
        "  ON g.source_ref = won.ref"
        " WHERE (won.creator_id, won.prize_minor, won.currency)"
        "  IS DISTINCT FROM (g.creator_id, g.gross_minor, g.currency)",
    ),
    Check(
        "K2.challenge",
        "a challenge holds its pool from its opening to its award; before less, after nothing",
        "SELECT c.id, c.status, c.pool_minor, a.balance_minor FROM challenge c"
        f" {_RESERVED} WHERE CASE"
        " WHEN c.status IN ('open', 'judging', 'provisional')"
        "  THEN -coalesce(a.balance_minor, 0) <> c.pool_minor"
        " WHEN c.status = 'awaiting_funds' THEN -coalesce(a.balance_minor, 0) >= c.pool_minor"
        " ELSE coalesce(a.balance_minor, 0) <> 0 END",
    ),
    Check(
        "K3.challenge",
        "the rules of a challenge are those it opened with, and what it goes by is what they say",
        "SELECT c.id FROM challenge c WHERE c.rules IS NOT NULL AND"
        " (encode(sha256(convert_to(c.rules, 'UTF8')), 'hex') <> c.rules_sha256"
        f" OR {_RULES} ->> 'kind' <> c.kind OR {_RULES} ->> 'currency' <> c.currency"
        f" OR ({_RULES} ->> 'pool_minor')::bigint <> c.pool_minor"
        f" OR {_RULES} -> 'prizes_minor' <> to_jsonb(c.prizes_minor)"
        " OR (c.kind = 'contest' AND c.pool_minor <> (SELECT sum(m) FROM unnest(c.prizes_minor) m))"
        f" OR NOT ({_RULES} -> 'entrants') @> c.criteria"
        f" OR ({_RULES} ->> 'first_day')::date <> c.opens_on"
        f" OR ({_RULES} ->> 'last_day')::date <> c.closes_on"
        f" OR ({_RULES} ->> 'entries_close_at')::timestamptz <> c.closes_at"
        f" OR ({_RULES} ->> 'platform_fee_bps')::bigint <> c.platform_fee_bps"
        f" OR ({_RULES} ->> 'maturity_days')::bigint <> c.maturity_days)",
    ),
    Check(
        "K4.challenge",
        "what a result sheet awards and gives back is its challenge's pool, to the cent",
        "SELECT s.id, s.challenge_id, s.version FROM result_sheet s"
        " JOIN challenge c ON c.id = s.challenge_id"
        " LEFT JOIN result_row r ON r.sheet_id = s.id GROUP BY s.id, c.id"
        " HAVING coalesce(sum(r.prize_minor), 0) + s.returned_minor <> c.pool_minor",
    ),
    Check(
        "K5.challenge",
        "the result sheet that stands names the valid entries of its challenge and nobody else",
        "SELECT c.id, named.entry_id, n.id AS valid_entry FROM challenge c"
        f" JOIN {_LATEST} s ON s.challenge_id = c.id"
        " CROSS JOIN LATERAL (SELECT entry_id FROM result_row WHERE sheet_id = s.id) named"
        " LEFT JOIN challenge_entry n"
        "  ON n.id = named.entry_id AND n.challenge_id = c.id AND n.status = 'valid'"
        " WHERE n.id IS NULL"
        " UNION ALL SELECT c.id, NULL, n.id FROM challenge c"
        f" JOIN {_LATEST} s ON s.challenge_id = c.id"
        " JOIN challenge_entry n ON n.challenge_id = c.id AND n.status = 'valid'"
        " WHERE NOT EXISTS (SELECT FROM result_row r"
        "  WHERE r.sheet_id = s.id AND r.entry_id = n.id)",
    ),
    *checks(Challenge.__tablename__, Challenge.MOVES),
    *checks(Entry.__tablename__, Entry.MOVES),
)
