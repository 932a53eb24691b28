"""Earnings as operators see them: what is contested and until when, and what may be decided.

contest ──▶ held ──▶ release | uphold     (or time: without a decision the earning stands)
take back                                 paid out or not: what is not there any more is debt
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import clock, statuses
from marketplace.access import actor, audience
from marketplace.earnings import hold as holds
from marketplace.earnings import taking_back
from marketplace.earnings.clawback import clawbacks_of, kept, kept_of
from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.errors import BadInput, NotFound, says
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.parties.creator import Creator
from marketplace.schemas.operations import Contest, DecideContest, TakeBack
from marketplace.web import clawbacks, earning_sources, forms
from marketplace.web import operator_names as names
from marketplace.web.buttons import told
from marketplace.web.operator import bp
from marketplace.web.operator_payouts import creators_of

QUEUE_SHOWN = 200
DAYS = 14  # for a decision, unless somebody says otherwise


@bp.get("/payouts/earnings")
@audience("operator")
def contested() -> ResponseReturnValue:
    """What is contested, the first to be decided first."""
    waits = select(Earning).where(Earning.status == EarningStatus.CONTESTED)
    queue = list(db.session.scalars(waits.order_by(Earning.review_at).limit(QUEUE_SHOWN)))
    return render_template(
        "operator/contested.html",
        queue=queue,
        kept=kept_of(queue),
        holds={it.id: holds.current(it) for it in queue},
        sources=earning_sources.named(queue),
        creators=creators_of([it.creator_id for it in queue]),
    )


@bp.get("/payouts/earnings/<uuid:earning_id>")
@audience("operator")
def earning(earning_id: UUID) -> ResponseReturnValue:
    """One earning: where it stands, why it is or was contested, and what may be decided."""
    form = forms.blank(days=DAYS)
    return render_template("operator/earning.html", form=form, **_shown(earning_id))


def _shown(earning_id: UUID) -> dict[str, Any]:
    found = _found(earning_id)
    moves, every = statuses.history(found), holds.holds_of(found)
    taken = clawbacks_of([found])
    causes = [found.cause, *(it.cause for it in every), *(it.cause for it in taken)]
    posted = [it for cause in causes for it in balances.transactions_of(cause)]
    return {
        "earning": found,
        "kept": kept(found),
        "source": earning_sources.named([found])[found.id],
        "creator": db.session.get_one(Creator, found.creator_id),
        "hold": holds.current(found),
        "holds": every,
        "clawbacks": taken,
        "moves": moves,
        "actors": names.actors(move.actor for move in moves),
        "postings": sorted(posted, key=lambda it: (it.effective_at, it.id)),
        "may_contest": statuses.allows(found, "contest"),
        "reasons": [(it, str(clawbacks.REASONS[it])) for it in holds.REASONS],
    }


def _found(earning_id: UUID) -> Earning:
    found = db.session.get(Earning, earning_id)
    if found is None:
        raise NotFound("no such earning")
    return found


@bp.post("/payouts/earnings/<uuid:earning_id>/contest")
@audience("operator")
def contest(earning_id: UUID) -> ResponseReturnValue:
    """Hold an earning until it is decided; its creator reads why, and by when."""
    _found(earning_id)
    form = forms.sent(Contest())
    with told():
        with form.refusals():
            holds.contest(earning_id, **form.data, actor=actor(), at=clock.now())
            db.session.commit()
            flash(gettext("It is held. Its creator was told why, and by when you decide."))
        if form.errors:
            return form.again("operator/earning.html", **_shown(earning_id))
    return _to(earning_id)


@bp.post("/payouts/earnings/<uuid:earning_id>/decide")
@audience("operator")
def decide_contest(earning_id: UUID) -> ResponseReturnValue:
    """End a contest: the earning stands, or it goes back to who paid it."""
    found = _found(earning_id)
    form = forms.sent(DecideContest())
    with form.refusals():
        reason, at = form.data["reason"], clock.now()
        with told():
            if form.data["decision"] == "release":
                holds.release(earning_id, actor=actor(), reason=reason, at=at)
                done = gettext("The earning stands. Its creator was told.")
            else:
                back_to = earning_sources.payer(found)
                holds.uphold(earning_id, back_to=back_to, actor=actor(), reason=reason, at=at)
                done = gettext("It was taken back. Its creator was told.")
            db.session.commit()
            flash(done)
        return _to(earning_id)
    return form.again("operator/earning.html", **_shown(earning_id))


@bp.get("/payouts/earnings/<uuid:earning_id>/take-back")
@audience("operator")
def take_back(earning_id: UUID) -> ResponseReturnValue:
    """What it would mean to take an earning back, and the form for it."""
    form = forms.blank(currency=_found(earning_id).currency)
    return render_template("operator/take_back.html", form=form, **_to_take(earning_id))


@bp.post("/payouts/earnings/<uuid:earning_id>/take-back")
@audience("operator")
def do_take_back(earning_id: UUID) -> ResponseReturnValue:
    """Take back what a creator keeps of an earning, or a part of it, even after it was paid out."""
    found = _found(earning_id)
    form = forms.sent(TakeBack())
    with form.refusals():
        data = form.data
        if data.pop("again") != data["amount"]:
            raise BadInput("again", {"again": says("Type the same amount as above.")})
        del data["currency"]  # the amounts are in it
        back_to = earning_sources.payer(found)
        taking_back.take_back(earning_id, **data, back_to=back_to, actor=actor(), at=clock.now())
        db.session.commit()
        flash(gettext("It was taken back. Its creator was told."))
        return _to(earning_id)
    return form.again("operator/take_back.html", **_to_take(earning_id))


def _to_take(earning_id: UUID) -> dict[str, Any]:
    shown = _shown(earning_id)
    available = postings.creator_available(shown["creator"].ledger_owner)
    return shown | {"there": balances.balance(available, shown["earning"].currency)}


def _to(earning_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("operator.earning", earning_id=earning_id), 303)
