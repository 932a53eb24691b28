"""What creators read for the words that rows keep: statuses, what they wait for, what happened."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from marketplace import access, statuses
from marketplace.commissions.sale import Sale
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.payouts import bank_account, explain, receiver
from marketplace.payouts.destination import Destination
from marketplace.payouts.gate import BANK_REVIEW
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.statuses import SYSTEM, StatusChange
from marketplace.web import agreement_words, bank_words, formats, sale_words
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
RUNS: dict[str, Any] = {
    "weekly": _("Weekly run"),
    "monthly": _("Monthly run"),
    "sweep": _("Sweep of old balances"),
}

# Why a payout is made although it is below the threshold.
LIFTS: dict[str, Any] = {
    "closing": _("Paid below the threshold because your account closes."),
    "holding_limit": _(
        "Paid below the threshold because the processor may not hold it much longer."
    ),
    "yearly": _("Paid below the threshold because it has waited for a year."),
}

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
    ("payout", "unclaimed"): (_("Waits to be claimed"), "wait"),
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
    ("payout", "sending"): _("Waits for %(rail)s to confirm it; nothing for you to do."),
    ("payout", "unclaimed"): _(
        "Waits for you: the money lies at %(rail)s until %(until)s, as no account belongs to your"
        " address there. Open one, or add the address to yours; after that day it comes back here."
    ),
    ("payout", "unknown"): _(
        "%(rail)s gave no clear answer. The money stays set aside for you while we look it up;"
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
        "Waits for our balance at %(rail)s to be filled up. It is tried again on %(until)s;"
        " nothing for you to do."
    ),
    "destination": _(
        "Waits for you: your %(rail)s account cannot receive it now. It is tried again on"
        " %(until)s."
    ),
    "review": _("Somebody of the marketplace looks at it, by %(until)s; nothing for you to do."),
}
AWAITS_APPROVAL = _("Waits for an operator to approve its run by %(until)s; nothing for you to do.")
IN_BANK_FILE = _(
    "Waits for our bank, which executes it by %(until)s, and for somebody of the marketplace, who"
    " then writes down what the bank says of it; nothing for you to do."
)
AWAITS_RUN = _("Waits for us to send its run; nothing for you to do.")
RETURNED = _(
    "The money is in your available balance again. Waits for you: check your %(rail)s account, then"
    " confirm that it is in order."
)
_HELD_FOR: dict[str, Any] = {
    "processor_funds": _("Our balance at %(rail)s was too low."),
    "destination": _("Your %(rail)s account could not receive it."),
    "operator": _("Your payouts were held."),
    "review": _("Somebody of the marketplace has to look at it."),
}

EVENTS: dict[tuple[str, str], Any] = {
    ("destination", "create"): _("Asked Stripe to open an account"),
    ("destination", "open"): _("Account opened"),
    ("destination", "activate"): _("Ready to receive money"),
    ("destination", "restrict"): _("Stripe needs more from you"),
    ("destination", "refuse"): _("Stripe opened no account"),
    ("destination", "withdraw"): _("Withdrawn"),
    ("destination", "replace"): _("Replaced by another account"),
    ("earning", "create"): _("Earned"),
    ("earning", "mature"): _("Became available"),
    ("earning", "reverse"): _("Reversed before it matured"),
    ("earning", "contest"): _("Contested: held until it is decided"),
    ("earning", "resume"): _("No longer contested: it matures as before"),
    ("earning", "release"): _("No longer contested: available"),
    ("payout", "create"): _("Prepared: the amount is set aside"),
    ("payout", "send"): _("Given to %(rail)s"),
    ("payout", "accept"): _("Found: it is on its way"),
    ("payout", "look_up"): _("Found at %(rail)s: being looked up"),
    ("payout", "await_claim"): _("Waits to be claimed at %(rail)s"),
    ("payout", "arrive"): _("Arrived after all: the amount is taken from what is available"),
    ("payout", "pay"): _("Paid: sent to your %(rail)s account"),
    ("payout", "return"): _("Came back: the money is available again"),
    ("payout", "doubt"): _("No clear answer: being looked up"),
    ("payout", "hold"): _("On hold"),
    ("payout", "release"): _("Tried again"),
    ("payout", "fail"): _("Failed: the money is available again"),
    ("payout", "cancel"): _("Canceled: the money is available again"),
}

# The same of an address at PayPal, where there is no account to open.
_ADDRESS_EVENTS: dict[str, Any] = {
    "create": _("Address named"),
    "activate": _("Address confirmed: ready to receive money"),
    "withdraw": _("Address withdrawn"),
    "replace": _("Replaced by another account"),
}
_ADDRESS_WAITS = _("Waits for you: open the link that we mailed to %(address)s.")
# The same of a bank account, which somebody of the marketplace looks at.
_BANK_EVENTS: dict[str, Any] = {
    "create": _("Account named"),
    "activate": _("Accepted: ready to receive money"),
    "refuse": _("Not accepted"),
    "withdraw": _("Account withdrawn"),
    "replace": _("Replaced by another account"),
}
_BANK_WAITS = _(
    "Waits for somebody of the marketplace, who looks whether the account is yours; nothing for you"
    " to do."
)
_BANK_WAITING = (_("Being looked at"), "wait")
RAILS = {"stripe": "Stripe", "paypal": "PayPal", "bank": "SEPA"}

# What Stripe asks for, by the beginning of its own name for it; the longest that fits counts.
_REQUIREMENTS: dict[str, Any] = {
    "default_outbound_destination": _("A bank account or card to which Stripe pays you"),
    "identity": _("Details about you"),
    "identity.individual": _("Who you are: name, address, date of birth"),
    "identity.individual.documents": _("A document that proves who you are"),
    "identity.attestations": _("That you accept Stripe's terms"),
    BANK_REVIEW: _("That somebody of the marketplace has looked whether it is yours"),
    receiver.CONFIRM: _("The link in the mail to your address at PayPal"),
}


def status(thing: Thing) -> tuple[str, str]:
    """The label of a thing's status, and the tone of its pill."""
    label, tone = STATUSES[thing.__tablename__, thing.status]
    if isinstance(thing, Destination) and bank_account.waits(thing):
        label, tone = _BANK_WAITING
    return str(label), tone


