"""Applications to the program: the queue with its clock, one application, and what is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import Schema
from sqlalchemy import select

from marketplace import clock, statuses
from marketplace.access import actor, audience
from marketplace.database.lock import lock, lock_where
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.metrics import channel as channels
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.program import application as applications
from marketplace.program import membership as memberships
from marketplace.program.application import ApplicationStatus, ProgramApplication
from marketplace.program.membership import ProgramMembership
from marketplace.program.rules import verdict_of
from marketplace.schemas.program import Lift, Reject, Suspend
from marketplace.web import forms, paging, program_mail, program_words
from marketplace.web import operator_names as names
from marketplace.web.buttons import told
from marketplace.web.forms import Form
from marketplace.web.operator import bp
from marketplace.web.operator_payouts import creators_of

QUEUE_SHOWN = 200


@bp.get("/applications")
@audience("operator")
def applications_queue() -> ResponseReturnValue:
    """Who waits, the first due first; below, what was decided, newest first."""
    waits = ProgramApplication.status == ApplicationStatus.SUBMITTED
    queue = list(
        db.session.scalars(
            select(ProgramApplication)
            .where(waits)
            .order_by(ProgramApplication.due_at)
            .limit(QUEUE_SHOWN)
        )
    )
    page = paging.newest_first(select(ProgramApplication).where(~waits), ProgramApplication.id)
    return render_template(
        "operator/applications.html",
        queue=queue,
        page=page,
        creators=creators_of([it.creator_id for it in (*queue, *page.rows)]),
        now=clock.now(),
        program_words=program_words,
    )


@bp.get("/applications/<uuid:application_id>")
@audience("operator")
def application(application_id: UUID) -> ResponseReturnValue:
    """One application: what was known then and what is known now, and what may be decided."""
    found = db.session.get(ProgramApplication, application_id)
    if found is None:
        raise NotFound("no such application")
    return render_template("operator/application.html", form=forms.blank(), **_shown(found))


def _shown(found: ProgramApplication) -> dict[str, Any]:
    now = clock.now()
    facts, _, verdict = applications.verdict_now(found.creator_id, now)
    creator = db.session.get_one(Creator, found.creator_id)
    membership = _membership_of(found)
    moves = statuses.history(found)
    moves += statuses.history(membership) if membership else []
    earlier = select(ProgramApplication).where(
        ProgramApplication.creator_id == found.creator_id, ProgramApplication.id != found.id
    )
    return {
        "application": found,
        "creator": creator,
        "person": db.session.get_one(User, creator.user_id),
        "channels": channels.of_creator(found.creator_id),
        "then": program_words.lines(found.verdict_then),
        "decided": program_words.lines(verdict_of(found.decided_verdict))
        if found.decided_verdict
        else None,
        "current": program_words.lines(verdict),
        "facts": facts,
        "eligible": verdict.eligible,
        "membership": membership,
        "earlier": list(db.session.scalars(earlier.order_by(ProgramApplication.id.desc()))),
        "moves": moves,
        "actors": names.actors(move.actor for move in moves),
        "now": now,
        "program_words": program_words,
    }


def _membership_of(found: ProgramApplication) -> ProgramMembership | None:
    return db.session.scalars(
        select(ProgramMembership).where(ProgramMembership.application_id == found.id)
    ).one_or_none()


@bp.post("/applications/<uuid:application_id>/approve")
@audience("operator")
def approve(application_id: UUID) -> ResponseReturnValue:
    """Take the creator in, if the rules are met by what is known now."""
    found = _locked(application_id)
    with told():
        applications.approve(found, actor(), clock.now())
        program_mail.approved(found)
        db.session.commit()
        flash(gettext("Approved. The creator takes part from now on and gets a mail."))
    return _to(application_id)


@bp.post("/applications/<uuid:application_id>/reject")
@audience("operator")
def reject(application_id: UUID) -> ResponseReturnValue:
    """Turn the creator down, with a reason and from when on they may ask again."""

    def act(data: dict[str, Any]) -> None:
        found = _locked(application_id)
        applications.reject(found, **data, actor=actor(), at=clock.now())
        program_mail.rejected(found)

    return _decide(application_id, Reject(), act, gettext("Rejected. The creator gets a mail."))


@bp.post("/applications/<uuid:application_id>/suspend")
@audience("operator")
def suspend(application_id: UUID) -> ResponseReturnValue:
    """Keep a member from starting anything new, with a reason."""

    def act(data: dict[str, Any]) -> None:
        membership = _locked_membership(application_id)
        memberships.suspend(membership, **data, actor=actor(), at=clock.now())
        program_mail.suspended(membership)

    return _decide(application_id, Suspend(), act, gettext("Suspended. The creator gets a mail."))


@bp.post("/applications/<uuid:application_id>/lift")
@audience("operator")
def lift(application_id: UUID) -> ResponseReturnValue:
    """End a suspension."""

    def act(data: dict[str, Any]) -> None:
        membership = _locked_membership(application_id)
        memberships.lift(membership, actor(), data["reason"], clock.now())
        program_mail.lifted(membership)

    return _decide(application_id, Lift(), act, gettext("Lifted. The creator takes part again."))


def _decide(
    application_id: UUID, schema: Schema, act: Callable[[dict[str, Any]], None], done: str
) -> ResponseReturnValue:
    """Act on what was sent, once; a form with mistakes comes back, a late one says that it is."""
    form: Form = forms.sent(schema)
    found = _locked(application_id)
    with form.refusals():
        data = form.data
        with told():
            act(data)
            db.session.commit()
            flash(done)
        return _to(application_id)
    return form.again("operator/application.html", **_shown(found))


def _locked(application_id: UUID) -> ProgramApplication:
    found = lock(ProgramApplication, application_id)
    if found is None:
        raise NotFound("no such application")
    return found


def _locked_membership(application_id: UUID) -> ProgramMembership:
    found = lock_where(ProgramMembership, ProgramMembership.application_id == application_id)
    if found is None:
        raise NotFound("no such membership")
    return found


def _to(application_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("operator.application", application_id=application_id), 303)
