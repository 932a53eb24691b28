"""What a campaign's reserved money is committed to, and the two limits that nothing passes.

Places and money are counted under the campaign's lock, so that two who take the last place at once
take it one after the other, and the second one is refused.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select

from marketplace.campaigns.agreement import Agreement, AgreementStatus
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.funding import reservation, standing
from marketplace.money import Money, zero


def committed(campaign: Campaign) -> Money:
    """What the agreements whose work is not approved yet will take, platform fees included."""
    total = db.session.scalar(
        select(func.sum(Agreement.gross_minor)).where(
            Agreement.campaign_id == campaign.id, Agreement.status == AgreementStatus.ACTIVE
        )
    )
    return Money(int(total or 0), campaign.currency)


def free(campaign: Campaign) -> Money:
    """Reserved for the campaign and committed to nothing; below zero only if something is wrong."""
    reserved = reservation.reserved(campaign.ledger_owner, campaign.currency)
    return reserved - committed(campaign)


def free_of(ledger_owner: str) -> Money | None:
    """What an open campaign, named as the ledger does, has free for sales; None if it is not open.

    The flat fees of places that nobody has taken yet are not free: creators were promised them.
    """
    campaign = db.session.get(Campaign, UUID(hex=ledger_owner.removeprefix("campaign:")))
    if campaign is None or campaign.status != CampaignStatus.OPEN:
        return None
    if standing.of(campaign.brand_id).suspended:
        return zero(campaign.currency)  # nothing new is spent: sales wait
    left = max((campaign.places or 0) - places_taken(campaign.id), 0)
    for_places = Money((campaign.flat_fee_minor or 0) * left, campaign.currency)
    return max(free(campaign) - for_places, zero(campaign.currency))


def places_taken(campaign_id: UUID) -> int:
    """How many agreements fill a place."""
    return (
        db.session.scalar(
            select(func.count()).where(
                Agreement.campaign_id == campaign_id,
                Agreement.status != AgreementStatus.CANCELED,
            )
        )
        or 0
    )


def require_room(campaign: Campaign, gross: Money) -> None:
    """Refuse an agreement of this much beyond a limit. The caller has locked the campaign.

    Raises:
        BadInput: every place is taken; or money is missing, and how much.
    """
    if places_taken(campaign.id) >= (campaign.places or 0):
        raise BadInput(says("Every place of this campaign is taken."))
    require_free(campaign, gross)


def require_free(campaign: Campaign, gross: Money) -> None:
    """Refuse to commit or spend more than is free. The caller has locked the campaign.

    Raises:
        BadInput: money is missing, and how much; or the brand is suspended.
    """
    standing.require_good(campaign.brand_id)
    missing = gross - free(campaign)
    if missing.minor > 0:
        raise BadInput(
            says(
                "The campaign's unreserved money does not cover this: add %(missing)s.",
                missing=missing,
            )
        )
