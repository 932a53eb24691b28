"""What must never be false about the rests of accounts that close. Ids as in docs/money.md."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.processors.stripe_amounts import PAYOUT_STEPS

_STEPS = ", ".join(f"('{currency}', {step})" for currency, step in PAYOUT_STEPS.items())

CHECKS = (
    Check(
        "P13",
        "the rest of an account that closes was paid once, as it was written down, to its creator,"
        " and was less than a payout can be",
        "SELECT r.id, t.cause_id FROM rest_payment r"
        " FULL JOIN (SELECT t.cause_id, c.currency, c.owner AS creator, p.owner AS processor,"
        "  e.amount_minor, count(*) OVER (PARTITION BY t.cause_id) AS postings"
        "  FROM ledger.transaction t"
        "  JOIN ledger.entry e ON e.transaction_id = t.id"
        "  JOIN ledger.account c ON c.id = e.account_id AND c.kind = 'creator_available'"
        "  JOIN ledger.entry f ON f.transaction_id = t.id"
        "  JOIN ledger.account p ON p.id = f.account_id AND p.kind = 'processor_clearing'"
        "  WHERE t.kind = 'rest_paid') t ON t.cause_id = r.id"
        f" LEFT JOIN (VALUES {_STEPS}) s (currency, step_minor) ON s.currency = r.currency"
        " WHERE r.id IS NULL OR t.cause_id IS NULL OR t.postings <> 1"
        " OR t.amount_minor <> r.amount_minor OR t.currency <> r.currency"
        " OR t.creator <> 'creator:' || replace(r.creator_id::text, '-', '')"
        " OR t.processor <> 'processor:' || r.processor"
        " OR r.amount_minor >= coalesce(s.step_minor, 1)",
    ),
)