def rail(thing: Thing) -> str:
    """The name of the processor through which a payout, or what a destination gets, is paid."""
    if isinstance(thing, Payout):
        thing = db.session.get_one(Destination, thing.destination_id)
    return RAILS[thing.processor] if isinstance(thing, Destination) else ""


def is_by_bank(payout: Payout) -> bool:
    """Is it paid by a file of credit transfers?"""
    return rail(payout) == RAILS[bank_account.PROCESSOR]


def failure(payout: Payout) -> str:
    """Why it was not paid: what the processor wrote to us; a bank's code in words."""
    return bank_words.said(payout.failure)


def wait(thing: Thing) -> str:
    """What a thing waits for and until when; '' if it waits for nothing."""
    if isinstance(thing, Payout) and waits_for_confirmation(thing):
        return str(RETURNED) % {"rail": rail(thing)}
    if isinstance(thing, Destination) and receiver.waits(thing):
        return str(_ADDRESS_WAITS) % {"address": thing.remote_account}
    if isinstance(thing, Destination) and bank_account.waits(thing):
        return str(_BANK_WAITS)
    waiting = thing.WAITS.get(thing.status)
    if waiting is None:
        return ""
    approval_by = explain.approval_by(thing) if isinstance(thing, Payout) else None
    if approval_by:
        return str(AWAITS_APPROVAL) % {"until": formats.moment(approval_by)}
    executed_at = explain.executed_at(thing) if isinstance(thing, Payout) else None
    if executed_at:
        return str(IN_BANK_FILE) % {"until": formats.moment(executed_at)}
    if isinstance(thing, Payout) and thing.status == PayoutStatus.HELD:
        said = str(HOLDS[thing.hold_reason or ""])
    else:
        said = str(WAITS[thing.__tablename__, thing.status])
    until = waiting.due(thing)
    return said % {"until": formats.moment(until) if until else "", "rail": rail(thing)}


def waits_for_confirmation(payout: Payout) -> bool:
    """Did this payout come back, and has its creator not confirmed their account since?"""
    return payout.status == PayoutStatus.RETURNED and payout.return_seen_at is None


def requirement(name: str) -> str:
    """Something that Stripe asks for, in words; its own name where we have none."""
    known = [begin for begin in _REQUIREMENTS if name == begin or name.startswith(f"{begin}.")]
    return str(_REQUIREMENTS[max(known, key=len)]) if known else name


def history(thing: Thing) -> list[Happening]:
    """Every move of a thing in words, oldest first."""
    name = rail(thing)
    return [
        (
            move.at,
            _event(thing, move) % {"rail": name},
            _by(move.actor),
            _reason(move, name),
        )
        for move in statuses.history(thing)
    ]


def _event(thing: Thing, move: StatusChange) -> str:
    if isinstance(thing, Destination) and thing.processor == receiver.PROCESSOR:
        return str(_ADDRESS_EVENTS[move.event])
    if isinstance(thing, Destination) and thing.processor == bank_account.PROCESSOR:
        return str(_BANK_EVENTS[move.event])
    return str(EVENTS[move.thing, move.event])


def _by(actor: str) -> str:
    if actor == access.actor():
        return str(gettext("you"))
    return "" if actor == SYSTEM else str(gettext("the marketplace"))


def _reason(move: StatusChange, rail: str) -> str:
    """Why it moved; what a processor wrote to us is said in our words, or left out."""
    if move.event == "hold":
        return str(_HELD_FOR.get(move.reason.partition(":")[0], "")) % {"rail": rail}
    if move.thing == "destination" and rail == RAILS[bank_account.PROCESSOR]:
        return move.reason if move.event == "refuse" else ""
    if move.thing == "destination":
        return "; ".join(requirement(name) for name in move.reason.split("; ") if name)
    return formats.translated(move.reason) if move.event == "cancel" else ""
