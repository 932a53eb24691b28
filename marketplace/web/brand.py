"""Pages of brands: their campaigns, and the money that is in them.

brand_draft     filling in a campaign, and submitting it
brand_preview   what a draft comes to as it is typed
brand_campaign  one campaign: where it stands, paying for it, calling it off
brand_adding    more money for a campaign that is open
brand_matches   who suits a campaign, best first, to be invited
brand_deposit   one top-up: the wait for the payment page, and for the payment
brand_refund    money that goes back to its card
brand_standing  what stands against it: disputes, debts; paying them
brand_money     what there is and where it is; the books behind it
brand_applicants  who applies, who is invited, and the answers
brand_agreements  what is agreed, and its work to review
brand_waiting   what waits for the brand
brand_sales     orders of its shops, and what creators earn by them
brand_storefronts  its shops, and how they are connected
brand_words     what people read for the words that rows keep
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select, union_all

from marketplace import access
from marketplace.access import audience
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.challenges.challenge import Challenge
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from marketplace.ledger import balances
from marketplace.ledger.chart import AccountKind
from marketplace.money import Money, zero
from marketplace.web import brand_words as words
from marketplace.web import paging, trace
from marketplace.web.brand_waiting import applicants, to_review

SHOWN = 24  # campaigns on a page
SOONEST = 3  # of what waits for the brand
CURRENCY = "USD"  # of a brand that has not chosen one yet

bp = Blueprint("brand", __name__, url_prefix="/brand")


@bp.get("")
@audience("brand")
def home() -> ResponseReturnValue:
    """Every campaign: where it stands, what it waits for, how much of its budget is there."""
    brand = access.current_brand()
    page = paging.newest_first(
        select(Campaign).where(Campaign.brand_id == brand.id), Campaign.id, SHOWN
    )
    waiting = select(func.count()).where(
        Campaign.brand_id == brand.id,
        Campaign.status.in_((CampaignStatus.DRAFT, CampaignStatus.AWAITING_FUNDS)),
    )
    return render_template(
        "brand/home.html",
        brand_id=brand.id,
        page=page,
        reserved=reserved_of(page.rows),
        available=available(),
        reserved_in_all=reserved_in_all(),
        waiting=db.session.scalar(waiting) or 0,
        to_review=to_review(brand.id, SOONEST),
        applicants=applicants(brand.id, SOONEST),
    )


@bp.context_processor
def _words() -> dict[str, object]:
    """What the templates of this area name things with."""
    return {"words": words, "trace": trace}


def my_campaign(campaign_id: UUID) -> Campaign:
    """The caller's campaign of this id.

    Raises:
        NotFound: there is none, or it is another brand's.
    """
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None or campaign.brand_id != access.current_brand().id:
        raise NotFound("no such campaign")
    return campaign


def my_deposit(deposit_id: UUID) -> Deposit:
    """The caller's deposit of this id.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    deposit = db.session.get(Deposit, deposit_id)
    if deposit is None or deposit.brand_id != access.current_brand().id:
        raise NotFound("no such deposit")
    return deposit


def available() -> list[Money]:
    """What the caller's brand has reserved for nothing, by currency; zero of one if it is new."""
    held = balances.balances_of(access.current_brand().ledger_owner)
    found = [it.balance for it in held if it.account.kind == AccountKind.BRAND_AVAILABLE]
    return found or [zero(CURRENCY)]


def reserved_in_all() -> list[Money]:
    """What the caller's brand has reserved, by currency; nothing if it is nothing."""
    held = balances.stored(AccountKind.RESERVED)
    brand_id = access.current_brand().id
    owners = [
        select(balances.owner_of(kind, model.id)).where(model.brand_id == brand_id)
        for kind, model in (("campaign", Campaign), ("challenge", Challenge))
    ]
    rows = db.session.execute(
        select(held.c.currency, func.sum(held.c.balance_minor))
        .where(held.c.owner.in_(union_all(*owners)), held.c.balance_minor > 0)
        .group_by(held.c.currency)
        .order_by(held.c.currency)
    )
    return [Money(int(minor), currency) for currency, minor in rows]


def reserved_of(campaigns: list[Campaign]) -> dict[UUID, Money]:
    """What is reserved for each of these campaigns."""
    held = balances.stored(AccountKind.RESERVED)
    rows = db.session.execute(
        select(Campaign.id, held.c.balance_minor)
        .join(held, held.c.owner == balances.owner_of("campaign", Campaign.id))
        .where(
            Campaign.id.in_([campaign.id for campaign in campaigns]),
            held.c.currency == Campaign.currency,
        )
    )
    minor = {id: balance_minor for id, balance_minor in rows}
    return {it.id: Money(minor.get(it.id, 0), it.currency) for it in campaigns}
