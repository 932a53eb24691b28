"""What brands and operators read of a dispute: why, where it stands, who must act until when."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from marketplace.funding.dispute import Dispute
from marketplace.web import formats

# Why the cardholder disputes it, by the bank's word; others are shown as they are.
_REASONS: dict[str, Any] = {
    "credit_not_processed": _("A refund that was promised did not come"),
    "duplicate": _("It was charged twice"),
    "fraudulent": _("The cardholder does not know the payment"),
    "general": _("No reason given"),
    "product_not_received": _("What was paid for was not received"),
    "product_unacceptable": _("What was paid for was not as described"),
    "subscription_canceled": _("It was canceled before"),
    "unrecognized": _("The cardholder does not recognise the payment"),
}

_STATUSES: dict[str, tuple[Any, str]] = {
    "inquiry": (_("The bank asks"), "wait"),
    "needs_response": (_("Disputed"), "bad"),
    "under_review": (_("The bank decides"), "wait"),
    "won": (_("Won"), "ok"),
    "lost": (_("Lost"), "bad"),
    "closed": (_("Closed"), ""),
}

# For brands: what it waits for, and what then.
_BRAND_WAITS: dict[str, Any] = {
    "inquiry": _("Nothing was taken. We answer the bank by %(until)s."),
    "needs_response": _(
        "We answer the bank by %(until)s. If it was a mistake, the cardholder can withdraw it at"
        " their bank."
    ),
    "under_review": _("The bank has our answer; it takes some weeks to decide."),
    "won": _("What the bank had taken is yours again."),
    "lost": _("The bank keeps the money."),
    "closed": _("Nothing was taken."),
}

# For operators: what to do.
_TO_DO: dict[str, Any] = {
    "inquiry": _(
        "Answer it on the processor's dashboard by %(until)s, or refund the payment: that ends it."
    ),
    "needs_response": _(
        "Send evidence on the processor's dashboard by %(until)s: the agreement, the work, who"
        " paid. Without it the dispute is lost then."
    ),
    "under_review": _("Nothing: the bank decides, and we ask each day."),
}


def reason(dispute: Dispute) -> str:
    """Why it is disputed."""
    return str(_REASONS.get(dispute.reason, dispute.reason))


def status(dispute: Dispute) -> tuple[str, str]:
    """The label of where it stands, and the tone of its pill."""
    label, tone = _STATUSES[dispute.status]
    return str(label), tone


def wait(dispute: Dispute) -> str:
    """What a brand is told of where it stands."""
    return _dated(_BRAND_WAITS[dispute.status], dispute)


def to_do(dispute: Dispute) -> str:
    """What an operator has to do about it; '' if nothing is left."""
    return _dated(_TO_DO.get(dispute.status, ""), dispute)


def _dated(sentence: Any, dispute: Dispute) -> str:
    due = dispute.answer_by
    until = formats.moment(due) if due else gettext("the bank's date")
    return str(sentence) % {"until": until}
