"""Payout runs: who was paid in a period, and for everybody else why not."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, select, tuple_

from marketplace.access import audience
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun, PayoutRunLine
from marketplace.web import paging
from marketplace.web.operator import bp
from marketplace.web.operator_payouts import creators_of

STATES = ("included", "excluded", "waiting")
LINES_SHOWN = 100


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
    found = db.session.get(PayoutRun, run_id)
    if found is None:
        raise NotFound("no such run")
    state = request.args.get("state", "")
    statement = select(PayoutRunLine).where(PayoutRunLine.run_id == run_id)
    if state in STATES:
        statement = statement.where(PayoutRunLine.state == state)
    lines = list(db.session.scalars(_after(statement).limit(LINES_SHOWN + 1)))
    shown = lines[:LINES_SHOWN]
    return render_template(
        "operator/run.html",
        run=found,
        lines=shown,
        next_after=_place(shown[-1]) if len(lines) > LINES_SHOWN else None,
        creators=creators_of([line.creator_id for line in shown]),
        payouts=_payouts([line.payout_id for line in shown if line.payout_id]),
        counts=line_counts([run_id])[run_id],
        sums=_sums(run_id),
        state=state if state in STATES else None,
    )


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


def _sums(run_id: UUID) -> list[Money]:
    """What the run set aside for payouts, per currency."""
    rows = db.session.execute(
        select(Payout.currency, func.sum(Payout.amount_minor))
        .where(Payout.run_id == run_id)
        .group_by(Payout.currency)
        .order_by(Payout.currency)
    )
    return [Money(int(minor), currency) for currency, minor in rows]
