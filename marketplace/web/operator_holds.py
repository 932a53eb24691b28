"""Holds on creators: why nothing leaves to them, whose each is, until when; placed and lifted."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import creator_hold
from marketplace.payouts.creator_hold import CreatorHold
from marketplace.payouts.schedule import RUN_TIME
from marketplace.schemas.operations import LiftHold, PlaceHold
from marketplace.web import forms, paging
from marketplace.web import operator_names as names
from marketplace.web.buttons import late
from marketplace.web.operator import bp
from marketplace.web.operator_payouts import creators_of

HOLDS_SHOWN = 20


@bp.get("/payouts/holds")
@audience("operator")
def holds() -> ResponseReturnValue:
    """Every hold, the newest first."""
    page = paging.newest_first(select(CreatorHold), CreatorHold.id)
    return render_template(
        "operator/holds.html",
        page=page,
        creators=creators_of([hold.creator_id for hold in page.rows]),
        actors=names.actors(hold.placed_by for hold in page.rows),
        now=clock.now(),
    )


@bp.get("/creators/<uuid:creator_id>/hold")
@audience("operator")
def hold(creator_id: UUID) -> ResponseReturnValue:
    """Hold a creator's payouts, or end the hold that there is."""
    return render_template("operator/hold.html", form=forms.blank(), **_shown(creator_id))


@bp.post("/creators/<uuid:creator_id>/hold")
@audience("operator")
def place_hold(creator_id: UUID) -> ResponseReturnValue:
    creator = _found(creator_id)
    form = forms.sent(PlaceHold())
    with form.refusals():
        review_on = form.data["review_on"]
        review_at = datetime.combine(review_on, RUN_TIME, ZoneInfo(creator.time_zone))
        creator_hold.place(creator_id, form.data["reason"], review_at, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Nothing leaves to this creator until you lift the hold."))
        return redirect(url_for("operator.hold", creator_id=creator_id), 303)
    return form.again("operator/hold.html", **_shown(creator_id))


@bp.post("/creators/<uuid:creator_id>/hold/lift")
@audience("operator")
def lift_hold(creator_id: UUID) -> ResponseReturnValue:
    form = forms.sent(LiftHold())
    with form.refusals():
        reason = form.data["reason"]
        found = creator_hold.active(_found(creator_id).id)
        locked = lock(CreatorHold, found.id) if found else None
        if locked is not None:
            with late():
                creator_hold.lift(locked, access.actor(), reason, clock.now())
                db.session.commit()
                flash(gettext("The hold is over. What waited for it goes on."))
        return redirect(url_for("operator.hold", creator_id=creator_id), 303)
    return form.again("operator/hold.html", **_shown(creator_id))


def _found(creator_id: UUID) -> Creator:
    found = db.session.get(Creator, creator_id)
    if found is None:
        raise NotFound("no such creator")
    return found


def _shown(creator_id: UUID) -> dict[str, Any]:
    mine = select(CreatorHold).where(CreatorHold.creator_id == _found(creator_id).id)
    before = list(db.session.scalars(mine.order_by(CreatorHold.id.desc()).limit(HOLDS_SHOWN)))
    return {
        "creator": _found(creator_id),
        "hold": creator_hold.active(creator_id),
        "before": before,
        "actors": names.actors(hold.placed_by for hold in before),
        "within": creator_hold.REVIEW_WITHIN.days,
    }
