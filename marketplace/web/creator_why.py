"""Why am I not paid yet? The gate's reasons as creators read them, one step each."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext

from marketplace.payouts.gate import (
    BANK_FILE,
    RUN_APPROVAL,
    RUN_NOT_SENT,
    UNCLAIMED,
    Blocker,
    Decision,
    Reason,
)
from marketplace.web import creator_words as words
from marketplace.web import formats


@dataclass(frozen=True)
class Step:
    """One reason of the gate in words: what it waits for, and what to do about it."""

    state: str  # of its dot: 'now' = time or a processor, 'bad' = the creator must act
    title: str
    text: str
    action: tuple[str, str] | None = None  # address and label of what the creator can do


def steps(decision: Decision) -> list[Step]:
    """The gate's decision on one balance, reason by reason."""
    return [_STEPS[blocker.reason](blocker, decision) for blocker in decision.blockers]


def _contested(blocker: Blocker, decision: Decision) -> Step:
    assert blocker.amount is not None
    assert blocker.until is not None
    until = formats.moment(blocker.until)
    return Step(
        "now",
        gettext("%(amount)s contested", amount=formats.money(blocker.amount)),
        str(words.WAITS["earning", "contested"]) % {"until": until},
        (f"#contested-{decision.currency}", gettext("See why")),
    )


def _nothing_available(blocker: Blocker, decision: Decision) -> Step:
    title = gettext("Nothing is available yet")
    if blocker.until is None:
        text = gettext("Earnings appear here with the day on which they become available.")
        return Step("now", title, text)
    amount, until = decision.facts.pending[0]
    first = {"amount": formats.money(amount), "until": formats.moment(until)}
    text = gettext("Waits for time: %(amount)s becomes available on %(until)s.", **first)
    return Step("now", title, text)


def _below_threshold(blocker: Blocker, decision: Decision) -> Step:
    assert blocker.missing is not None
    title = gettext(
        "%(missing)s missing to the threshold of %(threshold)s",
        missing=formats.money(blocker.missing),
        threshold=formats.money(decision.facts.threshold),
    )
    if blocker.until is None:
        text = gettext("Waits for further earnings; all kinds count together.")
    else:
        until = formats.moment(blocker.until)
        text = gettext("Waits for time: enough will have matured on %(until)s.", until=until)
    lifts_at = decision.facts.lifts_at
    if lifts_at is not None:
        text += " " + gettext(
            "From %(day)s on it is paid whatever it is.", day=formats.moment(lifts_at)
        )
    return Step("now", title, text)


def _below_rail_minimum(blocker: Blocker, decision: Decision) -> Step:
    assert blocker.missing is not None
    return Step(
        "now",
        gettext("%(available)s is too little to be sent", available=_available(decision)),
        gettext(
            "%(rail)s pays %(currency)s only in steps of %(least)s. Waits for the marketplace: an"
            " operator writes to you to settle it another way.",
            rail=_rail(decision),
            currency=decision.currency,
            least=formats.money(decision.facts.least),
        ),
    )


def _available(decision: Decision) -> str:
    return formats.money(decision.facts.available)


def _no_destination(blocker: Blocker, decision: Decision) -> Step:
    return Step(
        "bad",
        gettext("There is no destination yet"),
        gettext("Waits for you: say where your money should go. It takes a few minutes."),
        (url_for("creator.payouts"), gettext("Choose a destination")),
    )


def _destination_not_ready(blocker: Blocker, decision: Decision) -> Step:
    if blocker.on == "processor":
        return Step(
            "now",
            gettext("Stripe is opening your account"),
            gettext("Waits for Stripe; this takes a moment."),
            (url_for("creator.payouts"), gettext("See how it goes")),
        )
    if blocker.on == "operator":
        return Step(
            "now",
            gettext("Your bank account is being looked at"),
            gettext("Waits for somebody of the marketplace; nothing for you to do."),
            (url_for("creator.payouts"), gettext("See how it goes")),
        )
    needed = "; ".join(dict.fromkeys(words.requirement(name) for name in blocker.details))
    waits = gettext("Waits for you.")
    return Step(
        "bad",
        gettext("Your %(rail)s account cannot receive money yet", rail=_rail(decision)),
        gettext("Waits for you. Still needed: %(needed)s.", needed=needed) if needed else waits,
        (url_for("creator.payouts"), gettext("Continue with %(rail)s", rail=_rail(decision))),
    )


def _rail(decision: Decision) -> str:
    """The name of the processor of the destination."""
    return words.RAILS[decision.facts.processor or "stripe"]


