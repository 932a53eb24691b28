"""What a draft would come to as it is typed: who is eligible, what it can cost, what it offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from marketplace import clock
from marketplace.access import audience
from marketplace.campaigns import budget
from marketplace.campaigns.offer import offer
from marketplace.money import Money
from marketplace.payouts import threshold
from marketplace.program import eligible
from marketplace.schemas.campaigns import CampaignTerms
from marketplace.schemas.criteria import COLUMNS, criteria_from
from marketplace.web import forms
from marketplace.web.brand import bp


@bp.get("/campaigns/preview")
@audience("brand")
def preview_campaign() -> ResponseReturnValue:
    """The preview alone, asked for while somebody types."""
    form = forms.Form(forms.flat(request.args), CampaignTerms(threshold.currencies(clock.now())))
    terms = form.partly()
    return render_template("brand/_preview.html", preview=preview(terms, form.errors))


def preview(terms: Mapping[str, Any], errors: Mapping[str, str]) -> dict[str, Any]:
    """What can be said of the terms that could be read; None for what cannot."""
    unread = [field for field in COLUMNS if field in errors]
    flat_fee, most = _amounts(terms)
    places, commission_bps = terms.get("places"), terms.get("commission")
    return {
        "unread": unread,
        "eligible": None if unread else eligible.count(criteria_from(terms)),
        "cost": budget.cost(flat_fee, commission_bps, places, most) if places and most else None,
        "offer": offer(flat_fee, commission_bps, clock.now()),
        "places": places,
    }


def _amounts(terms: Mapping[str, Any]) -> tuple[Money | None, Money | None]:
    """The flat fee and the budget, if both are in one currency."""
    flat_fee, most = terms.get("flat_fee"), terms.get("budget")
    if flat_fee and most and flat_fee.currency != most.currency:
        return None, None
    return flat_fee, most
