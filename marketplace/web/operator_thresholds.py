"""From how much on a balance leaves, per currency: what holds, what is coming, what held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from marketplace import clock
from marketplace.access import audience
from marketplace.money import Money
from marketplace.payouts import exchange_rate, sweep, threshold
from marketplace.payouts.threshold import PayoutThreshold
from marketplace.web import operator_names as names
from marketplace.web.operator import bp

STATES = {"holds": (_("Holds now"), "ok"), "coming": (_("Coming"), "wait"), "past": (_("Past"), "")}


@dataclass(frozen=True)
class Version:
    """One threshold, where it stands today, and what 100 USD were on the day of its rate."""

    row: PayoutThreshold
    state: str
    worth: Money | None


@bp.get("/thresholds")
@audience("operator")
def thresholds() -> ResponseReturnValue:
    """Every threshold by currency, the latest first; commands propose and adopt them."""
    rows, sweeps = threshold.versions(), sweep.versions()
    people = [row.adopted_by for row in rows if row.adopted_by]
    people += [row.adopted_by for row in sweeps]
    return render_template(
        "operator/thresholds.html",
        currencies=_by_currency(rows, clock.now().date()),
        actors=names.actors(people),
        states=STATES,
        sweeps=sweeps,
        on=sweep.rules_on(clock.now()),
    )


def _by_currency(rows: list[PayoutThreshold], today: date) -> dict[str, list[Version]]:
    rates = exchange_rate.rates_on({row.rate_on for row in rows if row.rate_on})
    found: dict[str, list[Version]] = {}
    holding: set[str] = set()
    for row in rows:  # the latest of a currency first
        if row.effective_on > today:
            state = "coming"
        else:
            state = "past" if row.currency in holding else "holds"
            holding.add(row.currency)
        worth = rates[row.rate_on].of_hundred_dollars(row.currency) if row.rate_on else None
        found.setdefault(row.currency, []).append(Version(row, state, worth))
    return found
