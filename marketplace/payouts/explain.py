"""Why am I not paid yet? The gate's own decision for one creator, gathered and shown as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from marketplace.earnings.clawback import kept_of
from marketplace.earnings.hold import contested_of
from marketplace.earnings.maturity import pending_of
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.parties import closing
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_file, creator_hold, leaving, shortfall, sweep
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination
from marketplace.payouts.gate import Decision, Facts, Lift, decide
from marketplace.payouts.payout import CLAIM_WITHIN, OPEN, Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, RunStatus
from marketplace.payouts.schedule import next_due
from marketplace.payouts.threshold import threshold_of
from marketplace.processors import registry


def decision_for(creator: Creator, currency: str, at: datetime) -> Decision:
    """Gather the facts about one balance and ask the gate."""
    destination = destinations.current(creator.id)
    came_back = leaving.unseen_return(destination) if destination else None
    under_way = under_way_of(creator.id, currency)
    held = creator_hold.active(creator.id)
    owner = creator.ledger_owner
    contested = contested_of(creator.id, currency)
    kept = kept_of(contested)
    short = shortfall.of(currency)
    return decide(
        Facts(
            available=balances.balance(postings.creator_available(owner), currency),
            pending=pending_of(creator.id, currency),
            in_payout=balances.balance(postings.payout_reserved_of(owner), currency),
            threshold=threshold_of(currency, at),
            debt=balances.balance(postings.creator_debt(owner), currency),
            destination_status=destination.status if destination else None,
            destination_requirements=destination.requirements if destination else (),
            destination_cools_until=destination.cools_until(at) if destination else None,
            next_run_at=next_due(creator.payout_rhythm, creator.time_zone, at).at,
            payout_held_for=under_way.hold_reason if under_way else None,
            payout_review_at=under_way.review_at if under_way else None,
            payout_approval_by=approval_by(under_way) if under_way else None,
            payout_claim_by=claim_by(under_way) if under_way else None,
            payout_executed_at=executed_at(under_way) if under_way else None,
            payout_in_run=bool(under_way and in_run(under_way)),
            returned_payout=came_back.id.hex if came_back else None,
            contested=[(kept[it.id], it.review_at) for it in contested if it.review_at],
            held_for=held.reason if held else None,
            held_until=held.review_at if held else None,
            short=short.missing if short else None,
            short_until=short.due_at if short else None,
            **_rail(destination, creator.country, currency),
            **_lift(creator, currency, at),
        )
    )


def _lift(creator: Creator, currency: str, at: datetime) -> dict[str, Any]:
    """Whether the threshold holds for this balance, and from when on it does not."""
    if closing.of(creator.id) is not None:
        return {"lifted_for": Lift.CLOSING}
    found = sweep.lifting(creator, currency, sweep.rules_on(at))
    if found is None:
        return {}
    lifts_at, rule = found
    return {"lifted_for": rule if lifts_at <= at else None, "lifts_at": lifts_at}


def _rail(to: Destination | None, country: str, currency: str) -> dict[str, Any]:
    """What the destination's processor cannot do, and what it pays: multiples of, and at most."""
    if to is None:
        return {"step_minor": registry.get(destinations.PROCESSOR).payout_step(currency)}
    if not registry.offers(to.processor):
        return {"processor": to.processor, "rail_refusal": "off"}
    adapter = registry.rail(to.processor)
    return {
        "processor": to.processor,
        "rail_refusal": adapter.supports(country, currency),
        "step_minor": adapter.payout_step(currency),
        "most": adapter.payout_most(currency),
    }


def under_way_of(creator_id: UUID, currency: str) -> Payout | None:
    """The payout of this creator and currency that has not ended; there is one at most."""
    statement = select(Payout).where(
        Payout.creator_id == creator_id, Payout.currency == currency, Payout.status.in_(OPEN)
    )
    return db.session.scalars(statement).one_or_none()


def approval_by(payout: Payout) -> datetime | None:
    """Until when an operator decides about the run in which a payout waits; None if none must."""
    run = db.session.get_one(PayoutRun, payout.run_id)
    waits = payout.status == PayoutStatus.RESERVED and run.status == RunStatus.LOCKED
    return run.approval_due_at if waits else None


def claim_by(payout: Payout) -> datetime | None:
    """Until when its receiver can fetch a payout; None if it does not lie there for them."""
    is_unclaimed = payout.status == PayoutStatus.UNCLAIMED
    return payout.status_at + CLAIM_WITHIN if is_unclaimed else None


def executed_at(payout: Payout) -> datetime | None:
    """When our bank has executed the file in which a payout waits; None if it is in none."""
    file = bank_file.of_payout(payout.id) if payout.status == PayoutStatus.SENDING else None
    return file.executed_at if file else None


def in_run(payout: Payout) -> bool:
    """Is it set aside in a run that we have not begun to send, and that waits for nobody else?"""
    if payout.status != PayoutStatus.RESERVED:
        return False
    run = db.session.get_one(PayoutRun, payout.run_id)
    return run.status in (RunStatus.LOCKING, RunStatus.APPROVED)


def decisions_for(creator: Creator, at: datetime) -> list[Decision]:
    """One decision per currency in which the creator is owed or was ever owed; USD if none."""
    currencies = balances.currencies_of(creator.ledger_owner) or ["USD"]
    return [decision_for(creator, currency, at) for currency in currencies]


def as_json(decision: Decision) -> dict[str, Any]:
    """The decision as the JSON that the page's `.json` twin and the run's report keep."""
    facts = decision.facts
    return {
        "payable": decision.payable,
        "total": _money(decision.total),
        "available": _money(facts.available),
        "in_payout": _money(facts.in_payout),
        "threshold": _money(facts.threshold),
        "lifted_for": facts.lifted_for,
        "lifts_at": facts.lifts_at.isoformat() if facts.lifts_at else None,
        "debt": _money(facts.debt),
        "next_payout": {
            "recovered": _money(decision.parts.recovered),
            "paid": _money(decision.parts.paid),
            "stays": _money(decision.parts.stays),
            "debt_left": _money(decision.debt_left),
        },
        "pending": [
            {"amount": _money(amount), "matures_at": matures_at.isoformat()}
            for amount, matures_at in facts.pending
        ],
        "contested": [
            {"amount": _money(amount), "decided_by": decided_by.isoformat()}
            for amount, decided_by in facts.contested
        ],
        "next_run_at": facts.next_run_at.isoformat() if facts.next_run_at else None,
        "blockers": [
            {
                "reason": blocker.reason,
                "on": blocker.on,
                "missing": _money(blocker.missing) if blocker.missing else None,
                "until": blocker.until.isoformat() if blocker.until else None,
                "details": list(blocker.details),
                "amount": _money(blocker.amount) if blocker.amount else None,
            }
            for blocker in decision.blockers
        ],
    }


def _money(money: Money) -> dict[str, Any]:
    return {"minor": money.minor, "currency": money.currency}
