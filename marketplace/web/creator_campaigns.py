"""Looking for work: every open campaign, each with its whole budget set aside."""

from __future__ import annotations

from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import contains_eager

from marketplace import clock, money
from marketplace.access import audience
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.parties.brand import Brand
from marketplace.payouts.threshold import currencies
from marketplace.web import forms, paging
from marketplace.web.creator import bp
from marketplace.web.forms import Form

SHOWN = 24
WORDS_LENGTH_MAX = 100


@bp.get("/campaigns")
@audience("creator")
def campaigns() -> ResponseReturnValue:
    """Open campaigns, newest first; by words and by what they pay at least."""
    form = forms.blank(q=request.args.get("q", "").strip(), min=request.args.get("min", "").strip())
    found = (
        select(Campaign)
        .join(Campaign.brand)
        .options(contains_eager(Campaign.brand))
        .where(Campaign.status == CampaignStatus.OPEN)
    )
    words = form.values["q"][:WORDS_LENGTH_MAX]
    if words:
        found = found.where(_mentions(words))
    if form.values["min"]:
        found = found.where(_pays_at_least(form))
    page = paging.newest_first(found, Campaign.id, SHOWN)
    return render_template("creator/campaigns.html", form=form, page=page)


@bp.get("/campaigns/<uuid:campaign_id>")
@audience("creator")
def campaign(campaign_id: UUID) -> ResponseReturnValue:
    found = db.session.get(Campaign, campaign_id)
    if found is None or found.status != CampaignStatus.OPEN:
        raise NotFound("no such open campaign")
    return render_template("creator/campaign.html", campaign=found)


def _mentions(words: str) -> ColumnElement[bool]:
    """Each word stands in the title, the brief or the brand's name."""
    return and_(
        *(
            or_(
                Campaign.title.icontains(word, autoescape=True),
                Campaign.brief.icontains(word, autoescape=True),
                Brand.name.icontains(word, autoescape=True),
            )
            for word in words.split()
        )
    )


def _pays_at_least(form: Form) -> ColumnElement[bool]:
    """The flat fee is at least the number typed, in whatever currency it is."""
    try:
        least = {it: money.parse(form.values["min"], it) for it in currencies(clock.now())}
    except ValueError:
        form.errors["min"] = gettext("An amount such as 150, without a currency.")
        return Campaign.status == CampaignStatus.OPEN
    return or_(
        *(
            and_(Campaign.currency == currency, Campaign.flat_fee_minor >= amount.minor)
            for currency, amount in least.items()
        )
    )
