"""Applying to a campaign, and invitations to answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.campaigns import application as applications
from marketplace.campaigns import commitments
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.schemas.agreements import Decline, Request
from marketplace.web import agreement_words, forms
from marketplace.web.agreeing import agree
from marketplace.web.buttons import told
from marketplace.web.creator import bp


@bp.post("/campaigns/<uuid:campaign_id>/apply")
@audience("creator")
def apply_to_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Ask for a place; a second click finds what the first one made."""
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None or campaign.status != CampaignStatus.OPEN:
        raise NotFound("no such open campaign")
    with told():
        typed = forms.sent(Request()).data
        forms.once(Application, typed["form_key"], lambda: _asked(campaign_id, typed))
        flash(gettext("You applied. The brand answers within seven days."))
    return redirect(url_for("creator.campaign", campaign_id=campaign_id), 303)


@bp.get("/work/applications/<uuid:application_id>")
@audience("creator")
def application(application_id: UUID) -> ResponseReturnValue:
    """One of the caller's applications or invitations."""
    mine = _my_application(application_id)
    return render_template("creator/application.html", form=forms.blank(), **_shown(mine))


@bp.post("/work/applications/<uuid:application_id>/accept")
@audience("creator")
def accept_invitation(application_id: UUID) -> ResponseReturnValue:
    mine = _my_application(application_id)
    with told():
        applications.may_answer(mine, brand=False)
        made = agree(mine.id)
        flash(gettext("Accepted: the agreement stands from now on."))
        return redirect(url_for("creator.agreement", agreement_id=made.id), 303)
    return _page_of(application_id)


@bp.post("/work/applications/<uuid:application_id>/decline")
@audience("creator")
def decline_invitation(application_id: UUID) -> ResponseReturnValue:
    mine = _my_application(application_id)
    form = forms.sent(Decline())
    with told(), form.refusals():
        reason = form.data["reason"]
        locked = _locked(mine)
        applications.may_answer(locked, brand=False)
        applications.decline(locked, reason, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("You declined the invitation."))
    if form.errors:
        return form.again("creator/application.html", **_shown(mine))
    return _page_of(application_id)


@bp.post("/work/applications/<uuid:application_id>/withdraw")
@audience("creator")
def withdraw_application(application_id: UUID) -> ResponseReturnValue:
    mine = _my_application(application_id)
    with told():
        locked = _locked(mine)
        applications.may_withdraw(locked, brand=False)
        applications.withdraw(locked, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Your application is withdrawn."))
    return _page_of(application_id)


def standing(campaign: Campaign) -> dict[str, Any]:
    """How the caller stands to a campaign: their open application, or their agreement."""
    creator_id = access.current_creator().id
    return {
        "asked": applications.of_pair(campaign.id, creator_id),
        "agreed": applications.agreement_of(campaign.id, creator_id),
        "places_left": (campaign.places or 0) - commitments.places_taken(campaign.id),
        "apply_form": forms.blank(),
    }


def _asked(campaign_id: UUID, typed: dict[str, Any]) -> Application:
    campaign = lock(Campaign, campaign_id)
    assert campaign is not None
    return applications.apply(
        campaign,
        access.current_creator(),
        typed["message"],
        form_key=typed["form_key"],
        actor=access.actor(),
        at=clock.now(),
    )


def _my_application(application_id: UUID) -> Application:
    """The caller's application or invitation of this id.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = db.session.get(Application, application_id)
    if found is None or found.creator_id != access.current_creator().id:
        raise NotFound("no such application")
    return found


def _locked(mine: Application) -> Application:
    locked = lock(Application, mine.id)
    assert locked is not None
    return locked


def _page_of(application_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("creator.application", application_id=application_id), 303)


def _shown(mine: Application) -> dict[str, Any]:
    made = select(Agreement).filter_by(application_id=mine.id)
    return {
        "application": mine,
        "campaign": mine.campaign,
        "history": agreement_words.history([mine], mine.campaign.brand.name),
        "agreement": db.session.scalars(made).one_or_none(),
    }
