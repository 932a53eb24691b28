"""Top-ups: the list, and one of them from the wait for the payment page to its refunds."""

from __future__ import annotations

from uuid import UUID

from flask import Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from marketplace import access
from marketplace.access import audience
from marketplace.config import Settings
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.funding.dispute import Dispute, standing_against
from marketplace.funding.refund import Refund, refundable
from marketplace.web import brand_targets, checkout, paging
from marketplace.web import brand_words as words
from marketplace.web.brand import bp, my_deposit


@bp.get("/deposits")
@audience("brand")
def deposits() -> ResponseReturnValue:
    """Every top-up, newest first."""
    mine = select(Deposit).where(Deposit.brand_id == access.current_brand().id)
    page = paging.newest_first(mine, Deposit.id)
    return render_template(
        "brand/deposits.html", page=page, paid_for=brand_targets.paid_by(page.rows)
    )


@bp.get("/deposits/<uuid:deposit_id>")
@audience("brand")
def deposit(deposit_id: UUID) -> ResponseReturnValue:
    """The wait for the processor until the money is here; then what became of it."""
    mine = my_deposit(deposit_id)
    target = brand_targets.of_deposit(mine)
    if mine.status != DepositStatus.SUCCEEDED:
        return checkout.waiting_page(
            mine,
            what=target.title,
            back_url=target.url,
            back_label=target.back,
        )
    if "HX-Request" in request.headers:  # the page that waited: show this one in its place
        return Response(headers={"HX-Refresh": "true"})
    refunds = select(Refund).where(Refund.deposit_id == mine.id).order_by(Refund.id.desc())
    return render_template(
        "brand/deposit.html",
        deposit=mine,
        target=target,
        history=words.history(mine),
        refunds=list(db.session.scalars(refunds)),
        refundable=refundable(mine),
        disputes=_disputes(mine),
        disputed=standing_against(mine),
    )


def _disputes(mine: Deposit) -> list[Dispute]:
    found = select(Dispute).where(Dispute.deposit_id == mine.id).order_by(Dispute.id.desc())
    return list(db.session.scalars(found))


def site_url() -> str:
    """Below this address the processor finds our page of a deposit, to lead the payer back to."""
    settings: Settings = current_app.extensions["settings"]
    return settings.base_url + url_for("brand.home")
