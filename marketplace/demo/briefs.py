"""The campaigns of the demo world: one in every state there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketplace import clock
from marketplace.campaigns import budget, ending, review
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns.campaign import Campaign
from marketplace.database.lock import lock
from marketplace.demo import people
from marketplace.demo.steps import Step, base_url, form_key, pay
from marketplace.extensions import db
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.money import Money
from marketplace.program.rules import Criteria


def steps(present: datetime) -> list[Step]:
    """What the brands of the demo world do."""

    def ago(days: float, act: Callable[[], None]) -> Step:
        return Step(present - timedelta(days=days), act)

    return [
        ago(57, lambda: _campaign("northwind", _COFFEE, days=80)),
        ago(56, lambda: _campaign("halcyon", _TENT, days=75)),
        ago(55, lambda: _campaign("kite", _BIKES, days=35)),
        ago(30, lambda: _campaign("halcyon", _TRAIL, days=60)),
        ago(20, lambda: _cancel("halcyon", "the tents are delayed by the maker")),
        ago(18, lambda: _refund("halcyon", Money(60_000, "USD"))),
        ago(12, lambda: _campaign("kite", _LIGHTS, days=40, upto="awaiting_funds")),
        ago(9, lambda: _campaign("northwind", _BEANS, days=60, upto="draft")),
        ago(6, lambda: _campaign("halcyon", _SOCKS, days=30, upto="balance")),
        ago(5, lambda: _campaign("northwind", _LOTTERY, days=20, upto="rejected")),
        ago(5, lambda: _campaign("kite", _CARGO, days=45, upto="changes")),
        ago(4, lambda: _campaign("northwind", _CUPS, days=45, upto="in_review")),
        ago(0.2, lambda: _campaign("kite", _BELLS, days=30, upto="in_review")),
    ]


@dataclass(frozen=True)
class Brief:
    """What a campaign of the demo world offers; amounts are in cents."""

    title: str
    brief: str
    flat_fee_minor: int | None
    places: int
    commission_bps: int | None = None
    for_commissions_minor: int = 0
    criteria: Criteria = Criteria()


_COFFEE = Brief(
    "Slow mornings with the cold-brew kit",
    "One Reel and two Stories of a slow morning. Show the kit being used, not unboxed.",
    14_500,
    12,
    commission_bps=1_500,
    for_commissions_minor=25_000,
    criteria=Criteria(categories=("food", "home")),
)
_TENT = Brief(
    "48 hours off-grid: our ultralight tent",
    "Take the tent out for two nights and tell us honestly what broke and what held.",
    42_000,
    4,
)
_BIKES = Brief(
    "Family bike weekend, car-free edition",
    "Two days in your own city without a car. A carousel of ten frames and one short film.",
    17_500,
    6,
)
_TRAIL = Brief(
    "Trail lunch for one",
    "Cook something real above the tree line. The stove should be seen, the recipe shared.",
    9_000,
    5,
    commission_bps=1_000,
    for_commissions_minor=30_000,
    criteria=Criteria(min_followers=15_000),
)
_LIGHTS = Brief(
    "Winter lights on the way home",
    "The ride home after work in December. We want the light on the road, not the product.",
    12_000,
    8,
)
_BEANS = Brief("Autumn beans: three ways to brew them", "", None, 0)
_SOCKS = Brief(
    "Merino socks on day five",
    "Wear them for five days. Tell us on day five whether anybody noticed.",
    8_000,
    5,
)


_LOTTERY = Brief(
    "Win a year of coffee",
    "Ask your followers to buy a bag for a ticket in our lottery. One of them wins.",
    5_000,
    10,
)
_CARGO = Brief(
    "A cargo bike for the school run", "Film the school run. Ours is the red one.", 20_000, 3
)
_CUPS = Brief(
    "The cup that goes along",
    "Take the cup with you for a week. We want to see it full, used and a little scratched.",
    None,
    20,
    commission_bps=1_250,
    for_commissions_minor=80_000,
    criteria=Criteria(min_authentic_views_30d=120_000, countries=("DE", "FR", "GB")),
)
_BELLS = Brief(
    "One ring is enough",
    "A bell, a city, a smile. Thirty seconds without a cut.",
    7_500,
    4,
    criteria=Criteria(min_followers=50_000, min_engagement_bps=300),
)


def _campaign(brand_name: str, brief: Brief, *, days: int, upto: str = "open") -> None:
    person, brand = people.brand(f"{brand_name}@demo.example")
    actor, at = f"user:{person.id.hex}", clock.now()
    campaign = campaigns.draft(
        brand, brief.title, "USD", form_key=form_key(brief.title), actor=actor, at=at
    )
    if upto == "draft":
        return
    campaigns.edit(
        campaign,
        brief=brief.brief,
        criteria=brief.criteria,
        flat_fee_minor=brief.flat_fee_minor,
        commission_bps=brief.commission_bps,
        places=brief.places,
        budget_minor=(brief.flat_fee_minor or 0) * brief.places + brief.for_commissions_minor,
        opens_on=at.date(),
        closes_on=(at + timedelta(days=days)).date(),
    )
    campaigns.submit(campaign, actor, at)
    if upto == "in_review":
        return
    _review(campaign, upto, at)
    if upto == "balance":
        budget.fund_from_balance(campaign, actor, at)
    elif upto == "open":
        pay(
            budget.top_up(
                campaign,
                payer_id=person.id,
                payer_email=person.email,
                form_key=form_key(f"top-up {brief.title}"),
                site_url=f"{base_url()}/brand",
                at=at,
            )
        )


def _review(campaign: Campaign, upto: str, at: datetime) -> None:
    """What the operator of the demo world decides."""
    actor = f"user:{people.operator().id.hex}"
    if upto == "rejected":
        review.reject(campaign, actor, "A lottery: creators may not sell tickets.", at)
    elif upto == "changes":
        reason = "Please say how long the film should be and where it is published."
        review.request_changes(campaign, actor, reason, at)
    else:
        review.approve(campaign, actor, at)


def _cancel(brand_name: str, reason: str) -> None:
    person, brand = people.brand(f"{brand_name}@demo.example")
    found = db.session.query(Campaign).filter_by(brand_id=brand.id, title=_TENT.title).one()
    campaign = lock(Campaign, found.id)
    assert campaign is not None
    ending.cancel(campaign, f"user:{person.id.hex}", reason, clock.now())


def _refund(brand_name: str, amount: Money) -> None:
    person, brand = people.brand(f"{brand_name}@demo.example")
    deposit = (
        db.session.query(Deposit)
        .filter_by(brand_id=brand.id, status=DepositStatus.SUCCEEDED)
        .order_by(Deposit.created_at)
        .first()
    )
    assert deposit is not None
    refunds.request(
        deposit.id,
        amount,
        actor=f"user:{person.id.hex}",
        form_key=form_key("refund"),
        at=clock.now(),
    )
