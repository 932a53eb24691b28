"""Filling in a campaign: a draft keeps what can be read of it, a submission must be complete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.lock import lock
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.payouts import threshold
from marketplace.schemas.campaigns import CampaignTerms
from marketplace.schemas.criteria import criteria_from, percent, typed
from marketplace.web import criteria_words, forms
from marketplace.web.brand import CURRENCY, bp, my_campaign
from marketplace.web.brand_preview import preview
from marketplace.web.buttons import told
from marketplace.web.forms import Form

_AS_TYPED = ("title", "brief", "currency", "places", "opens_on", "closes_on")
_AMOUNTS = ("flat_fee", "budget")


@bp.get("/campaigns/new")
@audience("brand")
def new_campaign() -> ResponseReturnValue:
    today = clock.now().astimezone(ZoneInfo(access.current_brand().time_zone)).date()
    form = forms.blank(currency=_usual_currency(), opens_on=today)
    return render_template("brand/draft.html", form=form, campaign=None, **_offered(form))


@bp.post("/campaigns/new")
@audience("brand")
def begin_campaign() -> ResponseReturnValue:
    """A form that comes a second time changes the draft that it made the first time."""
    form = _sent()
    if _only_counts():
        return _counted(form, None)
    made = _made_before(form)
    if made is not None:
        return _save(form, made) if made.status == CampaignStatus.DRAFT else _page_of(made)
    terms = form.partly()
    if "title" not in terms or "form_key" not in terms:
        return form.again("brand/draft.html", campaign=None, **_offered(form))
    with form.refusals():
        campaign = forms.once(Campaign, terms["form_key"], lambda: _begin(form, terms))
        return _kept(form, campaign)
    return form.again("brand/draft.html", campaign=None, **_offered(form))


@bp.get("/campaigns/<uuid:campaign_id>/edit")
@audience("brand")
def edit_campaign(campaign_id: UUID) -> ResponseReturnValue:
    campaign = my_campaign(campaign_id)
    if campaign.status != CampaignStatus.DRAFT:
        return _page_of(campaign)
    form = forms.blank(**_typed(campaign))
    return render_template("brand/draft.html", form=form, campaign=campaign, **_offered(form))


@bp.post("/campaigns/<uuid:campaign_id>/edit")
@audience("brand")
def change_campaign(campaign_id: UUID) -> ResponseReturnValue:
    campaign = my_campaign(campaign_id)
    return _counted(_sent(), campaign) if _only_counts() else _save(_sent(), campaign)


@bp.post("/campaigns/<uuid:campaign_id>/submit")
@audience("brand")
def submit_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Submit a draft as it was saved; what is missing is said beside the fields to fill in."""
    campaign = my_campaign(campaign_id)
    form = forms.blank(**_typed(campaign))
    with told(), form.refusals():
        campaigns.submit(_locked(campaign), access.actor(), clock.now())
        db.session.commit()
    if form.errors:
        return form.again("brand/draft.html", campaign=campaign, **_offered(form))
    return _page_of(campaign)


# --- Saving


def _sent() -> Form:
    return forms.sent(CampaignTerms(threshold.currencies(clock.now())))


def _is_submitted() -> bool:
    return request.form.get("action") == "submit"


def _only_counts() -> bool:
    return request.form.get("action") == "count"


def _counted(form: Form, campaign: Campaign | None) -> ResponseReturnValue:
    """The page as it was typed, with what it would come to; nothing is saved."""
    if campaign is not None and campaign.status != CampaignStatus.DRAFT:
        return _page_of(campaign)
    form.partly()
    form.errors.pop("title", None)  # not asked for yet
    return render_template("brand/draft.html", form=form, campaign=campaign, **_offered(form))


def _made_before(form: Form) -> Campaign | None:
    """What this very form made before: it was sent twice, or the browser's button led back."""
    statement = select(Campaign).where(
        Campaign.form_key == form.form_key, Campaign.brand_id == access.current_brand().id
    )
    return db.session.scalars(statement).one_or_none()


