"""One campaign: where it stands and how it came there, paying for it, calling it off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.campaigns import application as applications
from marketplace.campaigns import budget, commitments, ending
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.campaigns.offer import offer
from marketplace.commissions import unfunded
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.program import eligible
from marketplace.schemas.campaigns import Cancelation, Once
from marketplace.web import brand_words as words
from marketplace.web import checkout, forms, program_words
from marketplace.web.brand import bp, my_campaign
from marketplace.web.brand_deposit import site_url
from marketplace.web.buttons import told
from marketplace.web.formats import money
from marketplace.web.forms import Form

ENTRIES = 10  # of its reservation
_BEFORE = (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.AWAITING_FUNDS)


@bp.get("/campaigns/<uuid:campaign_id>")
@audience("brand")
def campaign(campaign_id: UUID) -> ResponseReturnValue:
    mine = my_campaign(campaign_id)
    return render_template("brand/campaign.html", form=forms.blank(), **shown(mine))


@bp.post("/campaigns/<uuid:campaign_id>/top-up")
@audience("brand")
def top_up(campaign_id: UUID) -> ResponseReturnValue:
    """Ask for a payment page; a second click, or a second window, leads to the same one."""
    mine = my_campaign(campaign_id)
    with told():
        form_key: UUID = forms.sent(Once()).data["form_key"]
        deposit = forms.once(Deposit, form_key, lambda: _checkout(mine, form_key))
        where: dict[str, Any] = {"deposit_id": deposit.id, **checkout.ONWARD}
        return redirect(url_for("brand.deposit", **where), 303)
    return page_of(mine)


@bp.post("/campaigns/<uuid:campaign_id>/fund")
@audience("brand")
def fund_from_balance(campaign_id: UUID) -> ResponseReturnValue:
    mine = locked(my_campaign(campaign_id))
    if mine.status != CampaignStatus.OPEN:  # else clicked twice
        with told():
            budget.fund_from_balance(mine, access.actor(), clock.now())
            db.session.commit()
            flash(gettext("Funded from your balance: the campaign is open to creators."))
    return page_of(mine)


@bp.post("/campaigns/<uuid:campaign_id>/cancel")
@audience("brand")
def cancel(campaign_id: UUID) -> ResponseReturnValue:
    mine = locked(my_campaign(campaign_id))
    form = forms.sent(Cancelation())
    if mine.status != CampaignStatus.CANCELED:  # else clicked twice
        with told(), form.refusals():
            back = ending.cancel(mine, access.actor(), form.data["reason"], clock.now())
            db.session.commit()
            said = gettext("The campaign is canceled.")
            if back:
                amount = money(back)
                said = gettext("Canceled: %(amount)s is back in your balance.", amount=amount)
            flash(said)
    if form.errors:
        return form.again("brand/campaign.html", **shown(mine))
    return page_of(mine)


def _checkout(mine: Campaign, form_key: UUID) -> Deposit:
    """The payment page that is open already, or a new one."""
    row = locked(mine)
    person = access.current_person()
    return budget.open_deposit(row) or budget.top_up(
        row,
        payer_id=person.id,
        payer_email=person.email,
        form_key=form_key,
        site_url=site_url(),
        at=clock.now(),
    )


def locked(mine: Campaign) -> Campaign:
    """A campaign of the caller's under its lock."""
    row = lock(Campaign, mine.id)
    assert row is not None
    return row


def page_of(mine: Campaign) -> ResponseReturnValue:
    """To the page of a campaign."""
    return redirect(url_for("brand.campaign", campaign_id=mine.id), 303)


def shown(mine: Campaign, adding: Form | None = None) -> dict[str, Any]:
    """Where a campaign stands, and its money; `adding` is the form for more, if it was sent."""
    lacking = _lacking(mine)
    available = reservation.available(mine.brand.ledger_owner, mine.currency)
    missing = budget.missing(mine)
    return {
        "campaign": mine,
        "history": words.history(mine),
        "answer": words.answer(mine),
        "demands": program_words.asked(mine.criteria),
        "eligible": eligible.count(mine.criteria) if mine.status in _BEFORE else None,
        "cost": budget.cost_of(mine),
        "offer": offer(mine.flat_fee, mine.commission_bps, clock.now()),
        "reserved": reservation.reserved(mine.ledger_owner, mine.currency),
        "missing": missing,
        "committed": commitments.committed(mine),
        "places_taken": commitments.places_taken(mine.id),
        "applicants": applications.waiting(mine.id),
        "available": available,
        "is_covered": bool(missing) and available >= missing,
        "checkout": budget.open_deposit(mine),
        "lacking": lacking,
        "adding": adding or (forms.blank(amount=lacking.decimal) if lacking else forms.blank()),
        "entries": balances.entries(
            postings.reserved(mine.ledger_owner), mine.currency, limit=ENTRIES
        ),
    }


def _lacking(mine: Campaign) -> Money | None:
    """What sales that wait for money lack; None if nothing."""
    free = commitments.free_of(mine.ledger_owner)
    return None if free is None else unfunded.lacking(mine.ledger_owner, free) or None
