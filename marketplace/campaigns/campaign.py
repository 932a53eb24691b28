"""A campaign: a brief with a budget that is reserved before any creator sees it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace import business_days, statuses
from marketplace.campaigns.criteria import CriteriaColumn
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.parties.brand import Brand
from marketplace.program.rules import Criteria
from marketplace.statuses import Moves, Stateful, Wait, Waits


class CampaignStatus(StrEnum):
    """Where a campaign stands.

    draft ──submit──▶ in_review ──approve──▶ awaiting_funds ──fund──▶ open ──close──▶ closed
     ▲ │               │  │  │                     │                   │
     └─│request_changes┘  │  └─reject──▶ rejected  │                   │
       │                  │                        │                   │
     cancel             cancel                   cancel              cancel   (open ↻ add_money)
       └──────────────────┴────────────────────────┴───────────────────┴────▶ canceled

    What is left of its reserved money goes back to the brand when it is closed or canceled.
    """

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    REJECTED = "rejected"
    AWAITING_FUNDS = "awaiting_funds"
    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"


REVIEW_DAYS = 3  # business days of the brand
COMMISSION_BPS_MIN, COMMISSION_BPS_MAX = 100, 8_000
WINDOW_MAX = timedelta(days=3650)
DATED = (CampaignStatus.IN_REVIEW, CampaignStatus.AWAITING_FUNDS, CampaignStatus.OPEN)
_DATED_SQL = "status IN ('in_review', 'awaiting_funds', 'open')"
_COMPLETE_SQL = (
    "brief <> '' AND num_nulls(places, budget_minor, opens_on, closes_on, closes_at) = 0"
    " AND num_nonnulls(flat_fee_minor, commission_bps) > 0 AND places > 0 AND budget_minor > 0"
    " AND coalesce(flat_fee_minor > 0, true) AND opens_on <= closes_on"
    " AND budget_minor >= coalesce(flat_fee_minor, 0) * places"
)


class Campaign(Stateful):
    """What a brand buys: brief, criteria, pay, places, window, budget. A draft needs a title alone.

    Pay is a flat fee for approved work, a commission on sales, or both. The criteria come on top of
    the program's own rules.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint(
            "status IN ('draft', 'in_review', 'rejected', 'awaiting_funds', 'open', 'closed',"
            " 'canceled')",
            name="status",
        ),
        CheckConstraint(
            f"status IN ('draft', 'canceled') OR ({_COMPLETE_SQL})", name="complete_once_submitted"
        ),
        CheckConstraint(
            f"commission_bps BETWEEN {COMMISSION_BPS_MIN} AND {COMMISSION_BPS_MAX}",
            name="commission_bps",
        ),
        Index("ix_campaign_closing", "closes_at", postgresql_where=text(_DATED_SQL)),
    )

    MOVES: ClassVar[Moves] = {
        (CampaignStatus.DRAFT, "submit"): CampaignStatus.IN_REVIEW,
        (CampaignStatus.DRAFT, "cancel"): CampaignStatus.CANCELED,
        (CampaignStatus.IN_REVIEW, "approve"): CampaignStatus.AWAITING_FUNDS,
        (CampaignStatus.IN_REVIEW, "request_changes"): CampaignStatus.DRAFT,
        (CampaignStatus.IN_REVIEW, "reject"): CampaignStatus.REJECTED,
        (CampaignStatus.IN_REVIEW, "cancel"): CampaignStatus.CANCELED,
        (CampaignStatus.AWAITING_FUNDS, "fund"): CampaignStatus.OPEN,
        (CampaignStatus.AWAITING_FUNDS, "cancel"): CampaignStatus.CANCELED,
        (CampaignStatus.OPEN, "add_money"): CampaignStatus.OPEN,
        (CampaignStatus.OPEN, "close"): CampaignStatus.CLOSED,
        (CampaignStatus.OPEN, "cancel"): CampaignStatus.CANCELED,
    }
    WAITS: ClassVar[Waits] = {
        CampaignStatus.DRAFT: Wait(on="brand", due=lambda it: None, then="submit"),
        CampaignStatus.IN_REVIEW: Wait(
            on="operator", due=lambda it: it.review_due_at, then="approve"
        ),
        CampaignStatus.AWAITING_FUNDS: Wait(on="brand", due=lambda it: it.closes_at, then="cancel"),
        CampaignStatus.OPEN: Wait(on="time", due=lambda it: it.closes_at, then="close"),
    }

    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"), index=True)
    form_key: Mapped[UUID] = mapped_column(unique=True)
    title: Mapped[str]
    brief: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    criteria: Mapped[Criteria] = mapped_column(CriteriaColumn, default=Criteria)
    flat_fee_minor: Mapped[int | None]
    commission_bps: Mapped[int | None]  # of what buyers pay; the platform fee comes on top
    places: Mapped[int | None]
    budget_minor: Mapped[int | None]
    opens_on: Mapped[date | None]  # days in the brand's time zone, both included
    closes_on: Mapped[date | None]
    closes_at: Mapped[datetime | None]  # the end of closes_on
    created_at: Mapped[datetime]

    brand: Mapped[Brand] = relationship()

    @property
    def ledger_owner(self) -> str:
        return f"campaign:{self.id.hex}"

    @property
    def cause(self) -> Cause:
        return Cause("campaign", self.id)

    @property
    def review_due_at(self) -> datetime:
        """Until when somebody of the marketplace answers, while it is in review."""
        return business_days.after(self.status_at, REVIEW_DAYS, self.brand.time_zone)

    @property
    def flat_fee(self) -> Money | None:
        return None if self.flat_fee_minor is None else Money(self.flat_fee_minor, self.currency)

    @property
    def budget(self) -> Money | None:
        return None if self.budget_minor is None else Money(self.budget_minor, self.currency)


