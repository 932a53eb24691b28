"""What a whole marketplace should hold, as plain integers, on top of the first path's model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from tests.path import model as path
from tests.path.model import Earned, Earner

FLAT_FEE_BPS = 1_000  # taken out
COMMISSION_FEE_BPS = 290  # on top
COMMISSION_DAYS = 30
PRIZE_DAYS = 7
APPEAL = timedelta(days=3)
SPLIT_AFTER = timedelta(days=30)
LATE = timedelta(days=3)
ASKED = "submitted"
AWAITED = ("due", "revision_due")


def share(minor: int, bps: int) -> int:
    """Rounded half-even."""
    return round(Fraction(minor * bps, 10_000))


@dataclass
class Campaign(path.Campaign):
    """Places, a flat fee each, and a rate for sales."""

    fee: int = 0
    places: int = 0
    rate_bps: int = 0


@dataclass
class Application:
    id: UUID
    campaign: Campaign
    earner: Earner
    answer_by: datetime
    status: str = ASKED


@dataclass
class Agreement:
    """With its work and its code."""

    id: UUID
    work_id: UUID
    campaign: Campaign
    earner: Earner
    code: str
    due_at: datetime
    work: str = "due"
    review_by: datetime | None = None
    revisions: int = 0
    code_ended: bool = False

    @property
    def is_active(self) -> bool:
        return self.work in ("due", "submitted", "revision_due")


@dataclass
class Sale:
    """One order; `agreement` is None if it is nobody's."""

    ref: str
    base: int
    agreement: Agreement | None
    refunds: dict[str, int] = field(default_factory=dict)
    is_canceled: bool = False
    status: str = "recorded"
    earned: Earned | None = None
    net: int = 0  # as accrued
    platform_fee: int = 0  # as accrued
    by_brand: bool = False

    @property
    def commission(self) -> int:
        assert self.agreement
        left = 0 if self.is_canceled else max(self.base - sum(self.refunds.values()), 0)
        return share(left, self.agreement.campaign.rate_bps)

    @property
    def cost(self) -> int:
        return self.commission + share(self.commission, COMMISSION_FEE_BPS)

    def fee_for(self, keep: int) -> int:
        return round(Fraction(self.platform_fee * keep, self.net))


@dataclass
class Entry:
    id: UUID
    earner: Earner
    valid: bool = True
    score: int | None = None


@dataclass
class Contest(path.Campaign):
    """A table of prizes; `reserved` is its pool."""

    prizes: tuple[int, ...] = ()
    due: datetime | None = None
    entries: list[Entry] = field(default_factory=list)
    is_split: bool = False

    @property
    def valid(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.valid]

    def awards(self) -> dict[UUID, int]:
        """What each valid entry wins; what does not divide goes to the earliest."""
        if self.is_split:
            return _equally(self.budget, self.valid)
        won: dict[UUID, int] = {}
        for score in sorted({entry.score or 0 for entry in self.valid}, reverse=True):
            tied = [entry for entry in self.valid if (entry.score or 0) == score]
            won |= _equally(sum(self.prizes[len(won) : len(won) + len(tied)]), tied)
        return won


def _equally(minor: int, among: list[Entry]) -> dict[UUID, int]:
    each, rest = divmod(minor, len(among))
    return {entry.id: each + (n < rest) for n, entry in enumerate(among)}


