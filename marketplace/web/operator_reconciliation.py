"""What books, processor and inbox do not agree about: listed with its age, explained by a note."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from marketplace import access, clock, statuses
from marketplace.access import audience
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.reconciliation import detail, difference
from marketplace.reconciliation.difference import Difference, DifferenceStatus, Leg
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.schemas.operations import ExplainDifference
from marketplace.web import forms, paging
from marketplace.web import operator_names as names
from marketplace.web.buttons import late
from marketplace.web.operator import bp

RUNS_SHOWN = 6
STATUSES = tuple(DifferenceStatus)
TONES = {
    "open": (_("Open"), "bad"),
    "explained": (_("Explained"), "wait"),
    "closed": (_("Gone"), "ok"),
}

# What moved, in words; any other type is the processor's own word.
TYPES: dict[str, Any] = {
    "charge": _("Payments"),
    "fee": _("Processor fees"),
    "refund": _("Refunds"),
    "refund_failure": _("Refunds that came back"),
    "dispute": _("Disputed payments taken back"),
    "dispute_reversal": _("Disputed payments given back"),
    "transfer": _("Payouts to creators"),
    "transfer_refund": _("Payouts that came back"),
    "payout": _("To our own bank"),
    "topup": _("From our own bank"),
}
LEGS: dict[str, Any] = {Leg.BOOKS: _("Our books"), Leg.INBOX: _("What we were told")}


@bp.get("/webhooks/compared")
@audience("operator")
def compared() -> ResponseReturnValue:
    """Every difference, those that stand by default; `?status=` shows those of one status."""
    chosen = request.args.get("status", "")
    statement = select(Difference)
    if chosen in STATUSES:
        statement = statement.where(Difference.status == chosen)
    counted = db.session.execute(
        select(Difference.status, func.count()).group_by(Difference.status)
    )
    newest = ReconciliationRun.started_at.desc()
    return render_template(
        "operator/compared.html",
        page=paging.newest_first(statement, Difference.id),
        status=chosen if chosen in STATUSES else None,
        statuses=STATUSES,
        counts={status: count for status, count in counted},
        runs=list(db.session.scalars(select(ReconciliationRun).order_by(newest).limit(RUNS_SHOWN))),
        now=clock.now(),
        **_named(),
    )


@bp.get("/webhooks/compared/<uuid:difference_id>")
@audience("operator")
def reconciliation_difference(difference_id: UUID) -> ResponseReturnValue:
    """One difference: what it means, what it is made of, and who must act."""
    return render_template(
        "operator/difference.html", form=forms.blank(), **_shown(_found(difference_id))
    )


@bp.post("/webhooks/compared/<uuid:difference_id>")
@audience("operator")
def explain_difference(difference_id: UUID) -> ResponseReturnValue:
    """Say why it is so: no run calls it new again."""
    found = _found(difference_id)
    form = forms.sent(ExplainDifference())
    with form.refusals():
        note = form.data["note"]
        locked = lock(Difference, difference_id)
        assert locked is not None
        with late():
            difference.explain(locked, note, access.actor(), clock.now())
            db.session.commit()
            flash(gettext("It is explained. It closes by itself once the sums agree."))
        return redirect(
            url_for("operator.reconciliation_difference", difference_id=difference_id), 303
        )
    return form.again("operator/difference.html", **_shown(found))


def _found(difference_id: UUID) -> Difference:
    found = db.session.get(Difference, difference_id)
    if found is None:
        raise NotFound("no such difference")
    return found


def _named() -> dict[str, Any]:
    return {"types": TYPES, "legs": LEGS, "tones": TONES, "meaning": meaning}


def _shown(it: Difference) -> dict[str, Any]:
    moves = statuses.history(it)
    return {
        "it": it,
        "moves": moves,
        "actors": names.actors(move.actor for move in moves),
        "alone": detail.movements_alone(it),
        "unheard": detail.postings_alone(it),
        "now": clock.now(),
        **_named(),
    }


def meaning(it: Difference) -> str:
    """What the two sums say, and what follows for whoever looks."""
    if it.leg == Leg.INBOX:
        return str(_MEANINGS["untold"])
    if it.theirs_minor == 0:
        return str(_MEANINGS["ours_alone"])
    return str(_MEANINGS["theirs_alone" if it.ours_minor == 0 else "both"])


_MEANINGS: dict[str, Any] = {
    "untold": _(
        "Money moved of which no event was followed. Our books are compared by themselves. See"
        " whether the processor sends its webhooks here, and which are quarantined or parked."
    ),
    "ours_alone": _(
        "Our books have money moved that the processor does not list. Look for it there before"
        " anything is corrected."
    ),
    "theirs_alone": _(
        "The processor moved money that our books do not have: nothing that we know asked for it,"
        " or it does not fit our row. See the quarantined events, then the processor's own pages."
    ),
    "both": _(
        "Both moved money that day, and not the same. Below is what nothing on the other side fits."
    ),
}