def _destination_cooling(blocker: Blocker, decision: Decision) -> Step:
    assert blocker.until is not None
    return Step(
        "now",
        gettext("Your account is new"),
        gettext(
            "Waits for time: nothing goes to a new account before %(until)s, so that nobody can"
            " divert your money.",
            until=formats.moment(blocker.until),
        ),
        (url_for("creator.payouts"), gettext("See your account")),
    )


# By the detail of a payout that is under way and not held.
_UNDER_WAY = {
    RUN_APPROVAL: words.AWAITS_APPROVAL,
    RUN_NOT_SENT: words.AWAITS_RUN,
    UNCLAIMED: words.WAITS["payout", "unclaimed"],
    BANK_FILE: words.IN_BANK_FILE,
}


def _payout_under_way(blocker: Blocker, decision: Decision) -> Step:
    amount = formats.money(decision.facts.in_payout)
    title = gettext("%(amount)s is on its way", amount=amount)
    text = gettext("Waits for the processor: one payout at a time.")
    if blocker.details:
        (detail,) = blocker.details
        if detail in words.HOLDS:
            title = gettext("%(amount)s is on hold", amount=amount)
        said = words.HOLDS[detail] if detail in words.HOLDS else _UNDER_WAY[detail]
        until = formats.moment(blocker.until) if blocker.until else ""
        text = str(said) % {"until": until, "rail": _rail(decision)}
    return Step(
        "bad" if blocker.on == "creator" else "now",
        title,
        text,
        (url_for("creator.payouts"), gettext("See the payout")),
    )


def _last_payout_returned(blocker: Blocker, decision: Decision) -> Step:
    return Step(
        "bad",
        gettext("The last payout came back"),
        gettext(
            "Waits for you: check your %(rail)s account, then confirm that it is in order.",
            rail=_rail(decision),
        ),
        (url_for("creator.payouts"), gettext("Check and confirm")),
    )


def _on_hold(blocker: Blocker, decision: Decision) -> Step:
    assert blocker.until is not None
    return Step(
        "now",
        gettext("Your payouts are held"),
        gettext(
            "The reason: %(reason)s. Somebody of the marketplace decides by %(until)s; your money"
            " stays yours meanwhile.",
            reason=blocker.details[0].rstrip("."),
            until=formats.moment(blocker.until),
        ),
    )


def _not_covered(blocker: Blocker, decision: Decision) -> Step:
    assert blocker.amount is not None
    assert blocker.until is not None
    return Step(
        "now",
        gettext("Payouts in %(currency)s have stopped", currency=decision.currency),
        gettext(
            "Waits for the marketplace: our cash lacks %(amount)s of what is owed, and nothing"
            " leaves before it is covered. It must be brought in by %(until)s; your money stays"
            " yours.",
            amount=formats.money(blocker.amount),
            until=formats.moment(blocker.until),
        ),
        (url_for("public.solvency_page"), gettext("See the figures")),
    )


def _rail_cannot(blocker: Blocker, decision: Decision) -> Step:
    name = _rail(decision)
    most = formats.money(decision.facts.most) if decision.facts.most else ""
    said = {
        "country": gettext("It does not pay people in your country."),
        "currency": gettext("It does not pay out %(currency)s there.", currency=decision.currency),
        "amount": gettext("It has no way to pay %(currency)s.", currency=decision.currency),
        "most": gettext("It pays at most %(most)s at once.", most=most),
    }.get(blocker.details[0], gettext("It is not available at the moment."))
    ask = gettext("Waits for you: write to us, so that it goes another way.")
    return Step(
        "bad",
        gettext("%(rail)s cannot pay this balance", rail=name),
        f"{said} {ask}",
        (url_for("creator.payouts"), gettext("See the destination")),
    )


_STEPS = {
    Reason.CONTESTED: _contested,
    Reason.NOTHING_AVAILABLE: _nothing_available,
    Reason.BELOW_THRESHOLD: _below_threshold,
    Reason.NO_DESTINATION: _no_destination,
    Reason.DESTINATION_NOT_READY: _destination_not_ready,
    Reason.DESTINATION_COOLING: _destination_cooling,
    Reason.PAYOUT_UNDER_WAY: _payout_under_way,
    Reason.LAST_PAYOUT_RETURNED: _last_payout_returned,
    Reason.RAIL_CANNOT: _rail_cannot,
    Reason.ON_HOLD: _on_hold,
    Reason.NOT_COVERED: _not_covered,
    Reason.BELOW_RAIL_MINIMUM: _below_rail_minimum,
}
