"""A brand's sales: every order its shops told of, whose it is and why, what it costs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.campaigns import commitments
from marketplace.commissions import sale as sales
from marketplace.commissions import unfunded
from marketplace.commissions.sale import Sale, SaleStatus
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.storefronts import storefront as storefronts
from marketplace.web import brand_words as words
from marketplace.web import paging, sale_receipt
from marketplace.web.brand import bp
from marketplace.web.buttons import told


@bp.get("/sales", endpoint="sales")
@audience("brand")
def listed() -> ResponseReturnValue:
    """Orders, newest first; `?status=` and `?shop=` narrow them down."""
    brand = access.current_brand()
    shops = {shop.id.hex: shop for shop in storefronts.of_brand(brand.id)}
    status, shop = request.args.get("status", ""), request.args.get("shop", "")
    statement = select(Sale).where(Sale.brand_id == brand.id)
    if status in set(SaleStatus):
        statement = statement.where(Sale.status == status)
    if shop in shops:
        statement = statement.where(Sale.storefront_id == shops[shop].id)
    page = paging.newest_first(statement, Sale.id)
    return render_template(
        "brand/sales.html",
        page=page,
        status=status if status in set(SaleStatus) else "",
        shop=shop if shop in shops else "",
        statuses=[(it.value, words.STATUSES["sale", it][0]) for it in SaleStatus],
        shops=shops,
        handles=handles_of(page.rows),
        missing={sale.id: _missing(sale) for sale in page.rows},
    )


@bp.get("/sales/<uuid:sale_id>")
@audience("brand")
def sale(sale_id: UUID) -> ResponseReturnValue:
    """The receipt of one order."""
    mine = _my_sale(sale_id)
    return render_template("brand/sale.html", **_shown(mine))


@bp.post("/sales/<uuid:sale_id>/pay")
@audience("brand")
def pay_sale(sale_id: UUID) -> ResponseReturnValue:
    """Pay a commission that the campaign's money does not cover from the unreserved balance."""
    mine = lock(Sale, _my_sale(sale_id).id)
    assert mine is not None
    if mine.status != SaleStatus.ACCRUED:  # else clicked twice
        with told():
            unfunded.pay_from_balance(mine, access.actor(), clock.now())
            db.session.commit()
            flash(gettext("Paid from your balance: the creator is owed the commission."))
    return redirect(url_for("brand.sale", sale_id=sale_id), 303)


def _my_sale(sale_id: UUID) -> Sale:
    mine = db.session.get(Sale, sale_id)
    if mine is None or mine.brand_id != access.current_brand().id:
        raise NotFound("no such sale")
    return mine


def _shown(mine: Sale) -> dict[str, Any]:
    available = reservation.available(access.current_brand().ledger_owner, mine.currency)
    return {
        **sale_receipt.shown(mine),
        "missing": _missing(mine),
        "campaign_id": _takes_money(mine),
        "available": available,
        "is_covered": available >= sales.gross(mine),
    }


def _missing(sale: Sale) -> Money | None:
    if sale.status != SaleStatus.UNFUNDED or sale.paid_from is None:
        return None
    return sales.missing(sale, commitments.free_of(sale.paid_from))


def _takes_money(sale: Sale) -> UUID | None:
    """The campaign that more money can be added to for this sale, while it is open."""
    owner = sale.paid_from or ""
    if not owner.startswith("campaign:") or commitments.free_of(owner) is None:
        return None
    return UUID(hex=owner.removeprefix("campaign:"))


def handles_of(rows: list[Sale]) -> dict[UUID | None, str]:
    """The handle of each sale's creator."""
    found = select(Creator.id, Creator.handle).where(
        Creator.id.in_({sale.creator_id for sale in rows})
    )
    return {id: handle for id, handle in db.session.execute(found)}
