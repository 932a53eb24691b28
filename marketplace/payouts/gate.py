"""The gate: may this balance leave now, and if not, why, who must act, and by when. PURE.

`decide` is asked by the payout run and by every page: what people read is the object that decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from marketplace.money import Money
from marketplace.payouts.recovery import Parts, divide


class Reason(StrEnum):
    """Everything that can keep money from leaving."""

    NOTHING_AVAILABLE = "nothing_available"
    BELOW_THRESHOLD = "below_threshold"
    NO_DESTINATION = "no_destination"
    DESTINATION_NOT_READY = "destination_not_ready"
    PAYOUT_UNDER_WAY = "payout_under_way"
    LAST_PAYOUT_RETURNED = "last_payout_returned"
    RAIL_CANNOT = "rail_cannot"


@dataclass(frozen=True)
class Facts:
    """What the gate looks at, for one creator and one currency."""

    available: Money
    pending: Sequence[tuple[Money, datetime]]  # amount and when it matures, soonest first
    in_payout: Money
    threshold: Money
    debt: Money
    destination_status: str | None  # None = there is none; only 'active' can receive
    destination_requirements: Sequence[str] = ()
    next_run_at: datetime | None = None
    payout_held_for: str | None = None  # why the payout under way is held, if it is
    payout_review_at: datetime | None = None
    returned_payout: str | None = None  # one that came back from there, unseen by the creator
    step_minor: int = 1  # the processor pays multiples of this
    processor: str | None = None  # of the destination
    rail_refusal: str | None = None  # what the destination's processor cannot do: 'country', …
    most: Money | None = None  # what it pays at once


def matured(facts: Facts, at: datetime) -> Facts:
    """The same facts once all that matures by `at` is available."""
    ready = [amount.minor for amount, matures_at in facts.pending if matures_at <= at]
    return replace(
        facts,
        available=facts.available + Money(sum(ready), facts.available.currency),
        pending=[waits for waits in facts.pending if waits[1] > at],
    )


# Who must act before a held payout goes on.
_HOLD_WAITS_ON = {"processor_funds": "marketplace", "destination": "creator", "review": "operator"}


@dataclass(frozen=True)
class Blocker:
    """One reason why the available balance does not leave: on whom it waits and until when."""

    reason: Reason
    on: str  # 'creator', 'time', 'processor', 'marketplace', 'operator'
    missing: Money | None = None  # how much more is needed
    until: datetime | None = None
    details: Sequence[str] = ()


@dataclass(frozen=True)
class Decision:
    """The verdict on one balance: payable now, or the blockers; with what it was decided on."""

    facts: Facts
    blockers: tuple[Blocker, ...]

    @property
    def payable(self) -> bool:
        return not self.blockers

    @property
    def total(self) -> Money:
        """All that the creator is owed: pending, available and on its way. Debt is apart."""
        pending = Money(sum(amount.minor for amount, _ in self.facts.pending), self.currency)
        return pending + self.facts.available + self.facts.in_payout

    @property
    def currency(self) -> str:
        return self.facts.available.currency

    @property
    def parts(self) -> Parts:
        """What a payout of the balance as it is now would recover of the debt, pay, and leave."""
        return divide(self.facts.available, self.facts.debt, self.facts.step_minor)

    @property
    def debt_left(self) -> Money:
        """What a payout of the balance as it is now would leave of the debt."""
        return self.facts.debt - self.parts.recovered

    def missing(self) -> Money | None:
        """How much is missing to the threshold, if that is what blocks."""
        return next((b.missing for b in self.blockers if b.missing is not None), None)


def decide(facts: Facts) -> Decision:
    """Check every condition and name each one that fails, in a fixed order."""
    blockers = []
    if facts.in_payout:
        held_for = facts.payout_held_for
        blockers.append(
            Blocker(
                Reason.PAYOUT_UNDER_WAY,
                on=_HOLD_WAITS_ON[held_for] if held_for else "processor",
                until=facts.payout_review_at,
                details=(held_for,) if held_for else (),
            )
        )
    if facts.available.minor <= 0:
        blockers.append(Blocker(Reason.NOTHING_AVAILABLE, on="time", until=_first_maturity(facts)))
    elif facts.available < facts.threshold:
        blockers.append(
            Blocker(
                Reason.BELOW_THRESHOLD,
                on="time",
                missing=facts.threshold - facts.available,
                until=_enough_by(facts),
            )
        )
    if facts.destination_status is None:
        blockers.append(Blocker(Reason.NO_DESTINATION, on="creator"))
    elif facts.destination_status != "active":
        blockers.append(
            Blocker(
                Reason.DESTINATION_NOT_READY,
                on="processor" if facts.destination_status == "requested" else "creator",
                details=tuple(facts.destination_requirements),
            )
        )
    if facts.returned_payout is not None:
        details = (facts.returned_payout,)
        blockers.append(Blocker(Reason.LAST_PAYOUT_RETURNED, on="creator", details=details))
    if refusal := _rail_refusal(facts):
        blockers.append(Blocker(Reason.RAIL_CANNOT, on="creator", details=(refusal,)))
    return Decision(facts, tuple(blockers))


def _rail_refusal(facts: Facts) -> str | None:
    """What the processor of the destination cannot do for this balance: a stable word."""
    if facts.rail_refusal or facts.most is None:
        return facts.rail_refusal
    paid = divide(facts.available, facts.debt, facts.step_minor).paid
    return "most" if paid > facts.most else None


def _first_maturity(facts: Facts) -> datetime | None:
    return facts.pending[0][1] if facts.pending else None


def _enough_by(facts: Facts) -> datetime | None:
    """When maturing money will have filled the gap to the threshold; None if it will not."""
    reached = facts.available
    for amount, matures_at in facts.pending:
        reached = reached + amount
        if reached >= facts.threshold:
            return matures_at
    return None
