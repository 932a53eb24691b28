"""Agreements as tests need them, made by the same domain calls that the pages make."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from marketplace import clock
from marketplace.campaigns import acceptance
from marketplace.campaigns import application as applications
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.deliverable import Deliverable
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.parties.brand import Membership
from marketplace.parties.creator import Creator
from tests.make import make_creator
from tests.make import make_member as join_program

LINK = "https://social.example/@ines/video/7301"


def actor_of(creator: Creator) -> str:
    return f"user:{creator.user_id.hex}"


def brand_actor(campaign_id: UUID) -> str:
    """Who acts for the campaign's brand, as the trace names them."""
    person = (
        select(Membership.user_id)
        .join(Campaign, Campaign.brand_id == Membership.brand_id)
        .where(Campaign.id == campaign_id)
    )
    return f"user:{db.session.scalars(person).one().hex}"


def new_member(handle: str | None = None) -> Creator:
    """A creator who is in the program."""
    creator = make_creator(handle).creator
    join_program(creator)
    return creator


def ask_for_place(
    campaign_id: UUID,
    creator: Creator | None = None,
    *,
    invited: bool = False,
    at: datetime | None = None,
) -> Application:
    """An open application of a member, or an invitation."""
    creator = creator or new_member()
    campaign = lock(Campaign, campaign_id)
    assert campaign is not None
    ask = applications.invite if invited else applications.apply
    actor = brand_actor(campaign_id) if invited else actor_of(creator)
    made = ask(
        campaign, creator, "I brew slowly.", form_key=new_id(), actor=actor, at=at or clock.now()
    )
    db.session.commit()
    return made


def make_agreement(
    campaign_id: UUID,
    creator: Creator | None = None,
    *,
    work: str = "due",
    at: datetime | None = None,
) -> Agreement:
    """An agreement whose work stands at one of its statuses."""
    at = at or clock.now()
    brand = brand_actor(campaign_id)
    application = ask_for_place(campaign_id, creator, at=at)
    agreement = acceptance.accept(application.id, brand, at)
    db.session.commit()
    if work != "due":
        hand_in(agreement.id, at)
    if work == "revision_due":
        deliverables.request_revision(work_of(agreement.id).id, "Closer, please.", brand, at)
    if work == "approved":
        deliverables.approve(work_of(agreement.id).id, brand, at)
    db.session.commit()
    return db.session.get_one(Agreement, agreement.id)


def work_of(agreement_id: UUID) -> Deliverable:
    return deliverables.of_agreement(agreement_id)


def hand_in(agreement_id: UUID, at: datetime | None = None, link: str = LINK) -> Deliverable:
    """The creator submits a link."""
    work = work_of(agreement_id)
    actor = actor_of(work.agreement.creator)
    submitted = deliverables.submit(work.id, link, "Here it is.", actor, at or clock.now())
    db.session.commit()
    return submitted
