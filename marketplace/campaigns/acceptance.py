"""Acceptance: an application or invitation becomes an agreement with its deliverable."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from marketplace import statuses
from marketplace.campaigns.admission import still_member
from marketplace.campaigns.agreement import (
    REVIEW_DAYS,
    REVISIONS_INCLUDED,
    Agreement,
    AgreementStatus,
)
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.campaigns.commitments import require_room
from marketplace.campaigns.deliverable import Deliverable, DeliverableStatus
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.earnings.earning import EarningKind
from marketplace.earnings.terms import terms_of
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.money import zero
from marketplace.notifications import notices

DUE_WITHIN = timedelta(days=14)


def accept(application_id: UUID, actor: str, at: datetime) -> Agreement:
    """Whoever was asked says yes: the terms of today are frozen, a place and its money are taken.

    Locks the campaign, then the application.

    Raises:
        WrongState: it was answered, withdrawn, or expired, or the time to answer is over.
        BadInput: the campaign's window is over, the creator is no member any more, no place is
            left, or money is missing: how much.
    """
    application = db.session.get_one(Application, application_id)
    campaign = lock(Campaign, application.campaign_id)
    locked = lock(Application, application_id)
    assert campaign is not None
    assert locked is not None
    if locked.answer_by <= at:
        raise WrongState("application", locked.status, "accept")
    statuses.advance(locked, "accept", at, actor)
    # The worker may not have come to the end of the window yet.
    assert campaign.closes_at
    if campaign.status != CampaignStatus.OPEN or campaign.closes_at <= at:
        raise BadInput(says("This campaign is not open to creators."))
    still_member(locked.creator_id)
    agreement = _frozen(campaign, locked, at)
    require_room(campaign, agreement.gross)
    statuses.born(agreement, at, actor)
    db.session.flush()
    deliverable = Deliverable(
        id=new_id(),
        agreement_id=agreement.id,
        due_at=_end_of(agreement.due_on, agreement.time_zone),
        revisions=0,
        status=DeliverableStatus.DUE,
    )
    statuses.born(deliverable, at, actor)
    db.session.flush()
    _tell(campaign, locked, at)
    return agreement


def _frozen(campaign: Campaign, application: Application, at: datetime) -> Agreement:
    """The agreement as the campaign and the platform's terms are today."""
    flat_fee, commission_bps = campaign.flat_fee, campaign.commission_bps
    fee_terms = terms_of(EarningKind.FLAT_FEE, at) if flat_fee else None
    commission_terms = terms_of(EarningKind.COMMISSION, at) if commission_bps else None
    gross = zero(campaign.currency)
    if flat_fee and fee_terms:
        net, platform_fee = fee_terms.split(flat_fee)
        gross = net + platform_fee
    return Agreement(
        id=new_id(),
        application_id=application.id,
        campaign_id=campaign.id,
        creator_id=application.creator_id,
        brief=campaign.brief,
        currency=campaign.currency,
        flat_fee_minor=flat_fee.minor if flat_fee else None,
        flat_fee_terms=asdict(fee_terms) if fee_terms else None,
        commission_bps=commission_bps,
        commission_terms=asdict(commission_terms) if commission_terms else None,
        gross_minor=gross.minor,
        due_on=_due_on(campaign, at),
        time_zone=campaign.brand.time_zone,
        revisions_included=REVISIONS_INCLUDED,
        review_days=REVIEW_DAYS,
        agreed_at=at,
        status=AgreementStatus.ACTIVE,
    )


def _due_on(campaign: Campaign, at: datetime) -> date:
    """Fourteen days from now or from the campaign's first day, within its window."""
    assert campaign.opens_on
    assert campaign.closes_on
    today = at.astimezone(ZoneInfo(campaign.brand.time_zone)).date()
    return min(campaign.closes_on, max(today, campaign.opens_on) + DUE_WITHIN)


def _end_of(day: date, time_zone: str) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(0), ZoneInfo(time_zone))


def _tell(campaign: Campaign, application: Application, at: datetime) -> None:
    if application.is_invitation:
        subject = says(
            "%(creator)s accepted your invitation to %(campaign)s",
            creator=application.creator.name,
            campaign=campaign.title,
        )
        notices.to_brand(campaign.brand_id, at, subject, says("The agreement stands from now on."))
    else:
        subject = says("You are in: %(campaign)s", campaign=campaign.title)
        notices.to_creator(
            application.creator_id, at, subject, says("The agreement stands from now on.")
        )
