"""A brand's money reserved for one campaign, and what is given back from it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from marketplace.database.identifier import new_id
from marketplace.funding import standing
from marketplace.ledger import balances, journal, postings
from marketplace.ledger.draft import Cause
from marketplace.money import Money, zero


def reserved(campaign_owner: str, currency: str) -> Money:
    """What a campaign's reservation holds."""
    return balances.balance(postings.reserved(campaign_owner), currency)


def available(brand_owner: str, currency: str) -> Money:
    """What a brand has paid in and not reserved."""
    return balances.balance(postings.brand_available(brand_owner), currency)


def reserve(
    brand_owner: str,
    campaign_owner: str,
    amount: Money,
    cause: Cause,
    at: datetime,
    form_key: UUID | None = None,
) -> bool:
    """Reserve money that the brand already has; the caller has locked the campaign.

    Args:
        form_key: of the form that asks for it: it does so once. False if it has been done.

    Raises:
        BadInput: the brand is suspended.
        InsufficientFunds: the brand does not have that much.
        KeyConflict: the form asked for another amount before.
    """
    standing.require_good(UUID(hex=brand_owner.removeprefix("brand:")))
    key = f"campaign_reserved:{cause.id.hex}:{(form_key or new_id()).hex}"
    return journal.post(
        postings.campaign_reserved(brand_owner, campaign_owner, amount, key, cause, at)
    ).fresh


def release(
    brand_owner: str,
    campaign_owner: str,
    currency: str,
    cause: Cause,
    at: datetime,
    keep: Money | None = None,
) -> Money:
    """Give what is left of a reservation, but for `keep`, back to the brand; return how much.

    The caller has locked the campaign. Once per cause.
    """
    left = reserved(campaign_owner, currency) - (keep or zero(currency))
    if left:
        key = f"campaign_released:{cause.id.hex}"
        journal.post(postings.campaign_released(brand_owner, campaign_owner, left, key, cause, at))
    return left
