"""What the marketplace should hold, as plain integers: no ledger, no statuses of ours, no SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from uuid import UUID

from tests.scripted import BUSY, DOWN, LOST, MADE, Ending

THRESHOLD = 10_000
MATURITY_DAYS = 7
COOLING_DAYS = 3
HELD_FOR_FUNDS = "balance_insufficient"


@dataclass
class Call:
    """One call to the processor: does it exist there, and when did it first leave?"""

    made: bool = False
    left_on: int | None = None  # day
    missed: bool = False  # a look-up past the safe window found nothing

    def ends(self, ending: Ending, today: int) -> str:
        """Try once; return what we learn: 'made', 'doubt', 'nothing', or a code of refusal."""
        if self.left_on is not None and today > self.left_on:  # a day is past the safe window
            if self.made:
                return "made"
            if not self.missed:
                self.missed = True
                return "nothing"
            self.left_on, self.missed = None, False  # the next attempt
        self.left_on = today if self.left_on is None else self.left_on
        if ending == BUSY:
            return "nothing"
        if ending == DOWN:
            return "doubt"
        if ending in (MADE, LOST):
            self.made = True
            return "made" if ending == MADE else "doubt"
        return "made" if self.made else ending


@dataclass
class Campaign:
    id: UUID
    budget: int
    reserved: int = 0
    status: str = "awaiting_funds"

    @property
    def missing(self) -> int:
        return self.budget - self.reserved if self.status == "awaiting_funds" else 0


@dataclass
class Deposit:
    id: UUID
    amount: int
    campaign: Campaign
    paid: bool = False
    adds: bool = False  # to a campaign that is open already


@dataclass
class Refund:
    id: UUID
    amount: int
    deposit: Deposit
    status: str = "requested"
    call: Call = field(default_factory=Call)


@dataclass
class Payout:
    id: UUID
    amount: int
    recovered: int = 0
    status: str = "reserved"
    review_on: int = 0  # day
    confirmed: bool = False  # once it came back
    call: Call = field(default_factory=Call)

    @property
    def is_open(self) -> bool:
        return self.status in ("reserved", "sending", "unknown", "held")


@dataclass
class Earned:
    id: UUID
    kept: int
    matures_on: int  # day
    matured: bool = False
    kind: str = "fund"


@dataclass
class Earner:
    id: UUID
    handle: str
    active: bool = False
    cooled_on: int | None = None  # day; of a destination that could ever receive
    available: int = 0
    debt: int = 0
    earned: list[Earned] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)

    @property
    def pending(self) -> int:
        return sum(it.kept for it in self.earned if not it.matured)

    @property
    def in_payout(self) -> int:
        return sum(payout.amount for payout in self.payouts if payout.is_open)

    def is_active(self, active: bool, today: int) -> None:
        self.active = active
        if active and self.cooled_on is None:
            self.cooled_on = today + COOLING_DAYS

    def can_receive(self, today: int) -> bool:
        """What came back is paid again only after a word of the creator."""
        has_cooled = self.cooled_on is not None and self.cooled_on <= today
        confirmed = all(it.confirmed for it in self.payouts if it.status == "returned")
        return self.active and has_cooled and confirmed

    def payable(self, today: int) -> bool:
        return self.can_receive(today) and not self.in_payout and self.available >= THRESHOLD

    def is_paid(self, id: UUID) -> None:
        """All that is available leaves; a quarter of it, rounded half-even, repays debt at most."""
        recovered = min(self.debt, round(Fraction(self.available, 4)))
        self.payouts.append(Payout(id, self.available - recovered, recovered))
        self.available, self.debt = 0, self.debt - recovered

    def gets_back(self, payout: Payout, status: str) -> None:
        self.available += payout.amount + payout.recovered
        self.debt += payout.recovered
        payout.status = status

    def comes_back(self, payout: Payout) -> None:
        """What was paid is owed again; what it repaid of debt stays repaid."""
        self.available += payout.amount
        payout.status = "returned"

    def loses(self, earned: Earned, minor: int) -> None:
        earned.kept -= minor
        if earned.matured:
            taken = min(minor, self.available)
            self.available -= taken
            self.debt += minor - taken


@dataclass
class Model:
    """One brand, its campaigns, two creators, one pool."""

    earners: list[Earner]
    campaigns: list[Campaign] = field(default_factory=list)
    deposits: list[Deposit] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    free: int = 0  # the brand's, reserved for nothing
    pool: int = 0
    charged: int = 0  # all that was ever paid in
    today: int = 0

    @property
    def refunding(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.status == "requested")

    @property
    def at_processor(self) -> int:
        """Before the processor's own fees."""
        gone = sum(refund.amount for refund in self.refunds if refund.status == "succeeded")
        paid = sum(it.amount for one in self.earners for it in one.payouts if it.status == "paid")
        return self.charged - gone - paid

    def arrives(self, deposit: Deposit) -> None:
        campaign = deposit.campaign
        reserve = 0 if deposit.adds else min(campaign.missing, deposit.amount)
        if reserve and reserve == campaign.missing:
            campaign.status = "open"
        campaign.reserved += reserve
        self.free += deposit.amount - reserve
        self.charged += deposit.amount
        deposit.paid = True
        if deposit.adds and campaign.status == "open":
            self.adds(campaign, deposit.amount)

    def adds(self, campaign: Campaign, minor: int) -> None:
        """More for an open campaign, out of what is free."""
        self.free -= minor
        campaign.reserved += minor
        campaign.budget += minor

    def ends(self, campaign: Campaign, status: str) -> None:
        self.free += campaign.reserved
        campaign.reserved, campaign.status = 0, status

    def left_of(self, deposit: Deposit) -> int:
        gone = [it.amount for it in self.refunds if it.deposit is deposit and it.status != "failed"]
        return deposit.amount - sum(gone) if deposit.paid else 0

    def fails(self, refund: Refund) -> None:
        """Asked for or paid: the brand has the money again."""
        self.free += refund.amount
        refund.status = "failed"

    def matures(self) -> None:
        for earner in self.earners:
            for earned in earner.earned:
                if not earned.matured and earned.kept and earned.matures_on <= self.today:
                    earned.matured = True
                    earner.available += earned.kept

    def holds_end(self) -> None:
        for earner in self.earners:
            for payout in earner.payouts:
                if payout.status == "held" and payout.review_on <= self.today:
                    if earner.can_receive(self.today):
                        payout.status, payout.call = "reserved", Call()
                    else:
                        payout.review_on = self.today + 1

    def answers(self, ending: Ending) -> None:
        """Every request that may leave is tried once, and ends like that."""
        for refund in self.refunds:
            if refund.status == "requested":
                learned = refund.call.ends(ending, self.today)
                if learned not in ("made", "doubt", "nothing"):
                    self.fails(refund)
        for earner in self.earners:
            for payout in earner.payouts:
                self._answer(earner, payout, ending)

    def _answer(self, earner: Earner, payout: Payout, ending: Ending) -> None:
        if payout.status == "reserved" and not earner.can_receive(self.today):
            payout.status, payout.review_on = "held", self.today + 1
        if payout.status not in ("reserved", "sending", "unknown"):
            return
        if payout.status == "reserved":
            payout.status = "sending"
        learned = payout.call.ends(ending, self.today)
        if learned == "made":
            payout.status = "paid"
        elif learned == "doubt":
            payout.status = "unknown"
        elif learned == HELD_FOR_FUNDS:
            payout.status, payout.review_on = "held", self.today + 1
        elif learned != "nothing":
            earner.gets_back(payout, "failed")
