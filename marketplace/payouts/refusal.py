"""What a processor's definitive refusal makes of a payout: a hold, or the end of it."""

from __future__ import annotations

from datetime import datetime

from marketplace import statuses
from marketplace.payouts import notices
from marketplace.payouts.payout import HoldReason, Payout, give_back, put_on_hold
from marketplace.statuses import SYSTEM

# What a processor's refusal means. Any other definitive refusal fails the payout.
_FUNDS = {"balance_insufficient", "insufficient_funds"}
_DESTINATION = {
    "account_invalid",
    "insufficient_capabilities_for_transfer",
    "resource_missing",
    "transfers_not_allowed",
    "permission_denied",
}
_REVIEW = {"idempotency_error", "authorization_error", "not_authorized"}


def refused(payout: Payout, code: str, why: str, at: datetime) -> None:
    """The processor definitively did not pay: hold what can be cured, else give the money back."""
    if code in _FUNDS:
        put_on_hold(payout, HoldReason.PROCESSOR_FUNDS, why, at)
    elif code in _DESTINATION:
        put_on_hold(payout, HoldReason.DESTINATION, why, at)
    elif code in _REVIEW:
        put_on_hold(payout, HoldReason.REVIEW, why, at)
    else:
        payout.failure = f"{code}: {why}"
        statuses.advance(payout, "fail", at, SYSTEM, payout.failure)
        notices.did_not_arrive(payout.creator_id, payout.amount, at)
        give_back(payout, at)
