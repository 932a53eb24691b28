"""The earnings page: what is available, what is pending, and why it is not paid yet.

What is said about being paid is the gate's own decision, on the page and in `why.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.earnings.earning import Earning
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator
from marketplace.payouts import explain
from marketplace.payouts.gate import Decision
from marketplace.payouts.payout import Payout
from marketplace.web import creator_chart, earning_sources
from marketplace.web.creator import bp

RECENT = 12
PENDING_SHOWN = 4


@dataclass(frozen=True)
class Account:
    """All that the page shows of one currency."""

    decision: Decision
    lifetime: Money
    months: list[creator_chart.Month]
    chart: creator_chart.Chart | None

    @property
    def pending(self) -> Money:
        amounts = [amount for amount, _ in self.decision.facts.pending]
        return sum(amounts, zero(self.decision.currency))


@bp.get("")
@audience("creator")
def home() -> ResponseReturnValue:
    creator, at = access.current_creator(), clock.now()
    decisions = explain.decisions_for(creator, at)
    lifetime = _lifetime(creator)
    accounts = [_account(creator, decision, lifetime, at) for decision in decisions]
    recent = _recent(creator)
    return render_template(
        "creator/earnings.html",
        creator=creator,
        accounts=accounts,
        recent=recent,
        sources=earning_sources.named(it for it in recent if isinstance(it, Earning)),
        pending_shown=PENDING_SHOWN,
    )


@bp.get("/why.json")
@audience("creator")
def why() -> ResponseReturnValue:
    """The decisions that the page shows, for programs."""
    decisions = explain.decisions_for(access.current_creator(), clock.now())
    return jsonify([explain.as_json(decision) for decision in decisions])


@bp.get("/earnings/<uuid:earning_id>")
@audience("creator")
def earning(earning_id: UUID) -> ResponseReturnValue:
    """Lead to the transaction that made an earning owed."""
    found = db.session.get(Earning, earning_id)
    if found is None or found.creator_id != access.current_creator().id:
        raise NotFound("no such earning")
    accrued = balances.transactions_of(found.cause)[0]
    return redirect(url_for("creator.transaction", transaction_id=accrued.id), 303)


def _account(
    creator: Creator, decision: Decision, lifetime: dict[str, Money], at: datetime
) -> Account:
    currency = decision.currency
    months = creator_chart.months(creator, currency, at)
    earned = lifetime.get(currency, zero(currency))
    return Account(decision, earned, months, creator_chart.draw(months))


def _lifetime(creator: Creator) -> dict[str, Money]:
    """What a creator ever earned, by currency."""
    rows = db.session.execute(
        select(Earning.currency, func.sum(Earning.net_minor))
        .where(Earning.creator_id == creator.id)
        .group_by(Earning.currency)
    )
    return {currency: Money(int(minor), currency) for currency, minor in rows}


def _recent(creator: Creator) -> list[Earning | Payout]:
    """The latest earnings and payouts, newest first."""
    earnings = select(Earning).where(Earning.creator_id == creator.id)
    payouts = select(Payout).where(Payout.creator_id == creator.id)
    found: list[Earning | Payout] = [
        *db.session.scalars(earnings.order_by(Earning.id.desc()).limit(RECENT)),
        *db.session.scalars(payouts.order_by(Payout.id.desc()).limit(RECENT)),
    ]
    return sorted(found, key=lambda it: it.id, reverse=True)[:RECENT]
