"""Who suits a campaign: eligible creators, best first, each score explained by its parts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from marketplace import clock
from marketplace.access import audience
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.matching.search import Filter, creators_for
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
        _only(mine, asked),
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


def _only(mine: Campaign, asked: dict[str, str]) -> Filter:
    """The filters that can be read; what cannot be read does not narrow."""
    category, followers = asked["category"], asked["followers"]
    is_number = followers.isascii() and followers.isdigit()
    is_number &= len(followers) <= FOLLOWERS_DIGITS_MAX
    return Filter(
        words=asked["q"][:WORDS_LENGTH_MAX] or None,
        category=category if category in program_words.CATEGORIES else None,
        min_followers=int(followers)
        if is_number and len(followers) <= FOLLOWERS_DIGITS_MAX
        else None,
        not_asked_by=mine.id,
    )
