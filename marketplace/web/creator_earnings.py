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
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign
from marketplace.earnings.clawback import CLAWED_MINOR, Clawback, kept_of
from marketplace.earnings.earning import Earning
from marketplace.earnings.hold import EarningHold, contested_of, holds_of
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.matching.suggestions import Suggestion, campaigns_for
from marketplace.metrics.facts import facts_of
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator
from marketplace.payouts import explain
from marketplace.payouts.gate import Decision
from marketplace.payouts.payout import Payout
from marketplace.program import membership
from marketplace.web import creator_chart, earning_sources
from marketplace.web.creator import bp

RECENT = 12
SUGGESTIONS_SHOWN = 3
PENDING_SHOWN = 4


@dataclass(frozen=True)
class Contested:
    """An earning that is held, how much of it, and why."""

    earning: Earning
    amount: Money
    hold: EarningHold


@dataclass(frozen=True)
class Account:
    """All that the page shows of one currency."""

    decision: Decision
    by_kind: list[tuple[str, Money]]  # what was ever earned and is kept, most first
    months: list[creator_chart.Month]
    chart: creator_chart.Chart | None
    contested: list[Contested]

    @property
    def lifetime(self) -> Money:
        return sum((amount for _, amount in self.by_kind), zero(self.decision.currency))

    @property
    def pending(self) -> Money:
        amounts = [amount for amount, _ in self.decision.facts.pending]
        return sum(amounts, zero(self.decision.currency))


@bp.get("")
@audience("creator")
def home() -> ResponseReturnValue:
    creator, at = access.current_creator(), clock.now()
    decisions = explain.decisions_for(creator, at)
    by_kind = _by_kind(creator)
    accounts = [_account(creator, decision, by_kind, at) for decision in decisions]
    recent = _recent(creator)
    earnings = [it for it in recent if isinstance(it, Earning)]
    clawed_from = _clawed_from(recent)
    return render_template(
        "creator/earnings.html",
        creator=creator,
        accounts=accounts,
        recent=recent,
        kept=kept_of(earnings),
        clawed_from=clawed_from,
        sources=earning_sources.named([*earnings, *clawed_from.values()]),
        pending_shown=PENDING_SHOWN,
        suggestions=_suggestions(creator, at),
    )


def _suggestions(creator: Creator, at: datetime) -> list[Suggestion]:
    """Open campaigns that suit a member of the program best, and they did not ask for yet."""
    if not membership.is_member(creator.id):
        return []
    asked = select(Application.campaign_id).where(Application.creator_id == creator.id)
    facts = facts_of(creator.id, at)
    return list(campaigns_for(facts, at.date(), Campaign.id.not_in(asked), limit=SUGGESTIONS_SHOWN))


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


@bp.get("/clawbacks/<uuid:clawback_id>")
@audience("creator")
def clawback(clawback_id: UUID) -> ResponseReturnValue:
    """Lead to the transaction that clawed an earning back."""
    found = db.session.get(Clawback, clawback_id)
    earning = db.session.get_one(Earning, found.earning_id) if found else None
    if found is None or earning is None or earning.creator_id != access.current_creator().id:
        raise NotFound("no such clawback")
    posted = balances.transactions_of(found.cause)[0]
    return redirect(url_for("creator.transaction", transaction_id=posted.id), 303)


def _account(
    creator: Creator, decision: Decision, by_kind: dict[str, list[tuple[str, Money]]], at: datetime
) -> Account:
    currency = decision.currency
    months = creator_chart.months(creator, currency, at)
    contested = contested_of(creator.id, currency)
    kept = kept_of(contested)
    return Account(
        decision,
        by_kind.get(currency, []),
        months,
        creator_chart.draw(months),
        [Contested(it, kept[it.id], holds_of(it)[-1]) for it in contested],
    )


def _by_kind(creator: Creator) -> dict[str, list[tuple[str, Money]]]:
    """What a creator ever earned and keeps, per currency by kind, most first."""
    rows = db.session.execute(
        select(Earning.currency, Earning.kind, func.sum(Earning.net_minor - CLAWED_MINOR))
        .where(Earning.creator_id == creator.id)
        .group_by(Earning.currency, Earning.kind)
    )
    found: dict[str, list[tuple[str, Money]]] = {}
    for currency, kind, minor in sorted(rows, key=lambda row: (-row[2], row[1])):
        found.setdefault(currency, []).append((kind, Money(int(minor), currency)))
    return found


def _recent(creator: Creator) -> list[Earning | Payout | Clawback]:
    """The latest earnings, payouts and clawbacks, newest first."""
    earnings = select(Earning).where(Earning.creator_id == creator.id)
    payouts = select(Payout).where(Payout.creator_id == creator.id)
    clawbacks = select(Clawback).join(Earning, Earning.id == Clawback.earning_id)
    clawbacks = clawbacks.where(Earning.creator_id == creator.id)
    found: list[Earning | Payout | Clawback] = [
        *db.session.scalars(earnings.order_by(Earning.id.desc()).limit(RECENT)),
        *db.session.scalars(payouts.order_by(Payout.id.desc()).limit(RECENT)),
        *db.session.scalars(clawbacks.order_by(Clawback.id.desc()).limit(RECENT)),
    ]
    return sorted(found, key=lambda it: it.id, reverse=True)[:RECENT]


def _clawed_from(recent: list[Earning | Payout | Clawback]) -> dict[UUID, Earning]:
    """The earning that each clawback is of, by the clawback's id."""
    clawbacks = [it for it in recent if isinstance(it, Clawback)]
    return {it.id: db.session.get_one(Earning, it.earning_id) for it in clawbacks}
