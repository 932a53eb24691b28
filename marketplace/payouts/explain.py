"""Why am I not paid yet? The gate's own decision for one creator, gathered and shown as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marketplace.earnings.maturity import pending_of
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import payout as payouts
from marketplace.payouts.gate import Decision, Facts, decide
from marketplace.payouts.schedule import next_due
from marketplace.payouts.threshold import threshold_of
from marketplace.processors import registry
from marketplace.processors.stripe_amounts import payout_step


def decision_for(creator: Creator, currency: str, at: datetime) -> Decision:
    """Gather the facts about one balance and ask the gate."""
    destination = destinations.current(creator.id)
    came_back = payouts.unseen_return(destination) if destination else None
    under_way = payouts.under_way(creator.id, currency)
    owner = creator.ledger_owner
    return decide(
        Facts(
            available=balances.balance(postings.creator_available(owner), currency),
            pending=pending_of(creator.id, currency),
            in_payout=balances.balance(postings.payout_reserved_of(owner), currency),
            threshold=threshold_of(currency, at),
            debt=balances.balance(postings.creator_debt(owner), currency),
            destination_status=destination.status if destination else None,
            destination_requirements=destination.requirements if destination else (),
            next_run_at=next_due(creator.payout_rhythm, creator.time_zone, at).at,
            payout_held_for=under_way.hold_reason if under_way else None,
            payout_review_at=under_way.review_at if under_way else None,
            returned_payout=came_back.id.hex if came_back else None,
            step_minor=payout_step(currency),
            **_rail(destination.processor, creator.country, currency) if destination else {},
        )
    )


def _rail(processor: str, country: str, currency: str) -> dict[str, Any]:
    """What the destination's processor cannot do, and what it pays at most at once."""
    if not registry.offers(processor):
        return {"processor": processor, "rail_refusal": "off"}
    adapter = registry.get(processor)
    return {
        "processor": processor,
        "rail_refusal": adapter.supports(country, currency),
        "most": adapter.payout_most(currency),
    }


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
        "next_run_at": facts.next_run_at.isoformat() if facts.next_run_at else None,
        "blockers": [
            {
                "reason": blocker.reason,
                "on": blocker.on,
                "missing": _money(blocker.missing) if blocker.missing else None,
                "until": blocker.until.isoformat() if blocker.until else None,
                "details": list(blocker.details),
            }
            for blocker in decision.blockers
        ],
    }


def _money(money: Money) -> dict[str, Any]:
    return {"minor": money.minor, "currency": money.currency}