def _begin(form: Form, terms: Mapping[str, Any]) -> Campaign:
    campaign = campaigns.draft(
        access.current_brand(),
        terms["title"],
        terms.get("currency") or _usual_currency(),
        form_key=terms["form_key"],
        actor=access.actor(),
        at=clock.now(),
    )
    _fill_in(form, campaign, terms)
    return campaign


def _save(form: Form, campaign: Campaign) -> ResponseReturnValue:
    """Change a draft to what was typed."""
    terms = form.partly()
    if "title" in terms:
        with told(), form.refusals():
            _fill_in(form, _locked(campaign), terms)
            db.session.commit()
            return _kept(form, campaign)
        if not form.errors:  # it was submitted meanwhile
            return _page_of(campaign)
    return form.again("brand/draft.html", campaign=campaign, **_offered(form))


def _fill_in(form: Form, campaign: Campaign, terms: Mapping[str, Any]) -> None:
    """Write what could be read into a draft and, if that is wanted, submit it.

    Raises:
        BadInput: it is to be submitted, and not everything is there and readable.
        WrongState: it is no draft any more.
    """
    campaigns.edit(campaign, **_columns(campaign, terms))
    if not _is_submitted():
        return
    try:
        campaigns.submit(campaign, access.actor(), clock.now())
    except BadInput as refusal:  # what cannot be read is not missing: say the former
        raise BadInput("campaign", refusal.fields | form.errors) from refusal
    if form.errors:
        raise BadInput("campaign", form.errors)


def _columns(campaign: Campaign, terms: Mapping[str, Any]) -> dict[str, Any]:
    """What to write. What cannot be read stays as it was, but for amounts in another currency."""
    columns = {name: terms[name] for name in _AS_TYPED if name in terms}
    columns["currency"] = columns.get("currency") or campaign.currency
    for name in _AMOUNTS:
        amount: Money | None = terms.get(name)
        if amount is not None and amount.currency == columns["currency"]:
            columns[f"{name}_minor"] = amount.minor
        elif name in terms or columns["currency"] != campaign.currency:
            columns[f"{name}_minor"] = None
    if "commission" in terms:
        columns["commission_bps"] = terms["commission"]
    return columns | {"criteria": criteria_from(terms, campaign.criteria)}


def _kept(form: Form, campaign: Campaign) -> ResponseReturnValue:
    """Go on to the campaign, unless something typed could not be kept: then it stays in sight."""
    if form.errors:
        return form.again("brand/draft.html", campaign=campaign, kept=True, **_offered(form))
    if not _is_submitted():
        flash(gettext("Your draft is saved."))
    return _page_of(campaign)


def _locked(campaign: Campaign) -> Campaign:
    locked = lock(Campaign, campaign.id)
    assert locked is not None
    return locked


def _page_of(campaign: Campaign) -> ResponseReturnValue:
    return redirect(url_for("brand.campaign", campaign_id=campaign.id), 303)


# --- What the page offers


def _offered(form: Form) -> dict[str, Any]:
    """The choices of the page, and what the terms as they are typed would come to."""
    currencies = threshold.currencies(clock.now())
    read = Form(form.values, CampaignTerms(currencies))
    terms = read.partly()
    return {
        "currencies": sorted(currencies),
        "categories": criteria_words.CATEGORIES,
        "preview": preview(terms, read.errors),
    }


def _usual_currency() -> str:
    """The currency of the brand's latest campaign."""
    latest = (
        select(Campaign.currency)
        .where(Campaign.brand_id == access.current_brand().id)
        .order_by(Campaign.id.desc())
        .limit(1)
    )
    return db.session.scalar(latest) or CURRENCY


def _typed(campaign: Campaign) -> dict[str, object]:
    """A draft as a person would have typed it."""
    values = {name: getattr(campaign, name) for name in _AS_TYPED}
    for name in _AMOUNTS:
        amount: Money | None = getattr(campaign, name)
        values[name] = amount.decimal if amount else None
    values["commission"] = percent(campaign.commission_bps) if campaign.commission_bps else None
    known = {name: value for name, value in values.items() if value is not None}
    return known | typed(campaign.criteria)
