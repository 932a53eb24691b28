"""A creator's work: what waits for them, what waits for brands, and one agreement to fulfill."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace import access, clock
from marketplace.access import audience
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import OPEN, Application
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.deliverable import AWAITED, Deliverable, DeliverableStatus
from marketplace.commissions import code as codes
from marketplace.earnings.earning import Earning
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.schemas.agreements import Work
from marketplace.web import agreement_words, forms, paging
from marketplace.web.buttons import told
from marketplace.web.creator import bp

OVER_SHOWN = 24
WAITING_MAX = 200


@bp.get("/work")
@audience("creator")
def work() -> ResponseReturnValue:
    """What waits for the creator first, then what waits for brands, then what is over."""
    creator_id = access.current_creator().id
    asked = _asked(creator_id)
    over = _work_of(creator_id).where(
        Deliverable.status.in_((DeliverableStatus.APPROVED, DeliverableStatus.CANCELED))
    )
    return render_template(
        "creator/work.html",
        now=clock.now(),
        invitations=[it for it in asked if it.is_invitation],
        applications=[it for it in asked if not it.is_invitation],
        to_do=_first(
            _work_of(creator_id).where(Deliverable.status.in_(AWAITED)).order_by(Deliverable.due_at)
        ),
        in_review=_first(
            _work_of(creator_id)
            .where(Deliverable.status == DeliverableStatus.SUBMITTED)
            .order_by(Deliverable.review_by)
        ),
        page=paging.newest_first(over, Deliverable.id, OVER_SHOWN),
    )


@bp.get("/work/<uuid:agreement_id>")
@audience("creator")
def agreement(agreement_id: UUID) -> ResponseReturnValue:
    mine = _my_agreement(agreement_id)
    return render_template("creator/agreement.html", form=forms.blank(), **_shown(mine))


@bp.post("/work/<uuid:agreement_id>/submit")
@audience("creator")
def submit_work(agreement_id: UUID) -> ResponseReturnValue:
    mine = _my_agreement(agreement_id)
    form = forms.sent(Work())
    with told(), form.refusals():
        typed = form.data
        work = deliverables.of_agreement(mine.id)
        deliverables.submit(work.id, typed["link"], typed["note"], access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Submitted. Without an answer it is approved in three business days."))
    if form.errors:
        return form.again("creator/agreement.html", **_shown(_my_agreement(agreement_id)))
    return redirect(url_for("creator.agreement", agreement_id=agreement_id), 303)


def _asked(creator_id: UUID) -> list[Application]:
    statement = (
        select(Application)
        .where(Application.creator_id == creator_id, Application.status.in_(OPEN))
        .options(joinedload(Application.campaign).joinedload(Campaign.brand))
        .order_by(Application.answer_by)
        .limit(WAITING_MAX)
    )
    return list(db.session.scalars(statement))


def _work_of(creator_id: UUID) -> Any:
    """Deliverables of a creator with their agreement, campaign and brand."""
    whole = joinedload(Deliverable.agreement).joinedload(Agreement.campaign)
    return (
        select(Deliverable)
        .join(Deliverable.agreement)
        .where(Agreement.creator_id == creator_id)
        .options(whole.joinedload(Campaign.brand))
    )


def _first(statement: Any) -> list[Deliverable]:
    return list(db.session.scalars(statement.limit(WAITING_MAX)))


def _my_agreement(agreement_id: UUID) -> Agreement:
    """The caller's agreement of this id.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = db.session.get(Agreement, agreement_id)
    if found is None or found.creator_id != access.current_creator().id:
        raise NotFound("no such agreement")
    return found


def _shown(mine: Agreement) -> dict[str, Any]:
    work = deliverables.of_agreement(mine.id)
    application = db.session.get_one(Application, mine.application_id)
    paid = select(Earning).filter_by(kind="flat_fee", source_ref=work.source_ref)
    history = agreement_words.history([application, work], mine.campaign.brand.name)
    return {
        "now": clock.now(),
        "agreement": mine,
        "code": codes.of_agreement(mine.id),
        "campaign": mine.campaign,
        "work": work,
        "notes": deliverables.notes(work),
        "rounds": deliverables.submissions(work.id),
        "history": history,
        "earning": db.session.scalars(paid).one_or_none(),
    }
