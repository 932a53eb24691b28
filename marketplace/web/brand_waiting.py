"""What waits for a brand: work to review, creators to answer; the most urgent first."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application, ApplicationStatus
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.deliverable import Deliverable, DeliverableStatus
from marketplace.extensions import db

WAITING_MAX = 200


def work_of(brand_id: UUID) -> Select[Deliverable]:
    """Deliverables of a brand with their agreement, campaign and creator."""
    return (
        select(Deliverable)
        .join(Deliverable.agreement)
        .join(Agreement.campaign)
        .where(Campaign.brand_id == brand_id)
        .options(
            joinedload(Deliverable.agreement).joinedload(Agreement.creator),
            joinedload(Deliverable.agreement).joinedload(Agreement.campaign),
        )
    )


def to_review(brand_id: UUID, rows: int = WAITING_MAX) -> list[Deliverable]:
    """Work that lies with this brand, the soonest to approve itself first."""
    submitted = Deliverable.status == DeliverableStatus.SUBMITTED
    statement = work_of(brand_id).where(submitted).order_by(Deliverable.review_by).limit(rows)
    return list(db.session.scalars(statement))


def applicants(brand_id: UUID, rows: int = WAITING_MAX) -> list[Application]:
    """Applications that wait for this brand's answer, the soonest to expire first."""
    statement = (
        select(Application)
        .join(Campaign, Campaign.id == Application.campaign_id)
        .where(Campaign.brand_id == brand_id, Application.status == ApplicationStatus.SUBMITTED)
        .options(joinedload(Application.creator), joinedload(Application.campaign))
        .order_by(Application.answer_by)
        .limit(rows)
    )
    return list(db.session.scalars(statement))
