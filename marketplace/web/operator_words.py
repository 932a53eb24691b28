"""What operators read for the words that rows keep: statuses, accounts, blockers, reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace.money import Money
from marketplace.web import formats

# A status of any lifecycle: its label, and the tone of its pill.
STATUSES: dict[str, tuple[Any, str]] = {
    "abandoned": (_("Abandoned"), ""),
    "accepted": (_("Accepted"), "ok"),
    "accrued": (_("Accrued"), "ok"),
    "active": (_("Active"), "ok"),
    "approved": (_("Approved"), "ok"),
    "available": (_("Available"), "ok"),
    "awaited": (_("Awaited"), "wait"),
    "awaiting_funds": (_("Awaiting funds"), "wait"),
    "awarded": (_("Awarded"), "ok"),
    "canceled": (_("Canceled"), ""),
    "closed": (_("Closed"), ""),
    "closing": (_("Closing"), "wait"),
    "contested": (_("Contested"), "bad"),
    "corrected": (_("Corrected"), "info"),
    "covered": (_("Covered"), "ok"),
    "created": (_("Created"), "wait"),
    "declined": (_("Declined"), ""),
    "disqualified": (_("Disqualified"), "bad"),
    "done": (_("Done"), "ok"),
    "draft": (_("Draft"), ""),
    "due": (_("Work due"), "info"),
    "excluded": (_("Excluded"), "wait"),
    "expired": (_("Expired"), ""),
    "explained": (_("Explained"), ""),
    "failed": (_("Failed"), "bad"),
    "fulfilled": (_("Fulfilled"), "ok"),
    "held": (_("Held"), "wait"),
    "ignored": (_("Ignored"), ""),
    "in_review": (_("In review"), "wait"),
    "included": (_("Included"), "ok"),
    "inquiry": (_("The bank asks"), "wait"),
    "invited": (_("Invited"), "wait"),
    "judging": (_("Judging"), "wait"),
    "known": (_("Known"), ""),
    "lifted": (_("Lifted"), ""),
    "locked": (_("Locked"), "wait"),
    "locking": (_("Being decided"), "info"),
    "lost": (_("Lost"), "bad"),
    "needs_response": (_("Needs an answer"), "bad"),
    "needs_review": (_("Needs review"), "bad"),
    "new": (_("New"), "info"),
    "nothing_due": (_("Nothing due"), ""),
    "onboarding": (_("Onboarding"), "wait"),
    "open": (_("Open"), "ok"),
    "paid": (_("Paid"), "ok"),
    "parked": (_("Parked"), "bad"),
    "pending": (_("Pending"), "wait"),
    "provisional": (_("Provisional results"), "info"),
    "quarantined": (_("Quarantined"), "bad"),
    "ready": (_("Ready"), "info"),
    "recorded": (_("Recorded"), "wait"),
    "refused": (_("Refused"), "bad"),
    "rejected": (_("Rejected"), "bad"),
    "replaced": (_("Replaced"), ""),
    "requested": (_("Requested"), "wait"),
    "reserved": (_("Reserved"), "info"),
    "restricted": (_("Restricted"), "bad"),
    "retry": (_("Tried again"), "wait"),
    "reversed": (_("Reversed"), "bad"),
    "returned": (_("Returned"), "bad"),
    "revision_due": (_("Revision due"), "wait"),
    "sending": (_("Sending"), "info"),
    "sent": (_("Sent"), "info"),
    "short": (_("Short"), "bad"),
    "submitted": (_("Submitted"), "wait"),
    "succeeded": (_("Succeeded"), "ok"),
    "suspended": (_("Suspended"), "bad"),
    "unattributed": (_("Nobody's"), ""),
    "under_review": (_("The bank decides"), "wait"),
    "unfunded": (_("Lacks money"), "bad"),
    "unclaimed": (_("Unclaimed"), "wait"),
    "unpayable": (_("Too little to be sent"), "bad"),
    "unknown": (_("Unknown"), "bad"),
    "valid": (_("Valid"), "ok"),
    "waiting": (_("Waiting"), "wait"),
    "withdrawn": (_("Withdrawn"), ""),
    "won": (_("Won"), "ok"),
}

THINGS: dict[str, Any] = {
    "account_closing": _("Closing of an account"),
    "rest_payment": _("Rest of an account"),
    "agreement": _("Agreement"),
    "application": _("Application"),
    "brand_repayment": _("Repayment of a brand"),
    "deliverable": _("Deliverable"),
    "campaign": _("Campaign"),
    "clawback": _("Clawback"),
    "challenge": _("Challenge"),
    "challenge_entry": _("Entry"),
    "deposit": _("Deposit"),
    "dispute": _("Dispute"),
    "creator_hold": _("Hold"),
    "destination": _("Destination"),
    "earning": _("Earning"),
    "earning_hold": _("Hold on an earning"),
    "payout": _("Payout"),
    "payout_run": _("Payout run"),
    "processor_funding": _("Money moved between processors"),
    "program_application": _("Program application"),
    "program_membership": _("Membership"),
    "reconciliation_difference": _("Difference"),
    "refund": _("Refund"),
    "sale": _("Sale"),
    "shortfall": _("Shortfall"),
}

ACCOUNT_KINDS: dict[str, Any] = {
    "processor_clearing": _("At the processor"),
    "processor_fees": _("Processor fees"),
    "platform_fees": _("Platform fees"),
    "brand_available": _("Brands: available"),
    "reserved": _("Brands: reserved"),
    "refund_reserved": _("Brands: in refunds"),
    "brand_debt": _("Brands: debt"),
    "fund_pool": _("Creator fund"),
    "gift_pool": _("Gift pool"),
    "creator_pending": _("Creators: pending"),
    "creator_available": _("Creators: available"),
    "creator_contested": _("Creators: contested"),
    "payout_reserved": _("Creators: in payouts"),
    "creator_debt": _("Creators: debt"),
}

POSTINGS: dict[str, Any] = {
    "deposit_received": _("Deposit received"),
    "pool_filled": _("Pool filled"),
    "processor_fee_charged": _("Processor fee charged"),
    "processor_funded": _("Moved to another processor"),
    "campaign_reserved": _("Reserved"),
    "campaign_released": _("Given back"),
    "refund_reserved": _("Refund set aside"),
    "refund_paid": _("Refund paid"),
    "refund_released": _("Refund given back"),
    "refund_bounced": _("Refund came back"),
    "dispute_withdrawn": _("Disputed payment taken back"),
    "dispute_reinstated": _("Disputed payment given back"),
    "processor_fee_returned": _("Processor fee given back"),
    "brand_debt_repaid": _("Debt repaid"),
    "earning_accrued": _("Earning accrued"),
    "earning_matured": _("Earning matured"),
    "earning_clawed_back": _("Earning clawed back"),
    "earning_contested": _("Earning contested"),
    "earning_released": _("Earning no longer contested"),
    "payout_reserved": _("Payout set aside"),
    "payout_paid": _("Payout paid"),
    "payout_arrived_late": _("Payout arrived after all"),
    "rest_paid": _("Rest paid another way"),
    "payout_returned": _("Payout came back"),
    "payout_released": _("Payout given back"),
}

HOLD_REASONS: dict[str, Any] = {
    "processor_funds": _("Our balance at the processor is too low. It is tried again each day."),
    "destination": _("The creator's account there cannot receive it. It is tried again each day."),
    "operator": _("Everything that would leave to the creator is held."),
    "review": _("The processor's answer does not fit what we asked: somebody must look first."),
}

# What we ask processors to do.
OPS: dict[str, Any] = {
    "cs": _("A checkout page"),
    "rf": _("A refund"),
    "acct": _("An account for a creator"),
    "trf": _("A transfer"),
}

# What one network try came to.
VERDICTS: dict[str, tuple[Any, str]] = {
    "done": (_("Done"), "ok"),
    "rejected": (_("Refused"), "bad"),
    "busy": (_("Busy"), "wait"),
    "unknown": (_("Unknown"), "bad"),
}

INCOME_KINDS: dict[str, Any] = {
    "fund": _("Creator fund"),
    "gift": _("Live gifts"),
    "flat_fee": _("Flat fee"),
    "commission": _("Commission"),
    "prize": _("Prize"),
}
# Why a payout was made although it was below the threshold.
LIFTS: dict[str, Any] = {
    "closing": _("Paid below the threshold because the account closes."),
    "holding_limit": _(
        "Paid below the threshold because the processor may not hold it much longer."
    ),
    "yearly": _("Paid below the threshold because it has waited for a year."),
}
RHYTHMS: dict[str, Any] = {
    "weekly": _("Weekly"),
    "monthly": _("Monthly"),
    "sweep": _("Sweep of old balances"),
}


def blocker(kept: dict[str, Any]) -> str:
    """One blocker of a payout run's line, as the run has kept it, in a sentence."""
    reason, until, missing = kept["reason"], kept["until"], kept["missing"]
    amount = kept.get("amount")  # runs before there were contests kept none
    values = {
        "until": formats.moment(datetime.fromisoformat(until)) if until else "",
        "missing": formats.money(Money(**missing)) if missing else "",
        "amount": formats.money(Money(**amount)) if amount else "",
        "details": ", ".join(kept["details"]),
    }
    bare, by, because = _BLOCKERS.get(reason, (reason, None, None))
    said = (because if kept["details"] else None) or (by if until else None) or bare
    return str(said) % values


