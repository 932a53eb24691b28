"""What brands read for the words that rows keep: statuses, what they wait for, what happened."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from marketplace import statuses
from marketplace.campaigns.campaign import Campaign
from marketplace.commissions.sale import Sale
from marketplace.funding.deposit import Deposit
from marketplace.funding.refund import Refund
from marketplace.web import agreement_words, formats, sale_words
from marketplace.web.happenings import Happening, in_words

Thing = Campaign | Deposit | Refund | Sale | agreement_words.Thing

# By table and status: the label, and the tone of its pill.
STATUSES: dict[tuple[str, str], tuple[Any, str]] = {
    ("campaign", "draft"): (_("Draft"), ""),
    ("campaign", "in_review"): (_("In review"), "wait"),
    ("campaign", "rejected"): (_("Rejected"), "bad"),
    ("campaign", "awaiting_funds"): (_("Awaiting funds"), "wait"),
    ("campaign", "open"): (_("Open"), "ok"),
    ("campaign", "closed"): (_("Closed"), ""),
    ("campaign", "canceled"): (_("Canceled"), ""),
    ("deposit", "created"): (_("Being prepared"), "wait"),
    ("deposit", "pending"): (_("Not paid yet"), "wait"),
    ("deposit", "succeeded"): (_("Received"), "ok"),
    ("deposit", "rejected"): (_("Refused"), "bad"),
    ("deposit", "expired"): (_("Expired"), ""),
    ("refund", "requested"): (_("On its way"), "wait"),
    ("refund", "succeeded"): (_("Refunded"), "ok"),
    ("refund", "failed"): (_("Failed"), "bad"),
    **sale_words.STATUSES,
}

# What came of a message of a shop.
EVENT_STATES: dict[str, tuple[Any, str]] = {
    "new": (_("About to be handled"), "wait"),
    "retry": (_("Tried again"), "wait"),
    "done": (_("Taken"), "ok"),
    "ignored": (_("Of no concern"), ""),
    "quarantined": (_("Does not fit"), "bad"),
    "parked": (_("Failed"), "bad"),
}

# By table and status: on whom it waits, until when (`WAITS` of the table knows), and what then.
WAITS: dict[tuple[str, str], Any] = {
    ("campaign", "draft"): _("Waits for you: fill in what is missing, then submit it."),
    ("campaign", "in_review"): _("Waits for the marketplace, which reviews it by %(until)s."),
    ("campaign", "awaiting_funds"): _(
        "Waits for you to fund it by %(until)s; otherwise it is canceled then."
    ),
    ("campaign", "open"): _(
        "Open to creators until %(until)s; then it closes, and what is left comes back to you."
    ),
    ("deposit", "created"): _("Waits for the processor, which prepares the payment page."),
    ("deposit", "pending"): _("Waits for you to pay by %(until)s; then the payment page expires."),
    ("refund", "requested"): _("Waits for the processor to confirm it."),
    **sale_words.BRAND_WAITS,
}
STATUSES |= agreement_words.STATUSES
WAITS |= agreement_words.BRAND_WAITS

EVENTS: dict[tuple[str, str], Any] = {
    ("campaign", "create"): _("Draft begun"),
    ("campaign", "submit"): _("Submitted for review: its terms stand from now on"),
    ("campaign", "approve"): _("Approved: it may be funded"),
    ("campaign", "request_changes"): _("Changes asked for: a draft again"),
    ("campaign", "reject"): _("Rejected"),
    ("campaign", "fund"): _("Funded and open to creators"),
    ("campaign", "add_money"): _("Money added: its budget rose"),
    ("campaign", "close"): _("Closed"),
    ("campaign", "cancel"): _("Canceled"),
    ("deposit", "create"): _("Top-up asked for"),
    ("deposit", "open"): _("Payment page ready"),
    ("deposit", "succeed"): _("Payment confirmed by the processor"),
    ("deposit", "reject"): _("Refused by the processor"),
    ("deposit", "expire"): _("Payment page expired"),
    ("refund", "create"): _("Refund asked for"),
    ("refund", "succeed"): _("Refund confirmed by the processor"),
    ("refund", "fail"): _("Refund failed: the money is yours again"),
    ("refund", "bounce"): _("Refund came back: the money is yours again"),
}

# Reasons that the domain itself gives, named here so that they can be translated.
_REASONS = (
    _("the window is over"),
    _("not reviewed before its window was over"),
    _("not funded before its window was over"),
    _("the card's bank sent it back"),
)


def status(thing: Thing) -> tuple[str, str]:
    """The label of a thing's status, and the tone of its pill."""
    label, tone = STATUSES[thing.__tablename__, thing.status]
    return str(label), tone


def wait(thing: Thing) -> str:
    """What a thing waits for and until when; '' if it waits for nothing."""
    waiting = thing.WAITS.get(thing.status)
    if waiting is None:
        return ""
    until = waiting.due(thing)
    said = str(WAITS[thing.__tablename__, thing.status])
    return said % {"until": formats.moment(until)} if until else said


def history(thing: Thing) -> list[Happening]:
    """Every move of a thing in words, oldest first."""
    return in_words(statuses.history(thing), EVENTS, gettext("the marketplace"))


def answer(campaign: Campaign) -> str:
    """Why changes were asked for, or why it was rejected; '' if that is not where it stands."""
    last = statuses.history(campaign)[-1]
    return last.reason if last.event in ("request_changes", "reject") else ""
