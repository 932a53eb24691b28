"""A campaign's budget: what is missing to it, how it is paid in, and how it opens the campaign.

While the campaign is open more can be added: the budget rises by exactly what was, and nothing else
of the terms changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from marketplace import statuses
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.lock import lock
from marketplace.errors import BadInput, WrongState, says
from marketplace.funding import deposit as deposits
from marketplace.funding import paying_in, reservation
from marketplace.funding.deposit import Deposit
from marketplace.money import Money, zero
from marketplace.processors.base import Snapshot
from marketplace.statuses import SYSTEM


@dataclass(frozen=True)
class Cost:
    """What a campaign can cost at most, and what of it goes where. Its budget is the limit."""

    flat_fees: Money  # when every place is taken and all work is approved
    commissions: Money  # at most, the platform fee on top included
    most: Money
    left: Money  # of the budget: comes back in any case


def cost(
    flat_fee: Money | None, commission_bps: int | None, places: int, budget: Money
) -> Cost | None:
    """The cost of these terms; None if the budget does not cover the flat fees."""
    nothing = zero(budget.currency)
    fees = Money(flat_fee.minor * places, budget.currency) if flat_fee else nothing
    if fees > budget:
        return None
    rest = budget - fees
    commissions = rest if commission_bps else nothing
    return Cost(fees, commissions, fees + commissions, rest - commissions)


def cost_of(campaign: Campaign) -> Cost | None:
    """What a campaign can cost at most; None while a draft does not say."""
    if campaign.places is None or campaign.budget is None:
        return None
    return cost(campaign.flat_fee, campaign.commission_bps, campaign.places, campaign.budget)


def missing(campaign: Campaign) -> Money:
    """What is still missing to the budget."""
    if campaign.budget is None or campaign.status != CampaignStatus.AWAITING_FUNDS:
        return zero(campaign.currency)
    return campaign.budget - reservation.reserved(campaign.ledger_owner, campaign.currency)


def top_up(
    campaign: Campaign,
    *,
    payer_id: UUID,
    payer_email: str,
    form_key: UUID,
    site_url: str,
    at: datetime,
) -> Deposit:
    """Ask for a hosted checkout over what is missing to the budget. The caller has locked it.

    Raises:
        WrongState: it does not wait for funds.
        BadInput: a checkout for it is open already, or the amount is too small for a card.
    """
    if campaign.status != CampaignStatus.AWAITING_FUNDS:
        raise WrongState("campaign", campaign.status, "top up")
    return _checkout(campaign, missing(campaign), payer_id, payer_email, form_key, site_url, at)


def add_by_card(
    campaign: Campaign,
    amount: Money,
    *,
    payer_id: UUID,
    payer_email: str,
    form_key: UUID,
    site_url: str,
    at: datetime,
) -> Deposit:
    """Ask for a hosted checkout that adds to an open campaign. The caller has locked it.

    Raises:
        WrongState: it is not open.
        BadInput: a checkout for it is open already, or a card cannot bring that amount.
    """
    if not statuses.allows(campaign, "add_money"):
        raise WrongState("campaign", campaign.status, "add money")
    deposit = _checkout(campaign, amount, payer_id, payer_email, form_key, site_url, at)
    deposit.raises_budget = True
    return deposit


def _checkout(
    campaign: Campaign,
    amount: Money,
    payer_id: UUID,
    payer_email: str,
    form_key: UUID,
    site_url: str,
    at: datetime,
) -> Deposit:
    if open_deposit(campaign) is not None:
        raise BadInput(says("A checkout for this campaign is open already."))
    return deposits.request(
        deposits.Purpose.CAMPAIGN,
        amount,
        requested_by=payer_id,
        payer_email=payer_email,
        form_key=form_key,
        site_url=site_url,
        description=f"Campaign: {campaign.title}"[:200],
        at=at,
        brand_id=campaign.brand_id,
        campaign_id=campaign.id,
    )


def open_deposit(campaign: Campaign) -> Deposit | None:
    """The checkout that may still bring this campaign money, if there is one.

    One that was asked for before it opened brings none to it any more: that goes to the brand.
    """
    is_open = campaign.status == CampaignStatus.OPEN
    return paying_in.open_deposit(
        (Deposit.campaign_id == campaign.id) & Deposit.raises_budget.is_(is_open)
    )


def fund_from_balance(campaign: Campaign, actor: str, at: datetime) -> None:
    """Reserve what is missing from money that the brand has here already. The caller has locked it.

    Raises:
        InsufficientFunds: the brand does not have that much unreserved.
    """
    short = missing(campaign)
    statuses.advance(campaign, "fund", at, actor)
    if short:
        reservation.reserve(
            campaign.brand.ledger_owner, campaign.ledger_owner, short, campaign.cause, at
        )


def add_from_balance(
    campaign: Campaign, amount: Money, *, form_key: UUID, actor: str, at: datetime
) -> bool:
    """Add unreserved money of the brand to an open campaign; False if this form has done so.

    The caller has locked it.

    Raises:
        WrongState: it is not open.
        InsufficientFunds: the brand does not have that much unreserved.
        KeyConflict: this form has added another amount.
    """
    if not statuses.allows(campaign, "add_money"):
        raise WrongState("campaign", campaign.status, "add money")
    fresh = reservation.reserve(
        campaign.brand.ledger_owner, campaign.ledger_owner, amount, campaign.cause, at, form_key
    )
    if fresh:
        _raise(campaign, amount, actor, at)
    return fresh


def _raise(campaign: Campaign, amount: Money, actor: str, at: datetime) -> None:
    """The budget of an open campaign rises by what is reserved for it in the same commit."""
    assert campaign.budget is not None
    open_since = campaign.status_at
    statuses.advance(campaign, "add_money", at, actor, str(amount))
    campaign.status_at = open_since  # no new status: it has been open since then
    campaign.budget_minor = (campaign.budget + amount).minor


def topped_up(deposit: Deposit, payment: Snapshot, at: datetime) -> None:
    """A campaign's deposit was paid: reserve it, and open the campaign once it is funded.

    One that adds to an open campaign raises its budget. What is too much, or comes after the
    campaign is over, stays with the brand unreserved.

    Raises:
        Mismatch: the payment is not the one we asked for.
    """
    assert deposit.campaign_id
    campaign = lock(Campaign, deposit.campaign_id)
    assert campaign is not None
    if deposit.raises_budget:
        is_open = campaign.status == CampaignStatus.OPEN
        wanted = deposit.amount if is_open else zero(deposit.currency)
        once_covered = partial(_raise, campaign, deposit.amount, SYSTEM, at)
    else:
        wanted = missing(campaign)
        once_covered = partial(statuses.advance, campaign, "fund", at, SYSTEM)
    paying_in.received(
        deposit,
        payment,
        at,
        brand_owner=campaign.brand.ledger_owner,
        reserved_owner=campaign.ledger_owner,
        missing=wanted,
        once_covered=once_covered,
    )
