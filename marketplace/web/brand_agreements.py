"""Agreements as a brand sees them: what waits for its review, and one with its work."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns import ending
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.deliverable import AWAITED, Deliverable, DeliverableStatus
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.schemas.agreements import Notes
from marketplace.web import agreement_words, forms, paging
from marketplace.web.brand import bp
from marketplace.web.brand_waiting import WAITING_MAX, applicants, to_review, work_of
from marketplace.web.buttons import told
from marketplace.web.formats import money

OVER_SHOWN = 24


@bp.get("/work")
@audience("brand")
def work() -> ResponseReturnValue:
    """The review queue, soonest first; what creators work on; applicants; and what is over."""
    brand = access.current_brand()
    in_hand = Deliverable.status.in_(AWAITED)
    awaited = work_of(brand.id).where(in_hand).order_by(Deliverable.due_at)
    over = work_of(brand.id).where(
        Deliverable.status.in_((DeliverableStatus.APPROVED, DeliverableStatus.CANCELED))
    )
    return render_template(
        "brand/work.html",
        now=clock.now(),
        to_review=to_review(brand.id),
        applicants=applicants(brand.id),
        awaited=list(db.session.scalars(awaited.limit(WAITING_MAX))),
        page=paging.newest_first(over, Deliverable.id, OVER_SHOWN),
    )


@bp.get("/work/<uuid:agreement_id>")
@audience("brand")
def agreement(agreement_id: UUID) -> ResponseReturnValue:
    mine = _my_agreement(agreement_id)
    return render_template("brand/agreement.html", form=forms.blank(), **_shown(mine))


@bp.post("/work/<uuid:agreement_id>/approve")
@audience("brand")
def approve_work(agreement_id: UUID) -> ResponseReturnValue:
    mine = _my_agreement(agreement_id)
    with told():
        deliverables.approve(_work(mine).id, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Approved: what was agreed is the creator's now."))
    return _page_of(agreement_id)


@bp.post("/work/<uuid:agreement_id>/revise")
@audience("brand")
def request_revision(agreement_id: UUID) -> ResponseReturnValue:
    mine = _my_agreement(agreement_id)
    form = forms.sent(Notes())
    with told(), form.refusals():
        notes = form.data["notes"]
        deliverables.request_revision(_work(mine).id, notes, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("The creator reads your notes and has three days."))
    if form.errors:
        return form.again("brand/agreement.html", **_shown(_my_agreement(agreement_id)))
    return _page_of(agreement_id)


@bp.post("/work/<uuid:agreement_id>/give-up")
@audience("brand")
def give_up(agreement_id: UUID) -> ResponseReturnValue:
    """Stop waiting for work that is three days late."""
    mine = _my_agreement(agreement_id)
    with told():
        back = ending.give_up(_work(mine).id, access.actor(), clock.now())
        db.session.commit()
        said = gettext("The agreement is over; its place and money are free again.")
        if back:
            said = gettext("The agreement is over; %(amount)s is back.", amount=money(back))
        flash(said)
    return _page_of(agreement_id)


def _my_agreement(agreement_id: UUID) -> Agreement:
    """The agreement of this id, if it is one of the caller's brand.

    Raises:
        NotFound: it is not, or there is none.
    """
    found = db.session.get(Agreement, agreement_id)
    if found is None or found.campaign.brand_id != access.current_brand().id:
        raise NotFound("no such agreement")
    return found


def _work(mine: Agreement) -> Deliverable:
    return deliverables.of_agreement(mine.id)


def _page_of(agreement_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("brand.agreement", agreement_id=agreement_id), 303)


def _shown(mine: Agreement) -> dict[str, Any]:
    work = _work(mine)
    application = db.session.get_one(Application, mine.application_id)
    return {
        "now": clock.now(),
        "agreement": mine,
        "campaign": mine.campaign,
        "work": work,
        "rounds": deliverables.submissions(work.id),
        "history": agreement_words.history([application, work], mine.creator.name),
    }
