"""Pages of operators: what needs somebody, and whether the money is where the books say.

operator_alarms    what needs a look, with its age
operator_campaigns campaigns in review: approved, sent back or rejected
operator_pools     what the platform pays from, and how it is filled
operator_applications  who wants to take part in the program
operator_metrics   facts about creators, judged row by row
operator_imports   files of income, judged row by row
operator_payouts   runs with every line, payouts with every try
operator_thresholds  from how much on a balance leaves, per currency
operator_holds     holds on creators, with their reason and review
operator_bank      bank accounts, the files that pay them, the bank's answers
operator_webhooks  what the processors told us, and replay
operator_requests  what we asked the processors
operator_reconciliation  what books and processors do not agree about
operator_ledger    the books: accounts, transactions, who moved what
operator_clock     the demo clock, in sandbox mode
operator_names     who and what an id stands for
operator_disputes  payments that cardholders dispute, and what brands owe
operator_words     what people read for the words that rows keep
import_words       why an import did not take a row
"""

from __future__ import annotations

from datetime import datetime, timedelta

from babel.dates import format_timedelta
from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy import select

from marketplace import clock
from marketplace.access import audience
from marketplace.extensions import db
from marketplace.ledger import audit
from marketplace.payouts.run import PayoutRun
from marketplace.statuses import StatusChange
from marketplace.web import clawbacks
from marketplace.web import operator_names as names
from marketplace.web import operator_words as words
from marketplace.web.import_words import row_reason
from marketplace.web.operator_alarms import alarms

SHOWN = 6  # of the latest runs and moves

bp = Blueprint("operator", __name__, url_prefix="/operator")


@bp.get("")
@audience("operator")
def home() -> ResponseReturnValue:
    """The numbers that matter."""
    trial = audit.trial_balance()
    moves = list(
        db.session.scalars(select(StatusChange).order_by(StatusChange.id.desc()).limit(SHOWN))
    )
    runs = list(db.session.scalars(select(PayoutRun).order_by(PayoutRun.id.desc()).limit(SHOWN)))
    return render_template(
        "operator/home.html",
        alarms=alarms(),
        pools=[line for lines in trial.values() for line in lines if line.kind in audit.POOLS],
        positions=audit.positions(trial),
        moves=moves,
        actors=names.actors(move.actor for move in moves),
        runs=runs,
    )


@bp.app_template_filter("span")
def span(length: timedelta) -> str:
    """'3 days': a length of time, in words."""
    return format_timedelta(length, locale=get_locale())


@bp.app_template_filter("ago_by_the_wall")
def ago_by_the_wall(at: datetime) -> str:
    """'3 minutes ago', for instants that the demo clock does not move."""
    return format_timedelta(at - clock.wall_now(), add_direction=True, locale=get_locale())


@bp.context_processor
def _words() -> dict[str, object]:
    """What the templates of this area name things with."""
    return {
        "words": words,
        "row_reason": row_reason,
        "thing_url": names.thing_url,
        "clawed": clawbacks,
    }