def draft(
    brand: Brand, title: str, currency: str, *, form_key: UUID, actor: str, at: datetime
) -> Campaign:
    """Begin a campaign; the rest of it may be filled in later."""
    campaign = Campaign(
        id=new_id(),
        brand_id=brand.id,
        form_key=form_key,
        title=title.strip(),
        currency=currency,
        status=CampaignStatus.DRAFT,
        created_at=at,
    )
    statuses.born(campaign, at, actor)
    db.session.flush()
    return campaign


def edit(campaign: Campaign, **values: object) -> None:
    """Change a draft; the caller has locked it.

    Raises:
        WrongState: it was submitted; its terms stand.
    """
    if campaign.status != CampaignStatus.DRAFT:
        raise WrongState("campaign", campaign.status, "edit")
    for name, value in values.items():
        setattr(campaign, name, value)


def submit(campaign: Campaign, actor: str, at: datetime) -> None:
    """Ask for its review: from now on the terms stand. The caller has locked the campaign.

    Raises:
        BadInput: something is missing or does not fit; says what, field by field.
    """
    problems = _problems(campaign, at)
    if problems:
        raise BadInput(says("The campaign is not complete yet."), problems)
    campaign.closes_at = _end_of(campaign)
    statuses.advance(campaign, "submit", at, actor)


def _problems(campaign: Campaign, at: datetime) -> dict[str, str]:
    required = {
        "brief": (campaign.brief.strip(), says("say what you want from creators")),
        "flat_fee": (
            campaign.flat_fee_minor or campaign.commission_bps,
            says("say what you pay each creator: a flat fee, a commission, or both"),
        ),
        "places": (campaign.places, says("say how many creators you look for")),
        "budget": (campaign.budget_minor, says("say how much you want to spend")),
        "opens_on": (campaign.opens_on, says("choose the first day")),
        "closes_on": (campaign.closes_on, says("choose the last day")),
    }
    problems: dict[str, str] = {
        field: text for field, (value, text) in required.items() if not value
    }
    if campaign.flat_fee_minor is not None and campaign.flat_fee_minor <= 0:
        problems["flat_fee"] = says("say what you pay each creator, or leave it empty")
    if campaign.flat_fee and campaign.places and campaign.budget:
        least = Money(campaign.flat_fee.minor * campaign.places, campaign.currency)
        if campaign.budget < least:
            problems["budget"] = says("at least %(least)s: places × flat fee", least=least)
    if campaign.opens_on and campaign.closes_on:
        if campaign.closes_on < campaign.opens_on:
            problems["closes_on"] = says("not before the first day")
        elif campaign.closes_on > at.date() + WINDOW_MAX:
            problems["closes_on"] = says("not more than ten years from now")
        elif _end_of(campaign) <= at:
            problems["closes_on"] = says("this day is over")
    return problems


def _end_of(campaign: Campaign) -> datetime:
    assert campaign.closes_on
    zone = ZoneInfo(campaign.brand.time_zone)
    return datetime.combine(campaign.closes_on + timedelta(days=1), time(0), zone)
