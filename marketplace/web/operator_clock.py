"""The demo clock, in sandbox mode only: what falls due next, and how a month passes in a minute.

In live mode these pages do not exist.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import clock, demo_clock
from marketplace.access import audience
from marketplace.campaigns.application import next_expiry
from marketplace.campaigns.deliverable import next_silence
from marketplace.campaigns.ending import next_end, next_give_up
from marketplace.challenges.judging import next_due as next_challenge
from marketplace.database.lock import lock_where
from marketplace.demo_clock import DAYS_MAX, DemoClock
from marketplace.earnings.hold import next_review as next_contest
from marketplace.earnings.maturity import next_maturity
from marketplace.extensions import db
from marketplace.payouts.hold import next_review
from marketplace.payouts.opening import next_run_at
from marketplace.schemas.operations import MoveClock
from marketplace.web import forms
from marketplace.web.operator import bp

QUICK_DAYS = (1, 7, 30)


class NextDue(NamedTuple):
    """What falls due next of one kind of work."""

    icon: str
    title: str
    at: datetime | None


class Walk(NamedTuple):
    """A way that the worker walks, in seconds of the clock's offset."""

    aim: datetime
    done_s: int
    whole_s: int


@audience("operator")
def page() -> ResponseReturnValue:
    """Where the clock stands, and where it goes."""
    shown = _shown()
    if "HX-Request" in request.headers and shown["walk"] is None:
        # Arrived: the whole page anew, since its head says how far ahead the clock is.
        return Response(status=204, headers={"HX-Refresh": "true"})
    return render_template("operator/clock.html", form=forms.blank(), **shown)


def _shown() -> dict[str, Any]:
    return {"now": clock.now(), "walk": _walk(), "due": _due(), "quick_days": QUICK_DAYS} | {
        "days_max": DAYS_MAX
    }


def _walk() -> Walk | None:
    """The walk under way; `?begun=`, the offset when it was asked for, says how far it has come."""
    row = db.session.get(DemoClock, 1)
    if row is None or row.offset_s >= row.wanted_offset_s:
        return None
    begun_s = request.args.get("begun", row.offset_s, type=int)
    begun_s = min(max(begun_s, 0), row.offset_s)
    aim = clock.wall_now() + timedelta(seconds=row.wanted_offset_s)
    return Walk(aim, row.offset_s - begun_s, row.wanted_offset_s - begun_s)


def _due() -> list[NextDue]:
    due = (
        NextDue("sprout", gettext("Earnings mature"), next_maturity()),
        NextDue("scale", gettext("A contest ends without a decision"), next_contest()),
        NextDue("megaphone", gettext("A campaign's window ends"), next_end()),
        NextDue("mailbox", gettext("An application expires"), next_expiry()),
        NextDue("eye-off", gettext("Work approves itself"), next_silence()),
        NextDue("calendar-x", gettext("Work that never came is given up"), next_give_up()),
        NextDue("trophy", gettext("A challenge closes, is judged or awarded"), next_challenge()),
        NextDue("banknote", gettext("A payout run"), next_run_at()),
        NextDue("hand", gettext("A held payout is tried again"), next_review()),
    )
    return sorted(due, key=lambda it: (it.at is None, it.at or clock.now()))


@audience("operator")
def move() -> ResponseReturnValue:
    """Ask for some days to pass; the worker walks there, stopping at all that falls due."""
    form = forms.sent(MoveClock())
    with form.refusals():
        days = form.data["days"]
        lock_where(DemoClock, DemoClock.id == 1)  # the worker may be walking
        demo_clock.ask(days)
        begun_s = demo_clock.row().offset_s
        db.session.commit()
        return redirect(url_for("operator.clock", begun=begun_s), 303)
    return form.again("operator/clock.html", **_shown())


@bp.record
def _in_sandbox_mode(state: BlueprintSetupState) -> None:
    """Add the pages where there is a demo clock."""
    if state.app.extensions["settings"].sandbox:
        state.add_url_rule("/clock", "clock", page, methods=["GET"])
        state.add_url_rule("/clock", "move_clock", move, methods=["POST"])