# By reason: the sentence alone, with an instant, with details.
_BLOCKERS: dict[str, tuple[Any, Any, Any]] = {
    "below_threshold": (
        _("%(missing)s missing to the threshold."),
        _("%(missing)s missing to the threshold, reached on %(until)s."),
        None,
    ),
    "contested": (
        _("A part is contested."),
        _("%(amount)s contested, decided by %(until)s."),
        None,
    ),
    "nothing_available": (
        _("Nothing is available."),
        _("Nothing is available before %(until)s."),
        None,
    ),
    "destination_not_ready": (
        _("The destination cannot receive yet."),
        None,
        _("The destination cannot receive yet: %(details)s."),
    ),
    "destination_cooling": (
        _("The destination is new and cools off."),
        _("The destination is new: nothing goes there before %(until)s."),
        None,
    ),
    "below_rail_minimum": (
        _("Less than the processor can pay: %(missing)s missing. An operator must settle it."),
        None,
        None,
    ),
    "not_covered": (
        _("Our cash does not cover what is owed in this currency."),
        _("Our cash lacks %(amount)s of what is owed; the marketplace brings it in by %(until)s."),
        None,
    ),
    "no_destination": (_("The creator has connected no destination."), None, None),
    "payout_under_way": (
        _("Another payout in this currency is under way."),
        None,
        _(
            "Another payout in this currency is held, unclaimed, in a bank file, or waits for its"
            " run."
        ),
    ),
    "on_hold": (
        _("Held by an operator."),
        None,
        _("Held by an operator: “%(details)s”."),
    ),
    "last_payout_returned": (
        _("The last payout came back, and the creator has not confirmed their account since."),
        None,
        None,
    ),
    "rail_cannot": (
        _("The destination's processor cannot pay this balance."),
        None,
        _("The destination's processor cannot pay this balance: %(details)s."),
    ),
}
