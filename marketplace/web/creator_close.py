"""The end of a creator's account: what follows from it, and the word that they mean it."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.errors import says
from marketplace.extensions import db
from marketplace.payouts import closing, explain
from marketplace.payouts.gate import Decision
from marketplace.schemas.payouts import CloseMyAccount
from marketplace.web import forms
from marketplace.web.creator import bp

ASKED = says("You asked for it.")


@bp.get("/close")
@audience("creator")
def close() -> ResponseReturnValue:
    """What closing means, with what is still owed."""
    return render_template("creator/close.html", form=forms.blank(), decisions=_decisions())


@bp.post("/close")
@audience("creator")
def do_close() -> ResponseReturnValue:
    form = forms.sent(CloseMyAccount())
    with form.refusals():
        _ = form.data["confirm"]  # nothing but 'yes' can be read
        closing.begin(access.current_creator().id, ASKED, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Your account is closing. What you are owed is paid with the next runs."))
        return redirect(url_for("creator.home"), 303)
    return form.again("creator/close.html", decisions=_decisions())


def _decisions() -> list[Decision]:
    found = explain.decisions_for(access.current_creator(), clock.now())
    return [decision for decision in found if decision.total]
