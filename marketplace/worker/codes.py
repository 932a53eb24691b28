"""Codes and links of agreements that are over: orders placed from then on count no more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from marketplace.campaigns.agreement import Agreement, AgreementStatus
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.commissions.code import PromoCode
from marketplace.database.lock import lock_next
from marketplace.extensions import db


def end_next(at: datetime) -> bool:
    """End one code whose agreement was canceled or whose campaign is over; False if none is.

    It ends at the instant at which they did, whenever the worker comes to it.
    """
    over = (
        select(Agreement.id)
        .join(Campaign, Campaign.id == Agreement.campaign_id)
        .where(
            Agreement.id == PromoCode.agreement_id,
            (Agreement.status == AgreementStatus.CANCELED)
            | (Campaign.status != CampaignStatus.OPEN),
        )
        .exists()
    )
    code = lock_next(PromoCode, PromoCode.ended_at.is_(None), over, order_by=PromoCode.id)
    if code is None:
        return False
    agreement = db.session.get_one(Agreement, code.agreement_id)
    campaign = agreement.campaign
    ends = [agreement.status_at] if agreement.status == AgreementStatus.CANCELED else []
    ends += [campaign.status_at] if campaign.status != CampaignStatus.OPEN else []
    code.ended_at = min(ends)
    return True
