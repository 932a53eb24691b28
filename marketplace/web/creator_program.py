"""The program as a creator sees it: each rule with its answer, and how an application stands."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.database.lock import lock
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.metrics import channel as channels
from marketplace.metrics.facts import CreatorFacts
from marketplace.parties.creator import Creator
from marketplace.program import application as applications
from marketplace.program import membership
from marketplace.program.application import ProgramApplication
from marketplace.schemas.fields import REQUIRED
from marketplace.schemas.program import Apply
from marketplace.web import forms, program_mail, program_words
from marketplace.web.buttons import told
from marketplace.web.choices import country_choices
from marketplace.web.creator import bp


@bp.get("/program")
@audience("creator")
def program() -> ResponseReturnValue:
    """What the program asks, what is known, and how an application stands."""
    shown = _shown()
    form = forms.blank(country=shown["facts"].country or "")
    return render_template("creator/program.html", form=form, **shown)


@bp.post("/program")
@audience("creator")
def apply() -> ResponseReturnValue:
    """Ask to take part, once per form; who misses a rule reads which, and nothing is kept."""
    form = forms.sent(Apply())
    with told():
        with form.refusals():
            data = form.data
            born_on = _born_on() or data["born_on"]
            if born_on is None:
                raise BadInput("born_on", {"born_on": str(REQUIRED)})
            forms.once(ProgramApplication, data["form_key"], lambda: _apply(data, born_on))
            flash(gettext("Sent. You get a mail as soon as it is decided."))
            return redirect(url_for("creator.program"), 303)
        return form.again("creator/program.html", **_shown())
    return redirect(url_for("creator.program"), 303)  # it came too late


def _apply(data: dict[str, Any], born_on: date) -> ProgramApplication:
    creator = lock(Creator, access.current_creator().id)
    assert creator is not None
    return applications.apply(
        creator,
        born_on,
        data["country"],
        form_key=data["form_key"],
        actor=access.actor(),
        at=clock.now(),
    )


def _born_on() -> date | None:
    """The date of birth that was said before, with an earlier application."""
    facts = db.session.get(CreatorFacts, access.current_creator().id)
    return facts.born_on if facts else None


def _shown() -> dict[str, Any]:
    creator_id, at = access.current_creator().id, clock.now()
    facts, rules, verdict = applications.verdict_now(creator_id, at)
    missed = {it.rule for it in verdict.missed}
    last = applications.latest(creator_id)
    return {
        "facts": facts,
        "rules": rules,
        "lines": program_words.lines(verdict),
        "missed": len(missed - {"age"} if facts.age_years is None else missed),
        "asks_birth": _born_on() is None,
        "may_apply": applications.may_apply(creator_id, at),
        "application": last,
        "again": program_mail.again(last) if last and last.status == "rejected" else "",
        "membership": membership.of_creator(creator_id),
        "channels": channels.of_creator(creator_id),
        "countries": country_choices(),
        "program_words": program_words,
    }
