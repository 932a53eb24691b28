"""Who applies to a campaign, whom the brand invites, and its answers."""

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
from marketplace.campaigns import application as applications
from marketplace.campaigns import commitments
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import OPEN, Application
from marketplace.campaigns.campaign import Campaign
from marketplace.database.lock import lock
from marketplace.errors import BadInput, NotFound, says
from marketplace.extensions import db
from marketplace.parties import creator as creators
from marketplace.program.rules import verdict_of
from marketplace.schemas.agreements import Invitation, Refusal
from marketplace.web import agreement_words, forms, paging, program_words
from marketplace.web.agreeing import agree
from marketplace.web.brand import bp, my_campaign
from marketplace.web.buttons import told

ANSWERED_SHOWN = 24


@bp.get("/campaigns/<uuid:campaign_id>/applicants")
@audience("brand")
def applicants(campaign_id: UUID) -> ResponseReturnValue:
    """Who waits for an answer, soonest first; who was invited; and what was answered before."""
    mine = my_campaign(campaign_id)
    return render_template("brand/applicants.html", form=forms.blank(), **_listed(mine))


@bp.post("/campaigns/<uuid:campaign_id>/applicants")
@audience("brand")
def invite(campaign_id: UUID) -> ResponseReturnValue:
    """Invite a creator by handle."""
    mine = my_campaign(campaign_id)
    form = forms.sent(Invitation())
    with form.refusals():
        typed = form.data
        forms.once(Application, typed["form_key"], lambda: _invited(mine, typed))
        flash(gettext("The invitation is on its way."))
        return redirect(url_for("brand.applicants", campaign_id=mine.id), 303)
    return form.again("brand/applicants.html", **_listed(mine))


@bp.get("/applications/<uuid:application_id>")
@audience("brand")
def application(application_id: UUID) -> ResponseReturnValue:
    """One application with the facts that decided, to accept or to decline."""
    mine = _my_application(application_id)
    return render_template("brand/application.html", form=forms.blank(), **_shown(mine))


@bp.post("/applications/<uuid:application_id>/accept")
@audience("brand")
def accept_application(application_id: UUID) -> ResponseReturnValue:
    mine = _my_application(application_id)
    with told():
        applications.may_answer(mine, brand=True)
        made = agree(mine.id)
        flash(gettext("Accepted: the agreement stands from now on."))
        return redirect(url_for("brand.agreement", agreement_id=made.id), 303)
    return _page_of(mine.id)


@bp.post("/applications/<uuid:application_id>/decline")
@audience("brand")
def decline_application(application_id: UUID) -> ResponseReturnValue:
    mine = _my_application(application_id)
    form = forms.sent(Refusal())
    with told(), form.refusals():
        reason = form.data["reason"]
        locked = _locked(mine)
        applications.may_answer(locked, brand=True)
        applications.decline(locked, reason, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Declined; the creator reads your reason."))
        return redirect(url_for("brand.applicants", campaign_id=mine.campaign_id), 303)
    if form.errors:
        return form.again("brand/application.html", **_shown(mine))
    return _page_of(application_id)


@bp.post("/applications/<uuid:application_id>/withdraw")
@audience("brand")
def withdraw_invitation(application_id: UUID) -> ResponseReturnValue:
    mine = _my_application(application_id)
    with told():
        locked = _locked(mine)
        applications.may_withdraw(locked, brand=True)
        applications.withdraw(locked, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("The invitation is taken back."))
    return _page_of(application_id)


def _invited(mine: Campaign, typed: dict[str, Any]) -> Application:
    creator = creators.by_handle(typed["handle"])
    if creator is None:
        raise BadInput("invite", {"handle": says("Nobody has this handle.")})
    campaign = lock(Campaign, mine.id)
    assert campaign is not None
    return applications.invite(
        campaign,
        creator,
        typed["message"],
        form_key=typed["form_key"],
        actor=access.actor(),
        at=clock.now(),
    )


def _my_application(application_id: UUID) -> Application:
    """The application of this id, if it is about a campaign of the caller's brand.

    Raises:
        NotFound: it is not, or there is none.
    """
    found = db.session.get(Application, application_id)
    if found is None or found.campaign.brand_id != access.current_brand().id:
        raise NotFound("no such application")
    return found


def _locked(mine: Application) -> Application:
    locked = lock(Application, mine.id)
    assert locked is not None
    return locked


def _page_of(application_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("brand.application", application_id=application_id), 303)


def _listed(mine: Campaign) -> dict[str, Any]:
    of_it = select(Application).where(Application.campaign_id == mine.id)
    of_it = of_it.options(joinedload(Application.creator))
    waiting = of_it.where(Application.status.in_(OPEN)).order_by(Application.answer_by)
    rows = list(db.session.scalars(waiting))
    answered = of_it.where(Application.status.not_in(OPEN))
    return {
        "campaign": mine,
        "waiting": [it for it in rows if not it.is_invitation],
        "invited": [it for it in rows if it.is_invitation],
        "page": paging.newest_first(answered, Application.id, ANSWERED_SHOWN),
        "places_taken": commitments.places_taken(mine.id),
        "free": commitments.free(mine),
    }


def _shown(mine: Application) -> dict[str, Any]:
    verdict = verdict_of(mine.verdict["requirements"])
    made = select(Agreement).filter_by(application_id=mine.id)
    return {
        "application": mine,
        "campaign": mine.campaign,
        "facts": agreement_words.facts(mine.verdict["facts"]),
        "lines": program_words.lines(verdict),
        "history": agreement_words.history([mine], mine.creator.name),
        "agreement": db.session.scalars(made).one_or_none(),
        "places_taken": commitments.places_taken(mine.campaign_id),
        "free": commitments.free(mine.campaign),
    }
