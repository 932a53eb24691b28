"""An application to a campaign, or an invitation to it: one side asks, the other answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace import statuses
from marketplace.campaigns.admission import admitted
from marketplace.campaigns.agreement import Agreement, AgreementStatus
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_next
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.funding import standing
from marketplace.notifications import notices
from marketplace.parties.creator import Creator
from marketplace.statuses import SYSTEM, Moves, Stateful, Wait, Waits

ANSWER_WITHIN = timedelta(days=7)


class ApplicationStatus(StrEnum):
    """Where an application or invitation stands. Seven days of silence end it: expire.

    submitted, by a creator ──accept──▶ accepted      (by the brand: an agreement)
    invited, by a brand     ──accept──▶ accepted      (by the creator: an agreement)
        │  │  └──decline──▶ declined                  (by whom was asked)
        │  └──withdraw──▶ withdrawn                   (by who asked)
        └──expire──▶ expired
    """

    SUBMITTED = "submitted"
    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


OPEN = (ApplicationStatus.SUBMITTED, ApplicationStatus.INVITED)
_OPEN_SQL = "status IN ('submitted', 'invited')"


class Application(Stateful):
    """That a creator asks for a place in a campaign, or a brand asks a creator."""

    __tablename__ = "application"
    __table_args__ = (
        CheckConstraint(
            "status IN ('submitted', 'invited', 'accepted', 'declined', 'withdrawn', 'expired')",
            name="status",
        ),
        CheckConstraint("answer_by > asked_at", name="time_to_answer"),
        Index(
            "uq_application_open",
            "campaign_id",
            "creator_id",
            unique=True,
            postgresql_where=text(_OPEN_SQL),
        ),
        Index("ix_application_answer", "answer_by", postgresql_where=text(_OPEN_SQL)),
    )

    MOVES: ClassVar[Moves] = {
        (ApplicationStatus.SUBMITTED, "accept"): ApplicationStatus.ACCEPTED,
        (ApplicationStatus.SUBMITTED, "decline"): ApplicationStatus.DECLINED,
        (ApplicationStatus.SUBMITTED, "withdraw"): ApplicationStatus.WITHDRAWN,
        (ApplicationStatus.SUBMITTED, "expire"): ApplicationStatus.EXPIRED,
        (ApplicationStatus.INVITED, "accept"): ApplicationStatus.ACCEPTED,
        (ApplicationStatus.INVITED, "decline"): ApplicationStatus.DECLINED,
        (ApplicationStatus.INVITED, "withdraw"): ApplicationStatus.WITHDRAWN,
        (ApplicationStatus.INVITED, "expire"): ApplicationStatus.EXPIRED,
    }
    WAITS: ClassVar[Waits] = {
        ApplicationStatus.SUBMITTED: Wait("brand", lambda it: it.answer_by, "expire"),
        ApplicationStatus.INVITED: Wait("creator", lambda it: it.answer_by, "expire"),
    }

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), index=True)
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), index=True)
    form_key: Mapped[UUID] = mapped_column(unique=True)
    is_invitation: Mapped[bool]
    message: Mapped[str] = mapped_column(default="")
    verdict: Mapped[dict[str, Any]] = mapped_column(JSONB)  # the facts then, rule by rule
    reason: Mapped[str] = mapped_column(default="")  # of a decline
    asked_at: Mapped[datetime]
    answer_by: Mapped[datetime]

    campaign: Mapped[Campaign] = relationship()
    creator: Mapped[Creator] = relationship()


def apply(
    campaign: Campaign, creator: Creator, message: str, *, form_key: UUID, actor: str, at: datetime
) -> Application:
    """A creator asks for a place. The caller has locked the campaign.

    Raises:
        BadInput: the campaign is not open, they asked already, or do not meet a rule: which one.
    """
    made = _ask(campaign, creator, message, form_key=form_key, actor=actor, at=at, invited=False)
    notices.to_brand(
        campaign.brand_id,
        at,
        says("%(creator)s applies to %(campaign)s", creator=creator.name, campaign=campaign.title),
        says("Please accept or decline within 7 days; after that the application expires."),
    )
    return made


def invite(
    campaign: Campaign, creator: Creator, message: str, *, form_key: UUID, actor: str, at: datetime
) -> Application:
    """A brand asks a creator. The caller has locked the campaign.

    Raises:
        BadInput: the campaign is not open, they are asked already, or do not meet a rule.
    """
    made = _ask(campaign, creator, message, form_key=form_key, actor=actor, at=at, invited=True)
    notices.to_creator(
        creator.id,
        at,
        says(
            "%(brand)s invites you to %(campaign)s",
            brand=campaign.brand.name,
            campaign=campaign.title,
        ),
        says("Please accept or decline within 7 days; after that the invitation expires."),
    )
    return made


def _ask(
    campaign: Campaign,
    creator: Creator,
    message: str,
    *,
    form_key: UUID,
    actor: str,
    at: datetime,
    invited: bool,
) -> Application:
    if campaign.status != CampaignStatus.OPEN:
        raise BadInput(says("This campaign is not open to creators."))
    standing.require_good(campaign.brand_id)
    if of_pair(campaign.id, creator.id) is not None:
        raise BadInput(says("There is an open application or invitation already."))
    if agreement_of(campaign.id, creator.id) is not None:
        raise BadInput(says("There is an agreement already."))
    application = Application(
        id=new_id(),
        campaign_id=campaign.id,
        creator_id=creator.id,
        form_key=form_key,
        is_invitation=invited,
        message=message.strip(),
        verdict=admitted(campaign, creator.id, at),
        status=ApplicationStatus.INVITED if invited else ApplicationStatus.SUBMITTED,
        asked_at=at,
        answer_by=at + ANSWER_WITHIN,
    )
    statuses.born(application, at, actor)
    db.session.flush()
    return application


def of_pair(campaign_id: UUID, creator_id: UUID) -> Application | None:
    """The open application or invitation of a creator and a campaign."""
    return db.session.scalars(
        select(Application).where(
            Application.campaign_id == campaign_id,
            Application.creator_id == creator_id,
            Application.status.in_(OPEN),
        )
    ).one_or_none()


def waiting(campaign_id: UUID) -> int:
    """How many applications to a campaign wait for its brand."""
    of_it = Application.campaign_id == campaign_id
    submitted = Application.status == ApplicationStatus.SUBMITTED
    return db.session.scalar(select(func.count()).where(of_it, submitted)) or 0


def agreement_of(campaign_id: UUID, creator_id: UUID) -> Agreement | None:
    """The agreement of a creator and a campaign that was not canceled, if there is one."""
    living = select(Agreement).where(
        Agreement.campaign_id == campaign_id,
        Agreement.creator_id == creator_id,
        Agreement.status != AgreementStatus.CANCELED,
    )
    return db.session.scalars(living).one_or_none()


def withdraw(application: Application, actor: str, at: datetime) -> None:
    """Who asked takes it back. The caller has locked the application.

    Raises:
        WrongState: it was answered, or expired.
    """
    statuses.advance(application, "withdraw", at, actor)


def decline(application: Application, reason: str, actor: str, at: datetime) -> None:
    """Who was asked says no, and why. The caller has locked the application.

    Raises:
        WrongState: it was answered, or expired.
    """
    statuses.advance(application, "decline", at, actor, reason)
    application.reason = reason
    campaign = application.campaign
    if application.is_invitation:
        subject = says(
            "%(creator)s declined your invitation to %(campaign)s",
            creator=application.creator.name,
            campaign=campaign.title,
        )
        notices.to_brand(campaign.brand_id, at, subject, reason)
    else:
        subject = says("No place for you in %(campaign)s", campaign=campaign.title)
        notices.to_creator(application.creator_id, at, subject, reason)


def expire(application: Application, at: datetime, why: str) -> None:
    """Time ends it; who asked is told. The caller has locked the application."""
    statuses.advance(application, "expire", at, SYSTEM, why)
    application.reason = why
    campaign = application.campaign
    if application.is_invitation:
        subject = says("Your invitation to %(campaign)s expired", campaign=campaign.title)
        notices.to_brand(campaign.brand_id, at, subject, why)
    else:
        subject = says("Your application to %(campaign)s expired", campaign=campaign.title)
        notices.to_creator(application.creator_id, at, subject, why)


def expire_due(at: datetime) -> bool:
    """End one application or invitation that nobody answered in time; False if there is none."""
    application = lock_next(
        Application,
        Application.status.in_(OPEN),
        Application.answer_by <= at,
        order_by=Application.answer_by,
    )
    if application is None:
        return False
    expire(application, at, says("nobody answered within 7 days"))
    return True


def next_expiry() -> datetime | None:
    """When the next one expires."""
    return db.session.scalar(
        select(func.min(Application.answer_by)).where(Application.status.in_(OPEN))
    )


def may_answer(application: Application, *, brand: bool) -> None:
    """Refuse whoever asked to answer themselves.

    Raises:
        WrongState: it is for the other side to answer.
    """
    if application.status in OPEN and application.is_invitation == brand:
        raise WrongState("application", application.status, "answer")


def may_withdraw(application: Application, *, brand: bool) -> None:
    """Refuse whoever was asked to take back what they did not ask.

    Raises:
        WrongState: it is for the other side to take back.
    """
    if application.status in OPEN and application.is_invitation != brand:
        raise WrongState("application", application.status, "withdraw")
