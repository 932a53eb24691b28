"""What stands against a brand: disputed payments, and what it owes; paying that."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.funding import debt, paying_in, standing
from marketplace.funding.deposit import Deposit, Purpose
from marketplace.funding.dispute import Dispute
from marketplace.funding.standing import Standing
from marketplace.ledger import balances
from marketplace.money import Money
from marketplace.schemas.campaigns import Once
from marketplace.web import checkout, dispute_words, forms
from marketplace.web.brand import bp
from marketplace.web.brand_deposit import site_url
from marketplace.web.buttons import told

SHOWN = 8


@bp.app_context_processor
def _standing() -> dict[str, object]:
    """What pages that concern a brand's money show; asked only where a page does."""
    return {"dispute_words": dispute_words, "standing_of": standing.of}


def mine() -> Standing:
    """What stands against the caller's brand."""
    return standing.of(access.current_brand().id)


def disputes() -> list[Dispute]:
    """The newest disputes of the caller's brand."""
    own = select(Dispute).where(Dispute.brand_id == access.current_brand().id)
    return list(db.session.scalars(own.order_by(Dispute.id.desc()).limit(SHOWN)))


@bp.post("/money/<currency>/debt")
@audience("brand")
def pay_debt(currency: str) -> ResponseReturnValue:
    """Ask for a payment page over what is owed; a second click leads to the same one."""
    if currency not in balances.currencies_of(access.current_brand().ledger_owner):
        raise NotFound("the brand has no money in this currency")
    owed = next((it for it in mine().debts if it.currency == currency), None)
    if owed is None:  # paid meanwhile
        flash(gettext("Nothing is owed in this currency."))
        return redirect(url_for("brand.money"), 303)
    with told():
        form_key = forms.sent(Once()).data["form_key"]
        deposit = forms.once(Deposit, form_key, lambda: _checkout(owed, form_key))
        where: dict[str, Any] = {"deposit_id": deposit.id, **checkout.ONWARD}
        return redirect(url_for("brand.deposit", **where), 303)
    return redirect(url_for("brand.money"), 303)


def _checkout(owed: Money, form_key: Any) -> Deposit:
    """The payment page that is open already, or a new one."""
    brand, person = access.current_brand(), access.current_person()
    mine = (Deposit.brand_id == brand.id) & (Deposit.purpose == Purpose.DEBT)
    open_already = paying_in.open_deposit(mine & (Deposit.currency == owed.currency))
    return open_already or debt.pay(
        brand,
        owed,
        payer_id=person.id,
        payer_email=person.email,
        form_key=form_key,
        site_url=site_url(),
        at=clock.now(),
    )
