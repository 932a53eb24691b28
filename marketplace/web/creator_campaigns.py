"""Looking for work: open campaigns one is eligible for, and what is missing for the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select
from sqlalchemy.orm import contains_eager

from marketplace import access, clock, money
from marketplace.access import audience
from marketplace.campaigns.application import Application, ApplicationStatus
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.campaigns.offer import Offer, offer
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matching.suggestions import fulfilled
from marketplace.metrics.facts import facts_of
from marketplace.parties.brand import Brand
from marketplace.payouts.threshold import currencies
from marketplace.program import membership
from marketplace.program.rules import Criteria, Verdict, judge
from marketplace.web import forms, paging, program_words
from marketplace.web.creator import bp
from marketplace.web.creator_applications import standing
from marketplace.web.forms import Form
from marketplace.web.program_words import Line

SHOWN = 24
ALMOST_SHOWN = 6  # below those that one is eligible for
WORDS_LENGTH_MAX = 100


_ASKED: dict[str, Any] = {
    ApplicationStatus.ACCEPTED: _("You agreed to it: see My work."),
    ApplicationStatus.SUBMITTED: _("You applied; the brand has not answered yet."),
    ApplicationStatus.INVITED: _("The brand invites you: see My work."),
}


class Viewer:
    """The creator who looks, as the rules of a campaign see them."""

    def __init__(self) -> None:
        creator = access.current_creator()
        self.id = creator.id
        self.is_member = membership.is_member(creator.id)
        self._facts = facts_of(creator.id, clock.now())

    def verdict(self, criteria: Criteria) -> Verdict:
        """What a campaign's own criteria say, rule by rule."""
        return judge(self._facts, criteria)

    def fulfils(self) -> ColumnElement[bool]:
        """A condition on `Campaign` rows: those that the viewer is eligible for."""
        return fulfilled(self._facts) if self.is_member else false()

    @cached_property
    def asked(self) -> dict[UUID, str]:
        """How their applications and invitations that stand are, by the campaign's id."""
        rows = db.session.execute(
            select(Application.campaign_id, Application.status)
            .join(Campaign, Campaign.id == Application.campaign_id)
            .where(
                Application.creator_id == self.id,
                Application.status.in_(_ASKED),
                Campaign.status == CampaignStatus.OPEN,
            )
        )
        return {campaign_id: status for campaign_id, status in rows}

    def is_eligible(self, criteria: Criteria) -> bool:
        """May they apply? The program comes first."""
        return self.is_member and self.verdict(criteria).eligible


@dataclass(frozen=True)
class Found:
    """An open campaign as one creator reads it."""

    campaign: Campaign
    viewer: Viewer

    @cached_property
    def missing(self) -> list[Line]:
        """What the creator lacks for it, the program left aside."""
        verdict = self.viewer.verdict(self.campaign.criteria)
        return [line for line in program_words.lines(verdict) if not line.met]

    @property
    def asked(self) -> str:
        """What the creator has to do with it already; '' if nothing."""
        status = self.viewer.asked.get(self.campaign.id)
        return str(_ASKED[status]) if status else ""

    @property
    def offer(self) -> Offer:
        """What it pays."""
        return offer(self.campaign.flat_fee, self.campaign.commission_bps, clock.now())


@bp.get("/campaigns")
@audience("creator")
def campaigns() -> ResponseReturnValue:
    """Open campaigns, newest first; by words and by what they pay at least.

    `?show=almost`: all of those for which something is missing.
    """
    form = forms.blank(q=request.args.get("q", "").strip(), min=request.args.get("min", "").strip())
    asked = [Campaign.status == CampaignStatus.OPEN, *_filters(form)]
    viewer = Viewer()
    fits = viewer.fulfils()
    only_almost = request.args.get("show") == "almost"
    page = paging.newest_first(
        _these(*asked, not_(fits) if only_almost else fits), Campaign.id, SHOWN
    )
    almost: list[Campaign] = []
    if not only_almost:
        first = _these(*asked, not_(fits)).order_by(Campaign.id.desc()).limit(ALMOST_SHOWN)
        almost = list(db.session.scalars(first))
    return render_template(
        "creator/campaigns.html",
        form=form,
        viewer=viewer,
        page=page,
        only_almost=only_almost,
        found=[Found(it, viewer) for it in page.rows],
        almost=[Found(it, viewer) for it in almost],
        counts=(_count(*asked, fits), _count(*asked, not_(fits))),
    )


@bp.get("/campaigns/<uuid:campaign_id>")
@audience("creator")
def campaign(campaign_id: UUID) -> ResponseReturnValue:
    """One open campaign: its terms, what it pays, and whether one may apply."""
    found = db.session.get(Campaign, campaign_id)
    if found is None or found.status != CampaignStatus.OPEN:
        raise NotFound("no such open campaign")
    viewer = Viewer()
    verdict = viewer.verdict(found.criteria)
    return render_template(
        "creator/campaign.html",
        campaign=found,
        viewer=viewer,
        lines=program_words.lines(verdict),
        is_eligible=viewer.is_eligible(found.criteria),
        offer=Found(found, viewer).offer,
        **standing(found),
    )


def _these(*asked: ColumnElement[bool]) -> Select[Any]:
    return (
        select(Campaign).join(Campaign.brand).options(contains_eager(Campaign.brand)).where(*asked)
    )


def _count(*asked: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(Campaign).join(Campaign.brand).where(*asked)
    return db.session.scalars(statement).one()


def _filters(form: Form) -> list[ColumnElement[bool]]:
    words = form.values["q"][:WORDS_LENGTH_MAX]
    found = [_mentions(words)] if words else []
    return found + ([_pays_at_least(form)] if form.values["min"] else [])


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
