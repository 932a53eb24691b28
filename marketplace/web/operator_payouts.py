"""Payouts as operators see them: each with its tries, and what may be decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from marketplace import clock, statuses
from marketplace.access import actor, audience
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.failpoints import DECIDE_PAYOUT, Point, failpoint
from marketplace.ledger import balances
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_file, hold
from marketplace.payouts import payout as domain
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun
from marketplace.processors import outbox, registry
from marketplace.processors.base import Op
from marketplace.processors.outbox import ProcessorRequest, ProcessorTry
from marketplace.schemas.operations import Decide
from marketplace.web import bank_words, forms, paging, payout_lines
from marketplace.web import operator_names as names
from marketplace.web.buttons import told
from marketplace.web.operator import bp

# Of one payout: a held one is tried each day, for as long as it takes.
REQUESTS_SHOWN = 8
MOVES_SHOWN = 24


@bp.get("/payouts")
@audience("operator")
def payouts() -> ResponseReturnValue:
    """Payouts, newest first; `?status=` shows those of one status."""
    status = request.args.get("status", "")
    statement = select(Payout)
    if status in list(PayoutStatus):
        statement = statement.where(Payout.status == status)
    page = paging.newest_first(statement, Payout.id)
    counted = db.session.execute(select(Payout.status, func.count()).group_by(Payout.status))
    return render_template(
        "operator/payouts.html",
        page=page,
        creators=creators_of([payout.creator_id for payout in page.rows]),
        status=status if status in list(PayoutStatus) else None,
        counts={status: count for status, count in counted},
        statuses=list(PayoutStatus),
    )


def creators_of(ids: Sequence[UUID]) -> dict[UUID, Creator]:
    """The creators of these ids."""
    found = db.session.scalars(select(Creator).where(Creator.id.in_(ids)))
    return {creator.id: creator for creator in found}


@bp.get("/payouts/<uuid:payout_id>")
@audience("operator")
def payout(payout_id: UUID) -> ResponseReturnValue:
    """One payout: where it stands, what was tried, and what may be decided."""
    found = db.session.get(Payout, payout_id)
    if found is None:
        raise NotFound("no such payout")
    return render_template("operator/payout.html", form=forms.blank(), **_shown(found))


def _shown(found: Payout) -> dict[str, Any]:
    requests, tries = _asked(found.id)
    moves = statuses.history(found)
    return {
        "payout": found,
        "lines": payout_lines.page(found, paging.after_number()),
        "creator": db.session.get_one(Creator, found.creator_id),
        "destination": db.session.get_one(Destination, found.destination_id),
        "run": db.session.get_one(PayoutRun, found.run_id),
        "moves": moves[-MOVES_SHOWN:],
        "moves_before": len(moves[:-MOVES_SHOWN]),
        "actors": names.actors(move.actor for move in moves),
        "bank": bank_words,
        "bank_file": bank_file.of_payout(found.id),
        "requests": requests,
        "tries": tries,
        "postings": balances.transactions_of(found.cause),
        "decisions": _offered(found),
    }


def _asked(payout_id: UUID) -> tuple[list[ProcessorRequest], dict[UUID, list[ProcessorTry]]]:
    """The latest requests for a payout, newest first, and the tries of each."""
    of_payout = ProcessorRequest.subject_type == "payout", ProcessorRequest.subject_id == payout_id
    newest_first = (
        select(ProcessorRequest).where(*of_payout).order_by(ProcessorRequest.attempt.desc())
    )
    requests = list(db.session.scalars(newest_first.limit(REQUESTS_SHOWN)))
    tries: dict[UUID, list[ProcessorTry]] = {request.id: [] for request in requests}
    of_requests = select(ProcessorTry).where(ProcessorTry.request_id.in_(tries))
    for one in db.session.scalars(of_requests.order_by(ProcessorTry.id)):
        tries[one.request_id].append(one)
    return requests, tries


@bp.post("/payouts/<uuid:payout_id>/decide")
@audience("operator")
def decide(payout_id: UUID) -> ResponseReturnValue:
    """End a payout's hold, or call it off before it is sent; the reason is kept with it."""
    form = forms.sent(Decide())
    with form.refusals():
        decision = form.data["decision"]
        with told():
            failpoint(DECIDE_PAYOUT, Point.BEGIN)
            _DECISIONS[decision](_locked(payout_id), form.data)
            failpoint(DECIDE_PAYOUT, Point.BEFORE_COMMIT)
            db.session.commit()
            failpoint(DECIDE_PAYOUT, Point.RECORDED)
            flash(str(_TOLD[decision]))
        return redirect(url_for("operator.payout", payout_id=payout_id), 303)
    return form.again("operator/payout.html", **_shown(_locked(payout_id)))


def _release(payout: Payout, sent: Mapping[str, Any]) -> None:
    """The processor is asked anew, under a key of its own."""
    hold.release(payout, actor(), clock.now(), sent["reason"])


def _cancel(payout: Payout, sent: Mapping[str, Any]) -> None:
    """The money is the creator's available balance again."""
    domain.cancel(payout, actor(), sent["reason"], clock.now())


def _look_up(payout: Payout, sent: Mapping[str, Any]) -> None:
    """The processor is asked for what was found there; what follows is as with any answer."""
    hold.look_up(payout, sent["remote_id"], actor(), sent["reason"], clock.now())


def _offered(payout: Payout) -> list[str]:
    """What may be decided now; what a processor cannot be asked for by our key, a person finds."""
    asked = outbox.in_review(Op.TRANSFER, payout.id)
    only_found = asked is not None and registry.offers(asked) and not registry.get(asked).lists
    return [
        decision
        for decision in _DECISIONS
        if statuses.allows(payout, decision) and (decision != "look_up" or only_found)
    ]


_DECISIONS = {"release": _release, "cancel": _cancel, "look_up": _look_up}
_TOLD = {
    "release": _("The hold is over. The processor is asked for it again."),
    "cancel": _("The payout is canceled. The money is available to the creator again."),
    "look_up": _("The processor is asked for what you found. What it says is shown here."),
}


def _locked(payout_id: UUID) -> Payout:
    locked = lock(Payout, payout_id)
    if locked is None:
        raise NotFound("no such payout")
    return locked
