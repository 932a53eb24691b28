"""Accounts that close: whose, why, and what keeps the last of their money from leaving."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock, statuses
from marketplace.access import audience
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.parties import closing as closings_of
from marketplace.parties.closing import AccountClosing, ClosingStatus
from marketplace.parties.creator import Creator
from marketplace.payouts import closing, explain
from marketplace.payouts import rest as rests
from marketplace.payouts.gate import Decision
from marketplace.schemas.operations import CloseAccount, PayRest
from marketplace.web import forms, paging
from marketplace.web import operator_names as names
from marketplace.web.buttons import late
from marketplace.web.operator import bp
from marketplace.web.operator_payouts import creators_of


@bp.get("/payouts/closings")
@audience("operator")
def closings() -> ResponseReturnValue:
    """Every closing, the newest first, with what is still owed."""
    page = paging.newest_first(select(AccountClosing), AccountClosing.id)
    creators = creators_of([it.creator_id for it in page.rows])
    begun = {it.id: statuses.history(it)[0] for it in page.rows}
    return render_template(
        "operator/closings.html",
        page=page,
        creators=creators,
        begun=begun,
        actors=names.actors(change.actor for change in begun.values()),
        owed={
            it.creator_id: _owed(creators[it.creator_id])
            for it in page.rows
            if it.status != ClosingStatus.CLOSED
        },
        as_json=explain.as_json,
    )


def _owed(creator: Creator) -> list[Decision]:
    return [it for it in explain.decisions_for(creator, clock.now()) if it.total]


@bp.get("/payouts/closings/<uuid:closing_id>/rest")
@audience("operator")
def rest(closing_id: UUID) -> ResponseReturnValue:
    """What no rail can send of an account that closes: paid another way, with what proves it."""
    return render_template("operator/rest.html", form=forms.blank(), **_left(closing_id))


@bp.post("/payouts/closings/<uuid:closing_id>/rest")
@audience("operator")
def do_pay_rest(closing_id: UUID) -> ResponseReturnValue:
    """Write down how a rest was paid; a second click finds what the first one wrote."""
    shown = _left(closing_id)
    form = forms.sent(PayRest())
    with form.refusals():
        with late():
            payer, at = access.current_person(), clock.now()
            rests.pay_rest(closing_id, **form.data, payer=payer, at=at)
            db.session.commit()
            flash(gettext("Noted. Its creator was told; the account closes once nothing is left."))
        return redirect(url_for("operator.closings"), 303)
    return form.again("operator/rest.html", **shown)


def _left(closing_id: UUID) -> dict[str, Any]:
    found = db.session.get(AccountClosing, closing_id)
    if found is None:
        raise NotFound("no such closing")
    creator = db.session.get_one(Creator, found.creator_id)
    left = rests.rests_of(creator) if found.status == ClosingStatus.UNPAYABLE else []
    return {"closing": found, "creator": creator, "rests": left, "rails": rests.rails()}


@bp.get("/creators/<uuid:creator_id>/close")
@audience("operator")
def close_account(creator_id: UUID) -> ResponseReturnValue:
    """Close a creator's account, for a reason that they read."""
    return render_template("operator/close.html", form=forms.blank(), **_shown(creator_id))


@bp.post("/creators/<uuid:creator_id>/close")
@audience("operator")
def do_close_account(creator_id: UUID) -> ResponseReturnValue:
    shown = _shown(creator_id)
    form = forms.sent(CloseAccount())
    with form.refusals():
        closing.begin(creator_id, form.data["reason"], access.actor(), clock.now())
        db.session.commit()
        flash(gettext("The account closes once everything is paid."))
        return redirect(url_for("operator.closings"), 303)
    return form.again("operator/close.html", **shown)


def _shown(creator_id: UUID) -> dict[str, Any]:
    creator = db.session.get(Creator, creator_id)
    if creator is None:
        raise NotFound("no such creator")
    return {"creator": creator, "closing": closings_of.of(creator_id), "owed": _owed(creator)}