@dataclass
class Whole(path.Model):
    """One brand with a shop, its campaigns and contests, two creators."""

    applications: list[Application] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    platform_fees: int = 0

    # ---- campaigns

    def committed(self, campaign: path.Campaign) -> int:
        active = [it for it in self.agreements if it.campaign is campaign and it.is_active]
        return sum(it.campaign.fee for it in active)

    def spare(self, campaign: path.Campaign) -> int:
        """Reserved, and committed to nobody."""
        return campaign.reserved - self.committed(campaign)

    def room(self, campaign: Campaign) -> int:
        """What is left for sales: the flat fees of places that nobody took are not."""
        places_left = max(campaign.places - len(self.living(campaign)), 0)
        return self.spare(campaign) - campaign.fee * places_left

    def living(self, campaign: path.Campaign) -> list[Agreement]:
        return [it for it in self.agreements if it.campaign is campaign and it.work != "canceled"]

    def ends(self, campaign: path.Campaign, status: str) -> None:
        campaign.status = status
        for application in self.applications:
            if application.campaign is campaign and application.status == ASKED:
                application.status = "expired"
        for agreement in self.agreements:
            if agreement.campaign is campaign and status == "canceled" and agreement.work == "due":
                agreement.work = "canceled"
        self.releases(campaign)

    def releases(self, campaign: path.Campaign) -> None:
        left = self.spare(campaign)
        self.free += left
        campaign.reserved -= left

    def gives_up(self, agreement: Agreement) -> None:
        agreement.work = "canceled"
        if agreement.campaign.status != "open":
            self.releases(agreement.campaign)

    def approves(self, agreement: Agreement) -> None:
        campaign = agreement.campaign
        agreement.work = "approved"
        fee = share(campaign.fee, FLAT_FEE_BPS)
        campaign.reserved -= campaign.fee
        self.earns(agreement.earner, campaign.fee - fee, 0, "flat_fee", agreement.work_id)
        self.platform_fees += fee

    def earns(self, earner: Earner, minor: int, days: int, kind: str, id: UUID) -> Earned:
        earned = Earned(id, minor, self.today + days, kind=kind)
        earner.earned.append(earned)
        return earned

    # ---- sales

    def learns(self, sale: Sale) -> None:
        """The facts of a sale changed: its status and its money follow."""
        if sale.status in ("unattributed", "nothing_due"):
            return
        if sale.agreement is None:
            sale.status = "unattributed"
        elif sale.status == "accrued":
            self._claws_back(sale)
        elif not sale.commission:
            sale.status = "nothing_due"
        elif self.covers(sale):
            self.accrues(sale, by_brand=False)
        else:
            sale.status = "unfunded"

    def covers(self, sale: Sale) -> bool:
        assert sale.agreement
        campaign = sale.agreement.campaign
        return campaign.status == "open" and sale.cost <= self.room(campaign)

    def accrues(self, sale: Sale, *, by_brand: bool) -> None:
        assert sale.agreement
        sale.net, sale.platform_fee = sale.commission, sale.cost - sale.commission
        sale.status, sale.by_brand = "accrued", by_brand
        if by_brand:
            self.free -= sale.cost
        else:
            sale.agreement.campaign.reserved -= sale.cost
        earner = sale.agreement.earner
        sale.earned = self.earns(earner, sale.net, COMMISSION_DAYS, "commission", sale.agreement.id)
        self.platform_fees += sale.platform_fee

    def _claws_back(self, sale: Sale) -> None:
        assert sale.agreement
        assert sale.earned
        before, keep = sale.earned.kept, sale.commission
        fee = sale.fee_for(before) - sale.fee_for(keep)
        sale.agreement.earner.loses(sale.earned, before - keep)
        self.platform_fees -= fee
        if sale.agreement.campaign.status == "open" and not sale.by_brand:
            sale.agreement.campaign.reserved += before - keep + fee
        else:
            self.free += before - keep + fee
        if not keep:
            sale.status = "nothing_due"

    # ---- time

    def later(self, at: datetime) -> None:
        """What time does, in the order in which the worker does it."""
        self._funds_sales()
        self.matures()
        for agreement in self.agreements:
            if agreement.work == "submitted" and agreement.review_by and agreement.review_by <= at:
                self.approves(agreement)
        for application in self.applications:
            if application.status == ASKED and application.answer_by <= at:
                application.status = "expired"

    def windows_end(self, at: datetime) -> None:
        """After the campaigns' own windows."""
        for agreement in self.agreements:
            over = agreement.campaign.status != "open"
            agreement.code_ended = agreement.code_ended or over or agreement.work == "canceled"
            if over and agreement.work in AWAITED and agreement.due_at + LATE <= at:
                self.gives_up(agreement)
        for contest in self.contests:
            while contest.due is not None and contest.due <= at:
                self._acts(contest, at)
        self._funds_sales()
        self.matures()

    def _funds_sales(self) -> None:
        """The oldest first; one that is not covered keeps no other waiting."""
        for sale in self.sales:
            if sale.status == "unfunded" and self.covers(sale):
                self.accrues(sale, by_brand=False)

    def _acts(self, contest: Contest, at: datetime) -> None:
        assert contest.due
        nobody = not (contest.valid if contest.status == "provisional" else contest.entries)
        if contest.status == "awaiting_funds" or (contest.status != "judging" and nobody):
            self.calls_off(contest)
        elif contest.status == "open":
            contest.status, contest.due = "judging", contest.due + SPLIT_AFTER
        elif contest.status == "judging":
            contest.is_split = True
            contest.status, contest.due = "provisional", at + APPEAL
        else:
            self._awards(contest)

    def _awards(self, contest: Contest) -> None:
        won = contest.awards()
        for entry in contest.valid:
            if won[entry.id]:
                self.earns(entry.earner, won[entry.id], PRIZE_DAYS, "prize", entry.id)
        self.free += contest.reserved - sum(won.values())
        contest.reserved, contest.status, contest.due = 0, "awarded", None

    def calls_off(self, contest: Contest) -> None:
        self.free += contest.reserved
        contest.reserved, contest.status, contest.due = 0, "canceled", None
