"""Who suits a campaign: eligible creators, best first, each score explained by its parts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, or_, select

from marketplace import clock
from marketplace.access import audience
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.matching.search import creators_for
from marketplace.metrics.facts import CreatorFacts
from marketplace.parties.creator import Creator
from marketplace.web import forms, program_words
from marketplace.web.brand import bp, my_campaign

SHOWN = 20
PAGE_DIGITS_MAX = 5
WORDS_LENGTH_MAX = 100
FOLLOWERS_DIGITS_MAX = 12

PARTS: dict[str, Any] = {
    "reach": _("Reach"),
    "engagement": _("Engagement"),
    "topics": _("Topics"),
    "freshness": _("Fresh facts"),
}


@bp.get("/campaigns/<uuid:campaign_id>/creators")
@audience("brand")
def matches(campaign_id: UUID) -> ResponseReturnValue:
    """Eligible creators whom nobody asked yet; `?q=`, `?category=` and `?followers=` narrow."""
    mine = my_campaign(campaign_id)
    asked = {name: request.args.get(name, "").strip() for name in ("q", "category", "followers")}
    page = _page()
    found = creators_for(
        mine.criteria,
        clock.now().date(),
        *_not_asked_yet(mine),
        *_narrower(asked),
        limit=SHOWN,
        offset=(page - 1) * SHOWN,
    )
    return render_template(
        "brand/matches.html",
        campaign=mine,
        form=forms.blank(**asked),
        found=found,
        page=page,
        pages=-(-found.total // SHOWN),
        filters={name: value for name, value in asked.items() if value},
        categories=[(name, str(label)) for name, label in program_words.CATEGORIES.items()],
        part_names=PARTS,
        new_key=new_id,
    )


def _page() -> int:
    text = request.args.get("page", "1")
    is_number = text.isascii() and text.isdigit() and len(text) <= PAGE_DIGITS_MAX
    return max(int(text), 1) if is_number else 1


def _not_asked_yet(mine: Campaign) -> list[ColumnElement[bool]]:
    asked = select(Application.creator_id).where(Application.campaign_id == mine.id)
    return [CreatorFacts.creator_id.not_in(asked)]


def _narrower(asked: dict[str, str]) -> list[ColumnElement[bool]]:
    """The filters that can be read; what cannot be read does not narrow."""
    narrower: list[ColumnElement[bool]] = []
    if words := asked["q"][:WORDS_LENGTH_MAX]:
        named = or_(
            Creator.name.icontains(words, autoescape=True),
            Creator.handle.icontains(words.removeprefix("@"), autoescape=True),
        )
        narrower.append(CreatorFacts.creator_id.in_(select(Creator.id).where(named)))
    if asked["category"] in program_words.CATEGORIES:
        narrower.append(CreatorFacts.categories.overlap([asked["category"]]))
    followers = asked["followers"]
    if followers.isascii() and followers.isdigit() and len(followers) <= FOLLOWERS_DIGITS_MAX:
        narrower.append(CreatorFacts.followers >= int(followers))
    return narrower
