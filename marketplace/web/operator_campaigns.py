"""Campaigns as operators see them: the queue of those in review, and the decision on each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import contains_eager

from marketplace import clock, statuses
from marketplace.access import actor, audience
from marketplace.campaigns import budget, review
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.campaigns.offer import offer
from marketplace.database.lock import lock
from marketplace.errors import NotFound, WrongState
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.program import eligible
from marketplace.schemas.operations import ReviewCampaign
from marketplace.web import campaign_mail, criteria_words, forms, paging
from marketplace.web import operator_names as names
from marketplace.web.buttons import told
from marketplace.web.operator import bp

QUEUE_SHOWN = 100


@bp.get("/campaigns")
@audience("operator")
def campaigns() -> ResponseReturnValue:
    """What is in review, longest waiting first; `?status=` shows those of another status."""
    status = request.args.get("status", "")
    asked = status if status in list(CampaignStatus) else CampaignStatus.IN_REVIEW
    found = (
        select(Campaign)
        .join(Campaign.brand)
        .options(contains_eager(Campaign.brand))
        .where(Campaign.status == asked)
    )
    if asked == CampaignStatus.IN_REVIEW:
        longest_first = found.order_by(Campaign.status_at, Campaign.id).limit(QUEUE_SHOWN)
        page = paging.Page(list(db.session.scalars(longest_first)), None, True)
    else:
        page = paging.newest_first(found, Campaign.id)
    counted = db.session.execute(select(Campaign.status, func.count()).group_by(Campaign.status))
    return render_template(
        "operator/campaigns.html",
        page=page,
        status=asked,
        counts={status: count for status, count in counted},
        statuses=[it for it in CampaignStatus if it != CampaignStatus.DRAFT],
        now=clock.now(),
    )


@bp.get("/campaigns/<uuid:campaign_id>")
@audience("operator")
def campaign(campaign_id: UUID) -> ResponseReturnValue:
    """One campaign: brief, terms, criteria, what it can cost, and the decision if it waits."""
    found = db.session.get(Campaign, campaign_id)
    if found is None:
        raise NotFound("no such campaign")
    return render_template("operator/campaign.html", form=forms.blank(), **_shown(found))


def _shown(found: Campaign) -> dict[str, Any]:
    moves = statuses.history(found)
    return {
        "campaign": found,
        "waits": found.status == CampaignStatus.IN_REVIEW,
        "now": clock.now(),
        "demands": criteria_words.demands(found.criteria),
        "eligible": eligible.count(found.criteria),
        "cost": budget.cost_of(found),
        "offer": offer(found.flat_fee, found.commission_bps, clock.now()),
        "moves": moves,
        "actors": names.actors(move.actor for move in moves),
        "postings": balances.transactions_of(found.cause),
    }


@bp.post("/campaigns/<uuid:campaign_id>/decide")
@audience("operator")
def decide_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Approve a campaign, ask for changes, or reject it; its brand gets a mail."""
    form = forms.sent(ReviewCampaign())
    with told(), form.refusals():
        decision, reason = form.data["decision"], form.data["reason"]
        _decide(_locked(campaign_id), decision, reason, form.data["seen"])
        db.session.commit()
        flash(str(_TOLD[decision]))
        return redirect(url_for("operator.campaigns"), 303)
    if form.errors:
        return form.again("operator/campaign.html", **_shown(_locked(campaign_id)))
    return redirect(url_for("operator.campaign", campaign_id=campaign_id), 303)


def _decide(found: Campaign, decision: str, reason: str, seen: str) -> None:
    """Decide about the terms that the operator saw: it may have been changed and sent anew since.

    Raises:
        BadInput: a refusal without a reason.
        WrongState: it is not in review, or not any more as it was seen.
    """
    if seen != found.status_at.isoformat():
        raise WrongState("campaign", found.status, decision)
    if decision == "approve":
        review.approve(found, actor(), clock.now(), reason)
    elif decision == "request_changes":
        review.request_changes(found, actor(), reason, clock.now())
    else:
        review.reject(found, actor(), reason, clock.now())
    campaign_mail.send_review(found, decision, reason)


_TOLD = {
    "approve": _("Approved. The brand can fund it now, and has a mail about it."),
    "request_changes": _("It is a draft again. The brand has a mail with your reason."),
    "reject": _("Rejected. The brand has a mail with your reason."),
}


def _locked(campaign_id: UUID) -> Campaign:
    locked = lock(Campaign, campaign_id)
    if locked is None:
        raise NotFound("no such campaign")
    return locked
