"""How campaigns end: whatever work was submitted keeps its money, the rest goes back at once.

    cancel   work that was not submitted is called off with the campaign
    close    the window is over: whoever agreed before may still hand in until their own due date

What stays reserved is what the work under way may still cost. It leaves with that work: approved to
the creator, given up to the brand.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select

from marketplace import statuses
from marketplace.campaigns import application as applications
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.agreement import Agreement, AgreementStatus
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import DATED, Campaign, CampaignStatus
from marketplace.campaigns.commitments import committed
from marketplace.campaigns.deliverable import (
    AWAITED,
    OVERDUE_GRACE,
    Deliverable,
    DeliverableStatus,
)
from marketplace.database.lock import lock, lock_next
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.ledger.draft import Cause
from marketplace.money import Money, zero
from marketplace.notifications import notices
from marketplace.statuses import SYSTEM

_OVER = (CampaignStatus.CLOSED, CampaignStatus.CANCELED)


def cancel(campaign: Campaign, actor: str, reason: str, at: datetime) -> Money:
    """Call a campaign off; return what goes back to the brand. The caller has locked it.

    Work that was submitted is reviewed and paid all the same.
    """
    statuses.advance(campaign, "cancel", at, actor, reason)
    _expire_applications(campaign, at)
    for deliverable in _not_submitted(campaign):
        _give_up(deliverable, actor, at, says("the campaign was called off"))
    return _release(campaign, campaign.cause, at)


def close(campaign: Campaign, at: datetime) -> Money:
    """The window is over; return what goes back to the brand. The caller has locked it."""
    statuses.advance(campaign, "close", at, SYSTEM, "the window is over")
    _expire_applications(campaign, at)
    return _release(campaign, campaign.cause, at)


def end_due(at: datetime) -> bool:
    """Close or cancel one campaign whose window is over; False if there is none."""
    campaign = lock_next(
        Campaign,
        Campaign.status.in_(DATED),
        Campaign.closes_at <= at,
        order_by=Campaign.closes_at,
    )
    if campaign is None:
        return False
    if campaign.status == CampaignStatus.OPEN:
        close(campaign, at)
    elif campaign.status == CampaignStatus.IN_REVIEW:
        cancel(campaign, SYSTEM, "not reviewed before its window was over", at)
    else:
        cancel(campaign, SYSTEM, "not funded before its window was over", at)
    return True


def next_end() -> datetime | None:
    """When the next window is over."""
    return db.session.scalar(select(func.min(Campaign.closes_at)).where(Campaign.status.in_(DATED)))


# ---- work that never came


def give_up(deliverable_id: UUID, actor: str, at: datetime) -> Money:
    """The brand stops waiting for overdue work; return what goes back to it.

    In a campaign that is open nothing goes back: the money is free for somebody else.

    Raises:
        WrongState: it was submitted meanwhile, or is over.
        BadInput: it is not three days late yet.
    """
    deliverable = deliverables.locked(deliverable_id)
    if deliverable.status in AWAITED and deliverable.ends_at > at:
        raise BadInput(says("Only work that is three days late can be given up."))
    return _end_work(deliverable, actor, at)


def give_up_due(at: datetime) -> bool:
    """In a campaign that is over, give up one deliverable that is three days late."""
    id = db.session.scalar(
        _late_work()
        .where(Deliverable.due_at <= at - OVERDUE_GRACE)
        .order_by(Deliverable.due_at)
        .limit(1)
    )
    if id is None:
        return False
    deliverable = deliverables.locked(id)
    if deliverable.status in AWAITED and deliverable.ends_at <= at:  # nobody was faster
        _end_work(deliverable, SYSTEM, at)
    return True


def next_give_up() -> datetime | None:
    """When the next deliverable of a campaign that is over is given up."""
    soonest = db.session.scalar(_late_work().with_only_columns(func.min(Deliverable.due_at)))
    return None if soonest is None else soonest + OVERDUE_GRACE


def _late_work() -> Select[UUID]:
    return (
        select(Deliverable.id)
        .join(Agreement, Agreement.id == Deliverable.agreement_id)
        .join(Campaign, Campaign.id == Agreement.campaign_id)
        .where(Deliverable.status.in_(AWAITED), Campaign.status.in_(_OVER))
    )


def _end_work(deliverable: Deliverable, actor: str, at: datetime) -> Money:
    agreement = deliverable.agreement
    campaign = agreement.campaign
    _give_up(deliverable, actor, at, says("the work did not come in time"))
    if campaign.status not in _OVER:
        return zero(campaign.currency)
    return _release(campaign, agreement.cause, at)


def _give_up(deliverable: Deliverable, actor: str, at: datetime, why: str) -> None:
    agreement = lock(Agreement, deliverable.agreement_id)
    assert agreement is not None
    statuses.advance(deliverable, "cancel", at, actor, why)
    statuses.advance(agreement, "cancel", at, actor, why)
    subject = says("Your agreement on %(campaign)s is over", campaign=agreement.campaign.title)
    notices.to_creator(agreement.creator_id, at, subject, why)


def _not_submitted(campaign: Campaign) -> list[Deliverable]:
    """Locked, in the order of their ids."""
    ids = db.session.scalars(
        select(Deliverable.id)
        .join(Agreement, Agreement.id == Deliverable.agreement_id)
        .where(
            Agreement.campaign_id == campaign.id,
            Agreement.status == AgreementStatus.ACTIVE,
            Deliverable.status == DeliverableStatus.DUE,
        )
        .order_by(Deliverable.id)
    )
    found = [lock(Deliverable, id) for id in list(ids)]
    return [it for it in found if it is not None and it.status == DeliverableStatus.DUE]


def _expire_applications(campaign: Campaign, at: datetime) -> None:
    ids = db.session.scalars(
        select(Application.id)
        .where(Application.campaign_id == campaign.id, Application.status.in_(applications.OPEN))
        .order_by(Application.id)
    )
    for id in list(ids):
        application = lock(Application, id)
        if application is not None and application.status in applications.OPEN:
            applications.expire(application, at, says("the campaign is over"))


def _release(campaign: Campaign, cause: Cause, at: datetime) -> Money:
    """Give back what no work under way needs."""
    db.session.flush()
    return reservation.release(
        campaign.brand.ledger_owner,
        campaign.ledger_owner,
        campaign.currency,
        cause,
        at,
        keep=committed(campaign),
    )
