"""The agreements of the demo world: one in every state there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from marketplace import clock
from marketplace.campaigns import application as applications
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign
from marketplace.database.lock import lock
from marketplace.demo import people
from marketplace.demo.steps import Step, form_key
from marketplace.extensions import db
from marketplace.parties.brand import Membership
from marketplace.web.agreeing import conclude

COFFEE = "Slow mornings with the cold-brew kit"
TRAIL = "Trail lunch for one"
TENT = "48 hours off-grid: our ultralight tent"
SOCKS = "Merino socks on day five"


def steps(present: datetime) -> list[Step]:
    """What creators and brands agree on, and what comes of it."""

    def ago(days: float, act: Callable[[], None]) -> Step:
        return Step(present - timedelta(days=days), act)

    return [
        ago(52, lambda: _apply(COFFEE, "ines", "A whole week of slow mornings, one take each.")),
        ago(51, lambda: _accept(COFFEE, "ines")),
        ago(34, lambda: _submit(COFFEE, "ines", "https://www.tiktok.com/@ines/video/7301")),
        ago(33, lambda: _revise(COFFEE, "ines", "Lovely. Could the kit be seen a little longer?")),
        ago(32, lambda: _submit(COFFEE, "ines", "https://www.tiktok.com/@ines/video/7302")),
        Step(people.best_day(present), lambda: _approve(COFFEE, "ines")),
        # Called off with the campaign: jonas has handed nothing in; lucia has, and is paid.
        ago(33, lambda: _apply(TENT, "jonas", "I know a ridge that nobody films.")),
        ago(32, lambda: _apply(TENT, "lucia", "Two nights, one song for each.")),
        ago(31, lambda: _accept(TENT, "jonas")),
        ago(31, lambda: _accept(TENT, "lucia")),
        ago(21, lambda: _submit(TENT, "lucia", "https://www.tiktok.com/@lucia/video/5102")),
        # Nobody of the brand looks at it: silence approves.
        ago(28, lambda: _apply(TRAIL, "sam", "I cook above the tree line anyway.")),
        ago(27, lambda: _accept(TRAIL, "sam")),
        ago(16, lambda: _submit(TRAIL, "sam", "https://www.twitch.tv/videos/220417")),
        ago(9, lambda: _apply(TRAIL, "lucia", "A song and a soup.")),
        ago(8, lambda: _accept(TRAIL, "lucia")),
        ago(5, lambda: _invite(SOCKS, "nora", "Your long-distance films are what we look for.")),
        ago(4, lambda: _apply(TRAIL, "jule", "My kitchen faces east, the mountain west.")),
        ago(3, lambda: _apply(TRAIL, "ines", "Bread, cheese, and the whole valley.")),
        ago(2, lambda: _accept(TRAIL, "ines")),
        ago(1, lambda: _submit(TRAIL, "lucia", "https://www.tiktok.com/@lucia/video/9917")),
    ]


def _apply(title: str, handle: str, message: str) -> None:
    creator = people.creator(handle)
    applications.apply(
        _campaign(title),
        creator,
        message,
        form_key=form_key(f"apply {title} {handle}"),
        actor=f"user:{creator.user_id.hex}",
        at=clock.now(),
    )


def _invite(title: str, handle: str, message: str) -> None:
    campaign = _campaign(title)
    applications.invite(
        campaign,
        people.creator(handle),
        message,
        form_key=form_key(f"invite {title} {handle}"),
        actor=_brand(campaign),
        at=clock.now(),
    )


def _accept(title: str, handle: str) -> None:
    campaign, creator = _campaign(title), people.creator(handle)
    asked = applications.of_pair(campaign.id, creator.id)
    assert isinstance(asked, Application)
    conclude(asked.id, _brand(campaign), clock.now())


def _submit(title: str, handle: str, link: str) -> None:
    creator = people.creator(handle)
    deliverables.submit(_work(title, handle), link, "", f"user:{creator.user_id.hex}", clock.now())


def _revise(title: str, handle: str, notes: str) -> None:
    brand = _brand(_campaign(title))
    deliverables.request_revision(_work(title, handle), notes, brand, clock.now())


def _approve(title: str, handle: str) -> None:
    deliverables.approve(_work(title, handle), _brand(_campaign(title)), clock.now())


def _work(title: str, handle: str) -> UUID:
    agreement = (
        db.session.query(Agreement)
        .filter_by(campaign_id=_campaign(title).id, creator_id=people.creator(handle).id)
        .one()
    )
    return deliverables.of_agreement(agreement.id).id


def _campaign(title: str) -> Campaign:
    found = db.session.query(Campaign).filter_by(title=title).one()
    campaign = lock(Campaign, found.id)
    assert campaign is not None
    return campaign


def _brand(campaign: Campaign) -> str:
    member = db.session.query(Membership).filter_by(brand_id=campaign.brand_id).first()
    assert member is not None
    return f"user:{member.user_id.hex}"
