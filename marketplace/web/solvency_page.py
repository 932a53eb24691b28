"""Solvency for everybody: what lies at the processors, beside what creators and brands own of it.

Nobody is named, and nobody need log in. The JSON beside the page says the same to programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from flask import jsonify, render_template
from flask.typing import ResponseReturnValue

from marketplace import clock
from marketplace.access import audience
from marketplace.money import Money
from marketplace.payouts import shortfall, solvency
from marketplace.payouts.solvency import SolvencyDay
from marketplace.web.public import bp

DAYS_SHOWN = 30


@bp.get("/solvency")
@audience("public")
def solvency_page() -> ResponseReturnValue:
    """Per currency the last measurement, and the days before it."""
    return render_template(
        "public/solvency.html",
        currencies=_by_currency(clock.now()),
        short={it.currency: it for it in shortfall.all_short()},
        known=solvency.known(row.currency for row in solvency.unanswered()),
        state_of=state_of,
        days=DAYS_SHOWN,
    )


@bp.get("/solvency.json")
@audience("public")
def solvency_json() -> ResponseReturnValue:
    """The same for programs; amounts in minor units, the newest day first."""
    found = _by_currency(clock.now())
    return jsonify({currency: [_as_json(row) for row in rows] for currency, rows in found})


def _by_currency(at: datetime) -> list[tuple[str, Sequence[SolvencyDay]]]:
    """The rows of the last days, and in any case the last one of each currency."""
    rows = solvency.since(at.date() - timedelta(days=DAYS_SHOWN))
    shown = {row.currency for row in rows}
    rows += [row for row in solvency.latest() if row.currency not in shown]
    rows.sort(key=lambda row: row.currency)
    return [(currency, list(days)) for currency, days in groupby(rows, lambda row: row.currency)]


def state_of(row: SolvencyDay) -> str:
    """'covered', 'short', or 'unknown' if a processor did not answer."""
    if row.ours is None:
        return "unknown"
    return "short" if row.ours.minor < 0 else "covered"


def _as_json(row: SolvencyDay) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "state": state_of(row),
        "measured_at": row.asked_at.isoformat(),
        "cash": _minor(row.cash),
        "of_it_not_available_yet": _minor(row.pending) if row.cash is not None else None,
        "on_its_way": _minor(row.in_flight),
        "owed_to_creators": _minor(row.creators),
        "owed_to_brands": _minor(row.brands),
        "needed": _minor(row.needed),
        "left_for_the_marketplace": _minor(row.ours),
    }


def _minor(money: Money | None) -> int | None:
    return None if money is None else money.minor
