"""A payout run before it is due: whom it would pay if nothing else happened. Changes nothing.

The gate decides on the facts of now, with what matures until the run taken as available.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import sweep
from marketplace.payouts.destination import Destination
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Decision, decide, matured
from marketplace.payouts.opening import schedules
from marketplace.payouts.overview import Pay
from marketplace.payouts.schedule import Due, next_due


@dataclass(frozen=True)
class Coming:
    """The next run of one schedule."""

    rhythm: str
    time_zone: str
    due: Due


@dataclass(frozen=True)
class Foreseen:
    """What the run would decide about one balance."""

    creator: Creator
    decision: Decision
    destination: Destination | None  # where the creator is paid


def coming(at: datetime) -> list[Coming]:
    """The next run of every schedule that creators are on, the soonest first."""
    runs = [Coming(*schedule, next_due(*schedule, at)) for schedule in schedules(at)]
    return sorted(runs, key=lambda run: (run.due.at, run.rhythm, run.time_zone))


def foresee(run: Coming) -> list[Foreseen]:
    """All of the run's lines, by creator: what it needs is known only with the last of them."""
    at = run.due.at
    if run.rhythm == sweep.SWEEP:
        return _swept(at)
    held = balances.stored("creator_available")
    has_balance = (
        select(held.c.owner)
        .where(held.c.owner == balances.owner_of("creator", Creator.id), held.c.balance_minor > 0)
        .exists()
    )
    matures = (
        select(Earning.id)
        .where(
            Earning.creator_id == Creator.id,
            Earning.status == EarningStatus.PENDING,
            Earning.matures_at <= at,
        )
        .exists()
    )
    creators = db.session.scalars(
        select(Creator)
        .where(
            Creator.payout_rhythm == run.rhythm,
            Creator.time_zone == run.time_zone,
            Creator.payout_rhythm_at <= at,
            or_(has_balance, matures),
        )
        .order_by(Creator.id)
    )
    return [line for creator in creators for line in _lines(creator, at)]


def _swept(at: datetime) -> list[Foreseen]:
    """The lines of a sweep: of the balances that are old enough by then."""
    due = db.session.execute(sweep.balances_due(at)).all()
    found = [(db.session.get_one(Creator, id), currency) for id, currency in due]
    return [
        Foreseen(
            creator,
            decide(matured(decision_for(creator, currency, at).facts, at)),
            destinations.current(creator.id),
        )
        for creator, currency in found
    ]


def _lines(creator: Creator, at: datetime) -> list[Foreseen]:
    decisions = [
        decide(matured(decision_for(creator, currency, at).facts, at))
        for currency in balances.currencies_of(creator.ledger_owner)
    ]
    to = destinations.current(creator.id)
    return [Foreseen(creator, it, to) for it in decisions if it.facts.available]


def pays(lines: list[Foreseen]) -> list[Pay]:
    """What would be paid, after what repays debt."""
    return [
        Pay(line.creator.id, to.processor, line.decision.parts.paid, to.id)
        for line in lines
        if line.decision.payable and (to := line.destination) is not None
    ]
