"""Adding money to a campaign that is open: from the balance, or by card."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.campaigns import budget
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, InsufficientFunds, KeyConflict
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from marketplace.money import Money
from marketplace.schemas.campaigns import MoreMoney
from marketplace.web import brand_campaign, checkout, forms
from marketplace.web.brand import bp, my_campaign
from marketplace.web.brand_deposit import site_url
from marketplace.web.buttons import told
from marketplace.web.formats import money
from marketplace.web.forms import Form


@bp.post("/campaigns/<uuid:campaign_id>/add")
@audience("brand")
def add_money(campaign_id: UUID) -> ResponseReturnValue:
    """Move what was typed from the balance, or ask for a payment page over it."""
    mine = my_campaign(campaign_id)
    form = forms.sent(MoreMoney(mine.currency))
    with told(), form.refusals():
        wish = form.data
        if wish["by"] == "card":
            deposit = forms.once(Deposit, wish["form_key"], lambda: _checkout(mine, wish))
            where: dict[str, Any] = {"deposit_id": deposit.id, **checkout.ONWARD}
            return redirect(url_for("brand.deposit", **where), 303)
        _from_balance(mine, wish["amount"], form)
    if form.errors:
        shown = brand_campaign.shown(mine, adding=form)
        return render_template("brand/campaign.html", form=forms.blank(), **shown), 422
    return brand_campaign.page_of(mine)


def _checkout(mine: Campaign, wish: dict[str, Any]) -> Deposit:
    person = access.current_person()
    return budget.add_by_card(
        brand_campaign.locked(mine),
        wish["amount"],
        payer_id=person.id,
        payer_email=person.email,
        form_key=wish["form_key"],
        site_url=site_url(),
        at=clock.now(),
    )


def _from_balance(mine: Campaign, amount: Money, form: Form) -> None:
    campaign = brand_campaign.locked(mine)
    try:
        fresh = budget.add_from_balance(
            campaign, amount, form_key=form.form_key, actor=access.actor(), at=clock.now()
        )
    except InsufficientFunds as error:
        said = gettext("More than your available balance.")
        raise BadInput("amount", {"amount": said}) from error
    except KeyConflict as error:
        form.form_key = new_id()
        said = gettext("This form has added another amount already. Send it again to add more.")
        raise BadInput(said) from error
    db.session.commit()
    if fresh:  # else clicked twice
        assert campaign.budget
        flash(
            gettext(
                "%(amount)s is added: the budget is %(budget)s now.",
                amount=money(amount),
                budget=money(campaign.budget),
            )
        )
