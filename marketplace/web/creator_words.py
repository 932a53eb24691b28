"""What creators read for the words that rows keep: statuses, what they wait for, what happened."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from marketplace import access, statuses
from marketplace.commissions.sale import Sale
from marketplace.earnings.earning import Earning
from marketplace.payouts import explain
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.statuses import SYSTEM, StatusChange
from marketplace.web import agreement_words, formats, sale_words
from marketplace.web.happenings import Happening

Thing = Destination | Earning | Payout | Sale | agreement_words.Thing

KINDS: dict[str, Any] = {
    "fund": _("Creator fund"),
    "gift": _("Live gifts"),
    "flat_fee": _("Flat fee"),
    "commission": _("Commission"),
    "prize": _("Prize"),
}
KIND_ICONS = {
    "fund": "sparkles",
    "gift": "gift",
    "flat_fee": "handshake",
    "commission": "shopping-bag",
    "prize": "trophy",
}
RHYTHMS: dict[str, Any] = {"weekly": _("weekly"), "monthly": _("monthly")}
RUNS: dict[str, Any] = {"weekly": _("Weekly run"), "monthly": _("Monthly run")}

# By table and status: the label, and the tone of its pill.
STATUSES: dict[tuple[str, str], tuple[Any, str]] = {
    ("earning", "pending"): (_("Pending"), "wait"),
    ("earning", "available"): (_("Available"), "ok"),
    ("earning", "contested"): (_("Contested"), "bad"),
    ("earning", "reversed"): (_("Reversed"), "bad"),
    ("destination", "requested"): (_("Being opened"), "wait"),
    ("destination", "onboarding"): (_("Waits for you"), "wait"),
    ("destination", "active"): (_("Ready"), "ok"),
    ("destination", "restricted"): (_("Needs you"), "bad"),
    ("destination", "refused"): (_("Refused"), "bad"),
    ("destination", "replaced"): (_("Replaced"), ""),
    ("payout", "reserved"): (_("Prepared"), "info"),
    ("payout", "sending"): (_("Being sent"), "info"),
    ("payout", "unknown"): (_("Being checked"), "wait"),
    ("payout", "held"): (_("On hold"), "wait"),
    ("payout", "paid"): (_("Paid"), "ok"),
    ("payout", "returned"): (_("Returned"), "bad"),
    ("payout", "failed"): (_("Failed"), "bad"),
    ("payout", "canceled"): (_("Canceled"), ""),
    **sale_words.STATUSES,
}

# By table and status: on whom it waits, until when (`WAITS` of the table knows), and what then.
WAITS: dict[tuple[str, str], Any] = {
    ("earning", "pending"): _("Pending until %(until)s; then it is available."),
    ("earning", "contested"): _(
        "Waits for the marketplace, which decides by %(until)s. Without a decision by then, the"
        " earning stands."
    ),
    ("destination", "requested"): _("Waits for Stripe, which opens your account."),
    ("destination", "onboarding"): _("Waits for you: tell Stripe what it needs to know."),
    ("destination", "restricted"): _("Waits for you: Stripe needs more before it can pay you."),
    ("payout", "reserved"): _("Waits for its turn to be sent; nothing for you to do."),
    ("payout", "sending"): _("Waits for Stripe to confirm it; nothing for you to do."),
    ("payout", "unknown"): _(
        "Stripe gave no clear answer. The money stays set aside for you while we look it up;"
        " it is never sent twice."
    ),
    **sale_words.CREATOR_WAITS,
}
STATUSES |= agreement_words.STATUSES
WAITS |= agreement_words.CREATOR_WAITS
HOLDS: dict[str, Any] = {
    "operator": _(
        "Your payouts are held. Somebody of the marketplace decides by %(until)s; nothing for you"
        " to do."
    ),
    "processor_funds": _(
        "Waits for our balance at Stripe to be filled up. It is tried again on %(until)s;"
        " nothing for you to do."
    ),
    "destination": _(
        "Waits for you: your Stripe account cannot receive it now. It is tried again on %(until)s."
    ),
    "review": _("Somebody of the marketplace looks at it, by %(until)s; nothing for you to do."),
}
AWAITS_APPROVAL = _("Waits for an operator to approve its run by %(until)s; nothing for you to do.")
RETURNED = _(
    "The money is in your available balance again. Waits for you: check your Stripe account, then"
    " confirm that it is in order."
)
_HELD_FOR: dict[str, Any] = {
    "processor_funds": _("Our balance at Stripe was too low."),
    "destination": _("Your Stripe account could not receive it."),
    "operator": _("Your payouts were held."),
    "review": _("Stripe's answer needs a look by somebody of the marketplace."),
}

EVENTS: dict[tuple[str, str], Any] = {
    ("destination", "create"): _("Asked Stripe to open an account"),
    ("destination", "open"): _("Account opened"),
    ("destination", "activate"): _("Ready to receive money"),
    ("destination", "restrict"): _("Stripe needs more from you"),
    ("destination", "refuse"): _("Stripe opened no account"),
    ("destination", "replace"): _("Replaced by another account"),
    ("earning", "create"): _("Earned"),
    ("earning", "mature"): _("Became available"),
    ("earning", "reverse"): _("Reversed before it matured"),
    ("earning", "contest"): _("Contested: held until it is decided"),
    ("earning", "resume"): _("No longer contested: it matures as before"),
    ("earning", "release"): _("No longer contested: available"),
    ("payout", "create"): _("Prepared: the amount is set aside"),
    ("payout", "send"): _("Given to Stripe"),
    ("payout", "pay"): _("Paid: sent to your Stripe account"),
    ("payout", "return"): _("Came back: the money is available again"),
    ("payout", "doubt"): _("No clear answer: being looked up"),
    ("payout", "hold"): _("On hold"),
    ("payout", "release"): _("Tried again"),
    ("payout", "fail"): _("Failed: the money is available again"),
    ("payout", "cancel"): _("Canceled: the money is available again"),
}

# What Stripe asks for, by the beginning of its own name for it; the longest that fits counts.
_REQUIREMENTS: dict[str, Any] = {
    "default_outbound_destination": _("A bank account or card to which Stripe pays you"),
    "identity": _("Details about you"),
    "identity.individual": _("Who you are: name, address, date of birth"),
    "identity.individual.documents": _("A document that proves who you are"),
    "identity.attestations": _("That you accept Stripe's terms"),
}


def status(thing: Thing) -> tuple[str, str]:
    """The label of a thing's status, and the tone of its pill."""
    label, tone = STATUSES[thing.__tablename__, thing.status]
    return str(label), tone


