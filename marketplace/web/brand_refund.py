"""Money that goes back: part or all of a top-up, to the card it came from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.errors import BadInput, InsufficientFunds
from marketplace.funding import refund as refunds
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit
from marketplace.funding.dispute import standing_against
from marketplace.funding.refund import Refund
from marketplace.money import Money
from marketplace.schemas.campaigns import RefundWish
from marketplace.web import forms
from marketplace.web.brand import bp, my_deposit
from marketplace.web.formats import money


@bp.get("/deposits/<uuid:deposit_id>/refund")
@audience("brand")
def refund_form(deposit_id: UUID) -> ResponseReturnValue:
    mine = my_deposit(deposit_id)
    shown = _shown(mine)
    form = forms.blank(currency=mine.currency, amount=shown["most"].decimal)
    return render_template("brand/refund.html", form=form, **shown)


@bp.post("/deposits/<uuid:deposit_id>/refund")
@audience("brand")
def refund(deposit_id: UUID) -> ResponseReturnValue:
    mine = my_deposit(deposit_id)
    form = forms.sent(RefundWish())
    with form.refusals():
        made = forms.once(Refund, form.data["form_key"], lambda: _request(mine, form.data))
        said = gettext("%(amount)s is on its way back to the card.", amount=money(made.amount))
        flash(said)
        return redirect(url_for("brand.deposit", deposit_id=made.deposit_id), 303)
    return form.again("brand/refund.html", **_shown(mine))


def _request(mine: Deposit, wish: dict[str, Any]) -> Refund:
    try:
        return refunds.request(
            mine.id,
            wish["amount"],
            actor=access.actor(),
            form_key=wish["form_key"],
            at=clock.now(),
        )
    except InsufficientFunds as error:
        said = gettext("More than is available: the rest is reserved or spent.")
        raise BadInput("amount", {"amount": said}) from error


def _shown(mine: Deposit) -> dict[str, Any]:
    """What may go back: not more than came, and not more than is still there."""
    refundable = refunds.refundable(mine)
    available = reservation.available(f"brand:{access.current_brand().id.hex}", mine.currency)
    most: Money = min(refundable, available, key=lambda amount: amount.minor)
    return {
        "deposit": mine,
        "refundable": refundable,
        "available": available,
        "most": most,
        "disputed": standing_against(mine),
    }
