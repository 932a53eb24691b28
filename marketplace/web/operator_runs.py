"""Payout runs: who was paid in a period, and for everybody else why not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, func, select, tuple_

from marketplace import access, clock, statuses
from marketplace.access import audience
from marketplace.database.lock import lock
from marketplace.errors import BadInput, NotFound, says
from marketplace.extensions import db
from marketplace.failpoints import DECIDE_RUN, Point, failpoint
from marketplace.money import Money, zero
from marketplace.payouts import approval, overview, shortfall
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.overview import Pay, Sum
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun, PayoutRunLine, RunStatus
from marketplace.schemas.operations import DecideRun
from marketplace.web import forms, paging
from marketplace.web import operator_names as names
from marketplace.web.buttons import late
from marketplace.web.formats import translated
from marketplace.web.operator import bp
from marketplace.web.operator_payouts import creators_of

STATES = ("included", "excluded", "waiting")
LINES_SHOWN = 100
CHANGES_SHOWN = 20
_GOES_ON = tuple(it for it in RunStatus if it != RunStatus.REJECTED)  # done may have held payouts


@bp.get("/payouts/runs")
@audience("operator")
def runs() -> ResponseReturnValue:
    """Every run, the latest first, with how many lines it paid."""
    page = paging.newest_first(select(PayoutRun), PayoutRun.id)
    counts = line_counts([run.id for run in page.rows])
    return render_template("operator/runs.html", page=page, counts=counts)


def line_counts(run_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Per run how many lines are in each state."""
    rows = db.session.execute(
        select(PayoutRunLine.run_id, PayoutRunLine.state, func.count())
        .where(PayoutRunLine.run_id.in_(run_ids))
        .group_by(PayoutRunLine.run_id, PayoutRunLine.state)
    )
    counts: dict[UUID, dict[str, int]] = {id: dict.fromkeys(STATES, 0) for id in run_ids}
    for run_id, state, count in rows:
        counts[run_id][state] = count
    return counts


@bp.get("/payouts/runs/<uuid:run_id>")
@audience("operator")
def run(run_id: UUID) -> ResponseReturnValue:
    """One run, line by line: the payout, or what kept the balance from leaving."""
    return render_template("operator/run.html", form=forms.blank(), **_shown(_found(run_id)))


def _found(run_id: UUID) -> PayoutRun:
    found = db.session.get(PayoutRun, run_id)
    if found is None:
        raise NotFound("no such run")
    return found


def _shown(found: PayoutRun) -> dict[str, Any]:
    run_id = found.id
    state = request.args.get("state", "")
    statement = select(PayoutRunLine).where(PayoutRunLine.run_id == run_id)
    if state in STATES:
        statement = statement.where(PayoutRunLine.state == state)
    lines = list(db.session.scalars(_after(statement).limit(LINES_SHOWN + 1)))
    shown = lines[:LINES_SHOWN]
    moves = statuses.history(found)
    return {
        "run": found,
        "lines": shown,
        "next_after": _place(shown[-1]) if len(lines) > LINES_SHOWN else None,
        "creators": creators_of([line.creator_id for line in shown]),
        "payouts": _payouts([line.payout_id for line in shown if line.payout_id]),
        "counts": line_counts([run_id])[run_id],
        "state": state if state in STATES else None,
        "bank_files": list(db.session.scalars(select(BankFile).filter_by(run_id=run_id))),
        "moves": moves,
        "actors": names.actors(move.actor for move in moves),
        "objections": [
            translated(it) for it in approval.objections(found, access.current_person())
        ],
        "short": shortfall.in_run(found) if found.status in _GOES_ON else [],
        **about(overview.pays_of(run_id), found.rhythm, found.time_zone, found.due_at, run_id),
    }


def _after(statement: Select[PayoutRunLine]) -> Select[PayoutRunLine]:
    """The lines below the one that `?after=` names; a line is known by its creator and currency."""
    place = tuple_(PayoutRunLine.creator_id, PayoutRunLine.currency)
    after = request.args.get("after")
    if after is not None:
        creator, _, currency = after.partition("-")
        try:
            creator_id = UUID(hex=creator)
        except ValueError:
            abort(400)
        statement = statement.where(place > (creator_id, currency))
    return statement.order_by(PayoutRunLine.creator_id, PayoutRunLine.currency)


def _place(line: PayoutRunLine) -> str:
    return f"{line.creator_id.hex}-{line.currency}"


def _payouts(ids: Sequence[UUID]) -> dict[UUID, Payout]:
    found = db.session.scalars(select(Payout).where(Payout.id.in_(ids)))
    return {payout.id: payout for payout in found}


def about(
    pays: Sequence[Pay],
    rhythm: str,
    time_zone: str,
    due_at: datetime,
    run_id: UUID | None = None,
) -> dict[str, Any]:
    """What is read before a run leaves: sums and cash per rail, what changed, who must approve."""
    before = overview.run_before(rhythm, time_zone, due_at)
    changes = overview.changes(overview.pays_of(before.id), pays) if before else []
    sums = overview.sums(pays, run_id)
    return {
        "sums": sums,
        "above_limit": approval.above_limit(_per_currency(sums), clock.now()),
        "before": before,
        "changes": changes[:CHANGES_SHOWN],
        "changes_more": len(changes[CHANGES_SHOWN:]),
        "changed": creators_of([change.creator_id for change in changes[:CHANGES_SHOWN]]),
    }


def _per_currency(sums: Sequence[Sum]) -> list[Money]:
    needs: dict[str, Money] = {}
    for it in sums:
        currency = it.need.currency
        needs[currency] = needs.get(currency, zero(currency)) + it.need
    return list(needs.values())


@bp.post("/payouts/runs/<uuid:run_id>/decide")
@audience("operator")
def decide_run(run_id: UUID) -> ResponseReturnValue:
    """Approve a locked run, or reject it; the reason is kept with it."""
    form = forms.sent(DecideRun())
    found = lock(PayoutRun, run_id)
    if found is None:
        raise NotFound("no such run")
    with form.refusals():
        decision, reason = form.data["decision"], form.data["reason"]
        with late():
            failpoint(DECIDE_RUN, Point.BEGIN)
            _DECISIONS[decision](found, reason)
            failpoint(DECIDE_RUN, Point.BEFORE_COMMIT)
            db.session.commit()
            failpoint(DECIDE_RUN, Point.RECORDED)
            flash(str(_TOLD[decision]))
        return redirect(url_for("operator.run", run_id=run_id), 303)
    return render_template("operator/run.html", form=form, **_shown(_found(run_id))), 422


def _approve(found: PayoutRun, reason: str) -> None:
    approval.approve(found, access.current_person(), clock.now(), reason)


def _reject(found: PayoutRun, reason: str) -> None:
    if not reason:
        raise BadInput("reason", {"reason": says("Say why: the creators read it.")})
    approval.reject(found, access.actor(), reason, clock.now())


_DECISIONS = {"approve": _approve, "reject": _reject}
_TOLD = {
    "approve": _("The run is approved. Its payouts are sent now."),
    "reject": _("The run is rejected. The money is available to the creators again."),
}
