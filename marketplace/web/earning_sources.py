"""What an earning goes back to, in a few words: the file's reference, the campaign of the work."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.deliverable import Deliverable
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.ledger.draft import Cause


def named(earnings: Iterable[Earning]) -> dict[UUID, str]:
    """A name for the source of each earning, by the earning's id; what it came as if unknown."""
    rows = list(earnings)
    agreed = agreements(rows)
    return {
        it.id: agreed[it.id].campaign.title if it.id in agreed else it.source_ref.partition(":")[2]
        for it in rows
    }


def agreements(earnings: Iterable[Earning]) -> dict[UUID, Agreement]:
    """The agreement of each earning that pays for approved work, by the earning's id."""
    works = {_id(it): it.id for it in earnings if it.source_ref.startswith("deliverable:")}
    found = db.session.execute(
        select(Deliverable.id, Agreement)
        .join(Agreement, Agreement.id == Deliverable.agreement_id)
        .join(Campaign, Campaign.id == Agreement.campaign_id)
        .where(Deliverable.id.in_(works))
    )
    return {works[deliverable_id]: agreement for deliverable_id, agreement in found}


def agreement_of(cause: Cause) -> Agreement | None:
    """The agreement behind a transaction: of approved work, or of work that was given up."""
    if cause.type == "agreement":
        return db.session.get(Agreement, cause.id)
    earning = db.session.get(Earning, cause.id) if cause.type == "earning" else None
    return agreements([earning]).get(earning.id) if earning else None


def _id(earning: Earning) -> UUID:
    return UUID(hex=earning.source_ref.partition(":")[2])
