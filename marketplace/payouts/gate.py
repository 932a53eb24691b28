"""The gate: may this balance leave now, and if not, why, who must act, and by when. PURE.

`decide` is asked by the payout run and by every page: what people read is the object that decided.

Each blocker is about one condition, and the balance is payable once every condition that is named
holds. About the balance itself there is one condition, that it is enough; contested earnings are
named beside what is missing, as one way to fill the gap. Other money fills it as well, and what is
contested keeps nothing back then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from marketplace.money import Money
from marketplace.payouts.recovery import Parts, divide


class Reason(StrEnum):
    """Everything that can keep money from leaving."""

    CONTESTED = "contested"
    NOTHING_AVAILABLE = "nothing_available"
    BELOW_THRESHOLD = "below_threshold"
    NO_DESTINATION = "no_destination"
    DESTINATION_NOT_READY = "destination_not_ready"
    DESTINATION_COOLING = "destination_cooling"
    PAYOUT_UNDER_WAY = "payout_under_way"
    LAST_PAYOUT_RETURNED = "last_payout_returned"
    RAIL_CANNOT = "rail_cannot"
    ON_HOLD = "on_hold"
    NOT_COVERED = "not_covered"
    BELOW_RAIL_MINIMUM = "below_rail_minimum"


class Lift(StrEnum):
    """Why the threshold does not hold for a balance."""

    CLOSING = "closing"  # the account closes
    HOLDING_LIMIT = "holding_limit"  # the processor may not hold it much longer
    YEARLY = "yearly"  # it has waited for a year


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
    destination_cools_until: datetime | None = None  # it is new, and not paid before
    next_run_at: datetime | None = None
    payout_held_for: str | None = None  # why the payout under way is held, if it is
    payout_review_at: datetime | None = None
    payout_approval_by: datetime | None = None  # its run waits for an operator until then
    payout_claim_by: datetime | None = None  # it lies at the processor for its creator until then
    payout_executed_at: datetime | None = None  # it is in a file that our bank executes then
    payout_in_run: bool = False  # its run is not sent yet, and no operator is asked
    held_for: str | None = None  # why an operator holds everything that would leave
    held_until: datetime | None = None  # when it is looked at again
    returned_payout: str | None = None  # one that came back from there, unseen by the creator
    contested: Sequence[tuple[Money, datetime]] = ()  # amount and by when it is decided
    step_minor: int = 1  # the processor pays multiples of this
    processor: str | None = None  # of the destination
    rail_refusal: str | None = None  # what the destination's processor cannot do: 'country', …
    most: Money | None = None  # what it pays at once
    lifted_for: Lift | None = None  # the threshold does not hold
    lifts_at: datetime | None = None  # from when on a sweep pays the balance whatever it is
    short: Money | None = None  # our cash at the processors lacks this much of the currency
    short_until: datetime | None = None  # by when the marketplace brings it in

    @property
    def least(self) -> Money:
        """The smallest balance that leaves: the threshold, and enough to pay anything at all."""
        step = Money(self.step_minor, self.threshold.currency)
        return step if self.lifted_for else max(self.threshold, step)


def matured(facts: Facts, at: datetime) -> Facts:
    """The same facts once all that matures by `at` is available."""
    ready = [amount.minor for amount, matures_at in facts.pending if matures_at <= at]
    return replace(
        facts,
        available=facts.available + Money(sum(ready), facts.available.currency),
        pending=[waits for waits in facts.pending if waits[1] > at],
    )


# The details of a payout whose run waits for an operator, of one that its receiver has not fetched,
# and of one in a bank file: an operator writes down what the bank says of it.
RUN_APPROVAL = "run_approval"
UNCLAIMED = "unclaimed"
BANK_FILE = "bank_file"

# The detail of a payout whose run is still being made up, or is about to be sent, by us.
RUN_NOT_SENT = "run_not_sent"

# What is required of a bank account before it is paid: an operator looks at whose it is.
BANK_REVIEW = "bank.review"

# Who must act before a held payout goes on.
_HOLD_WAITS_ON = {
    "processor_funds": "marketplace",
    "destination": "creator",
    "review": "operator",
    "operator": "operator",
}


@dataclass(frozen=True)
class Blocker:
    """One reason why the available balance does not leave: on whom it waits and until when."""

    reason: Reason
    on: str  # 'creator', 'time', 'processor', 'marketplace', 'operator'
    missing: Money | None = None  # how much more is needed
    until: datetime | None = None
    details: Sequence[str] = ()
    amount: Money | None = None  # what it is about, if that is not all of the balance


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
        """All that the creator is owed: pending, contested, available and on its way.

        Debt is apart.
        """
        waiting = [*self.facts.pending, *self.facts.contested]
        sums = Money(sum(amount.minor for amount, _ in waiting), self.currency)
        return sums + self.facts.available + self.facts.in_payout

    @property
    def currency(self) -> str:
        return self.facts.available.currency

    @property
    def parts(self) -> Parts:
        """What a payout of the balance as it is now would recover of the debt, pay, and leave."""
        return divide(self.facts.available, self.facts.debt, self.facts.step_minor)

    @property
    def lifted_for(self) -> Lift | None:
        """Why the balance leaves although it is below the threshold, if that is so."""
        below = self.facts.available < self.facts.threshold
        return self.facts.lifted_for if self.payable and below else None

    @property
    def debt_left(self) -> Money:
        """What a payout of the balance as it is now would leave of the debt."""
        return self.facts.debt - self.parts.recovered

    def missing(self) -> Money | None:
        """How much is missing to the threshold, if that is what blocks."""
        return next((b.missing for b in self.blockers if b.missing is not None), None)


def decide(facts: Facts) -> Decision:
    """Check every condition and name each one that fails, in a fixed order."""
    found = [*_in_payout(facts), *_in_balance(facts), *_at_destination(facts), *_at_rail(facts)]
    if facts.held_for is not None:
        held = Blocker(
            Reason.ON_HOLD, on="operator", until=facts.held_until, details=(facts.held_for,)
        )
        found.append(held)
    if facts.short is not None:
        on, until = "marketplace", facts.short_until
        found.append(Blocker(Reason.NOT_COVERED, on=on, until=until, amount=facts.short))
    return Decision(facts, tuple(found))


def _in_payout(facts: Facts) -> Iterator[Blocker]:
    """The payout under way: whose turn it is, and until when; the processor's, if nobody else's."""
    if not facts.in_payout:
        return
    held_for = facts.payout_held_for
    if held_for:
        on, until = _HOLD_WAITS_ON[held_for], facts.payout_review_at
        yield Blocker(Reason.PAYOUT_UNDER_WAY, on=on, until=until, details=(held_for,))
        return
    for detail, on, until in (
        (RUN_APPROVAL, "operator", facts.payout_approval_by),
        (UNCLAIMED, "creator", facts.payout_claim_by),
        (BANK_FILE, "operator", facts.payout_executed_at),
    ):
        if until is not None:
            yield Blocker(Reason.PAYOUT_UNDER_WAY, on=on, until=until, details=(detail,))
            return
    if facts.payout_in_run:
        yield Blocker(Reason.PAYOUT_UNDER_WAY, on="marketplace", details=(RUN_NOT_SENT,))
    else:
        yield Blocker(Reason.PAYOUT_UNDER_WAY, on="processor")


def _in_balance(facts: Facts) -> Iterator[Blocker]:
    """Too little is available; what is contested is named with it, as it could fill it up."""
    if facts.available >= facts.least:
        return
    for amount, decided_by in facts.contested:
        yield Blocker(Reason.CONTESTED, on="operator", until=decided_by, amount=amount)
    if facts.available.minor <= 0:
        yield Blocker(Reason.NOTHING_AVAILABLE, on="time", until=_first_maturity(facts))
    else:
        missing = facts.least - facts.available
        until = _enough_by(facts)
        if facts.lifted_for is None:
            yield Blocker(Reason.BELOW_THRESHOLD, on="time", missing=missing, until=until)
        else:
            yield Blocker(Reason.BELOW_RAIL_MINIMUM, "operator", missing=missing, until=until)


def _at_destination(facts: Facts) -> Iterator[Blocker]:
    """There is none, it cannot receive, it is new, or the last payout to it came back."""
    if facts.destination_status is None:
        yield Blocker(Reason.NO_DESTINATION, on="creator")
    elif facts.destination_status != "active":
        details = tuple(facts.destination_requirements)
        on = "processor" if facts.destination_status == "requested" else "creator"
        on = "operator" if BANK_REVIEW in details else on
        yield Blocker(Reason.DESTINATION_NOT_READY, on=on, details=details)
    if facts.destination_cools_until is not None:
        yield Blocker(Reason.DESTINATION_COOLING, on="time", until=facts.destination_cools_until)
    if facts.returned_payout is not None:
        details = (facts.returned_payout,)
        yield Blocker(Reason.LAST_PAYOUT_RETURNED, on="creator", details=details)


def _at_rail(facts: Facts) -> Iterator[Blocker]:
    """What the destination's processor cannot do for this balance: a stable word each."""
    if facts.rail_refusal is not None:
        yield Blocker(Reason.RAIL_CANNOT, on="creator", details=(facts.rail_refusal,))
    paid = divide(facts.available, facts.debt, facts.step_minor).paid
    if facts.most is not None and paid > facts.most:
        yield Blocker(Reason.RAIL_CANNOT, on="creator", details=("most",))


def _first_maturity(facts: Facts) -> datetime | None:
    return facts.pending[0][1] if facts.pending else None


def _enough_by(facts: Facts) -> datetime | None:
    """When maturing money will have filled the gap to the threshold; None if it will not."""
    reached = facts.available
    for amount, matures_at in facts.pending:
        reached = reached + amount
        if reached >= facts.least:
            return matures_at
    return None
