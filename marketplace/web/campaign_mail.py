"""Mails to a brand's people about one of its campaigns, each in their own language."""

from __future__ import annotations

from flask import current_app, render_template, url_for
from flask_babel import force_locale, gettext
from sqlalchemy import select

from marketplace import clock
from marketplace.campaigns.campaign import Campaign
from marketplace.extensions import db
from marketplace.notifications import mail
from marketplace.parties.brand import Membership
from marketplace.parties.user import User


def send_review(campaign: Campaign, decision: str, reason: str) -> None:
    """Queue what an operator decided: 'approve', 'request_changes' or 'reject'."""
    team = select(User).join(Membership, Membership.user_id == User.id)
    link = current_app.extensions["settings"].base_url + url_for(
        "brand.campaign", campaign_id=campaign.id
    )
    for person in db.session.scalars(team.where(Membership.brand_id == campaign.brand_id)):
        with force_locale(person.locale):
            body = render_template(
                f"brand/mail/{decision}.txt",
                person=person,
                campaign=campaign,
                reason=reason,
                link=link,
            )
            mail.write(person.email, _subject(decision), body, clock.now(), clock.wall_now())


def _subject(decision: str) -> str:
    subjects = {
        "approve": gettext("Your campaign is approved"),
        "request_changes": gettext("Your campaign needs changes"),
        "reject": gettext("Your campaign is rejected"),
    }
    return str(subjects[decision])
