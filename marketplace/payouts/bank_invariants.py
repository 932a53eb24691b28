"""What must never be false about bank files. Ids as in the list of invariants in docs/money.md.

The database sees a file's seal, not its content: `flask payouts check-files` opens each one.
"""

from __future__ import annotations

from marketplace.database.check import Check

_LEFT = "p.status IN ('sending', 'unknown', 'unclaimed', 'paid', 'returned', 'failed')"

CHECKS = (
    Check(
        "BF1",
        "a payout to a bank account left in exactly one file, that of its run; no other payout is"
        " in one",
        "SELECT p.id, p.status, f.run_id FROM payout p"
        " JOIN destination d ON d.id = p.destination_id"
        " LEFT JOIN bank_file_payment x ON x.payout_id = p.id"
        " LEFT JOIN bank_file f ON f.id = x.file_id"
        f" WHERE (d.processor = 'bank' AND {_LEFT}) <> (x.payout_id IS NOT NULL)"
        " OR f.run_id <> p.run_id"
        " UNION ALL SELECT payout_id, 'twice', NULL FROM bank_file_payment"
        "  GROUP BY payout_id HAVING count(*) > 1",
    ),
    Check(
        "BF2",
        "a file pays the sum of its payouts, each its amount, in its currency",
        "SELECT f.id FROM bank_file f LEFT JOIN bank_file_payment x ON x.file_id = f.id"
        " LEFT JOIN payout p ON p.id = x.payout_id GROUP BY f.id"
        " HAVING f.payments <> count(p.id)"
        " OR f.total_minor <> coalesce(sum(p.amount_minor), 0)"
        " OR count(p.id) FILTER (WHERE p.amount_minor <> x.amount_minor"
        "  OR p.currency <> f.currency) > 0",
    ),
    Check(
        "BF3",
        "a file is the one that was made",
        "SELECT id FROM bank_file WHERE encode(sha256(sealed_content), 'hex') <> sealed_sha256"
        " OR message_id <> replace(run_id::text, '-', '') || lpad(number::text, 3, '0')",
    ),
    Check(
        "BF4",
        "a payout in a file stands where the bank's answers, each of a named operator, put it",
        "SELECT p.id, p.status FROM bank_file_payment x JOIN payout p ON p.id = x.payout_id"
        " LEFT JOIN bank_answer e ON e.payout_id = p.id AND e.kind = 'executed'"
        " LEFT JOIN bank_answer j ON j.payout_id = p.id AND j.kind = 'rejected'"
        " LEFT JOIN bank_answer r ON r.payout_id = p.id AND r.kind = 'returned'"
        " WHERE (p.status = 'paid') <> (e.id IS NOT NULL AND r.id IS NULL)"
        " OR (p.transfer_ref IS NOT NULL) <> (e.id IS NOT NULL)"
        " OR (p.status = 'failed' OR (p.status = 'returned' AND p.transfer_ref IS NULL))"
        "  <> (j.id IS NOT NULL)"
        " OR (r.id IS NOT NULL AND e.id IS NULL)"
        " UNION ALL SELECT a.payout_id, a.recorded_by FROM bank_answer a"
        ' WHERE NOT EXISTS (SELECT FROM "user" u WHERE u.is_operator'
        "  AND a.recorded_by = 'user:' || replace(u.id::text, '-', ''))",
    ),
    Check(
        "BF5",
        "a bank account was accepted by an operator who is not its creator",
        "SELECT d.id, d.status FROM destination d JOIN creator c ON c.id = d.creator_id"
        " WHERE d.processor = 'bank' AND d.usable_at IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM status_change s WHERE s.thing = 'destination'"
        "  AND s.thing_id = d.id AND s.event = 'activate' AND s.actor <> 'system'"
        "  AND s.actor <> 'user:' || replace(c.user_id::text, '-', ''))"
        " UNION ALL SELECT d.id, 'no account' FROM destination d"
        " WHERE d.processor = 'bank'"
        "  AND NOT EXISTS (SELECT FROM bank_account b WHERE b.destination_id = d.id)",
    ),
)
