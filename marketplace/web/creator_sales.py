"""A creator's codes and links, and every sale by them with how its commission came about."""

from __future__ import annotations

from uuid import UUID

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from marketplace import access
from marketplace.access import audience
from marketplace.commissions import code as codes
from marketplace.commissions.sale import Sale
from marketplace.config import Settings
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.parties.brand import Brand
from marketplace.web import paging, sale_receipt
from marketplace.web.creator import bp


@bp.get("/sales", endpoint="sales")
@audience("creator")
def listed() -> ResponseReturnValue:
    """Codes and links to copy, and the sales by them, newest first."""
    creator = access.current_creator()
    settings: Settings = current_app.extensions["settings"]
    mine = codes.of_creator(creator.id)
    statement = select(Sale).where(Sale.creator_id == creator.id)
    page = paging.newest_first(statement, Sale.id)
    ids = {code.brand_id for code in mine} | {sold.brand_id for sold in page.rows}
    brands = select(Brand.id, Brand.name).where(Brand.id.in_(ids))
    return render_template(
        "creator/sales.html",
        codes=[
            (code, settings.base_url + url_for("public.follow", token=code.link_token))
            for code in mine
        ],
        page=page,
        brands={id: name for id, name in db.session.execute(brands)},
    )


@bp.get("/sales/<uuid:sale_id>")
@audience("creator")
def sale(sale_id: UUID) -> ResponseReturnValue:
    """The receipt of one sale."""
    creator = access.current_creator()
    mine = db.session.get(Sale, sale_id)
    if mine is None or mine.creator_id != creator.id:
        raise NotFound("no such sale")
    brand = db.session.get_one(Brand, mine.brand_id)
    shown = sale_receipt.shown(mine, creator.handle)
    return render_template("creator/sale.html", brand=brand, **shown)