def wait(thing: Thing) -> str:
    """What a thing waits for and until when; '' if it waits for nothing."""
    if isinstance(thing, Payout) and waits_for_confirmation(thing):
        return str(RETURNED)
    waiting = thing.WAITS.get(thing.status)
    if waiting is None:
        return ""
    approval_by = explain.approval_by(thing) if isinstance(thing, Payout) else None
    if approval_by:
        return str(AWAITS_APPROVAL) % {"until": formats.moment(approval_by)}
    if isinstance(thing, Payout) and thing.status == PayoutStatus.HELD:
        said = str(HOLDS[thing.hold_reason or ""])
    else:
        said = str(WAITS[thing.__tablename__, thing.status])
    until = waiting.due(thing)
    return said % {"until": formats.moment(until)} if until else said


def waits_for_confirmation(payout: Payout) -> bool:
    """Did this payout come back, and has its creator not confirmed their account since?"""
    return payout.status == PayoutStatus.RETURNED and payout.return_seen_at is None


def requirement(name: str) -> str:
    """Something that Stripe asks for, in words; its own name where we have none."""
    known = [begin for begin in _REQUIREMENTS if name == begin or name.startswith(f"{begin}.")]
    return str(_REQUIREMENTS[max(known, key=len)]) if known else name


def history(thing: Thing) -> list[Happening]:
    """Every move of a thing in words, oldest first."""
    return [
        (move.at, str(EVENTS[move.thing, move.event]), _by(move.actor), _reason(move))
        for move in statuses.history(thing)
    ]


def _by(actor: str) -> str:
    if actor == access.actor():
        return str(gettext("you"))
    return "" if actor == SYSTEM else str(gettext("the marketplace"))


def _reason(move: StatusChange) -> str:
    """Why it moved; what a processor wrote to us is said in our words, or left out."""
    if move.event == "hold":
        return str(_HELD_FOR.get(move.reason.partition(":")[0], ""))
    if move.thing == "destination":
        return "; ".join(requirement(name) for name in move.reason.split("; ") if name)
    return formats.translated(move.reason) if move.event == "cancel" else ""
