"""Sandbox mode only: a shop to buy in, so that a sale can be made by clicking.

It plays any Shopify shop that a brand has connected: what it tells is signed with that shop's
secret and posted to our endpoint over HTTP, as the shop itself would. The key of a form and what
was typed in it name the order, so that a double click tells the same thing twice.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import requests
from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select

from marketplace import clock
from marketplace.access import audience
from marketplace.commissions import rate
from marketplace.commissions.code import PromoCode
from marketplace.commissions.sale import Sale
from marketplace.errors import BadInput, NotFound
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.schemas.sales import SandboxOrder, SandboxRefund
from marketplace.storefronts import sandbox_shop
from marketplace.storefronts.storefront import Storefront
from marketplace.web import forms, paging, sale_words
from marketplace.web.dev import bp
from marketplace.web.formats import money
from marketplace.web.forms import Form

TIMEOUT_S = 10
BUYER, GOODS = "buyer@mail.example", "Sample goods"
SHOPS_MAX = 200


@bp.get("/shop")
@audience("public")
def shop() -> ResponseReturnValue:
    """What to order, and where; `?shop=`, `?code=` and `?link=` are filled in already."""
    asked = {name: request.args.get(name, "") for name in ("shop", "code", "link")}
    if not asked["shop"]:
        asked["shop"] = _shop_of(asked["code"], asked["link"])
    form = forms.blank(email=BUYER, **asked)
    return render_template("dev/shop.html", form=form, **_listed())


@bp.post("/shop")
@audience("public")
def place_order() -> ResponseReturnValue:
    """Buy: the shop tells us that an order was placed, and that it was paid."""
    chosen = _connected(request.form.get("shop", ""))
    form = forms.sent(SandboxOrder(chosen.currency if chosen else "USD"))
    with form.refusals():
        placed = _place(form, chosen)
        return redirect(url_for("dev.shop", placed=placed), 303)
    return form.again("dev/shop.html", **_listed())


@bp.get("/shop/orders/<uuid:sale_id>")
@audience("public")
def order(sale_id: UUID) -> ResponseReturnValue:
    """One order of such a shop, and what of it can be given back."""
    shown = _shown(sale_id)
    left = shown["left"]
    form = forms.blank(amount=left.decimal if left else "")
    return render_template("dev/order.html", form=form, **shown)


@bp.post("/shop/orders/<uuid:sale_id>/refund")
@audience("public")
def refund_order(sale_id: UUID) -> ResponseReturnValue:
    """Give it back, wholly or in part: the shop tells us of it."""
    shown = _shown(sale_id)
    form = forms.sent(SandboxRefund(shown["sale"].currency))
    with form.refusals():
        _refund(form, shown)
        return redirect(url_for("dev.order", sale_id=sale_id), 303)
    return form.again("dev/order.html", **shown)


def _place(form: Form, chosen: Storefront | None) -> int:
    """Tell of the order; return its number."""
    typed = form.data
    if chosen is None:
        raise BadInput("shop", {"shop": gettext("Please choose one of the list.")})
    # The visit by the link comes before the order.
    landing = _landing(typed["link"], chosen.shop_domain) if typed["link"] else "/"
    told = "|".join(str(typed[name]) for name in ("shop", "code", "link", "amount", "email"))
    number = _number(typed["form_key"], told)
    body = sandbox_shop.order(
        number,
        GOODS,
        str(typed["amount"].decimal),
        at=clock.now(),
        currency=chosen.currency,
        email=typed["email"],
        code=typed["code"] or None,
        landing_site=landing,
    )
    _tell(chosen, {"orders/create": body | {"financial_status": "pending"}, "orders/paid": body})
    flash(gettext("Order %(name)s is placed and paid.", name=f"#{number}"))
    return number


def _refund(form: Form, shown: dict[str, Any]) -> None:
    sale, given = shown["sale"], form.data["amount"]
    if shown["left"] is None:
        raise BadInput(gettext("Nothing of this order is left to give back."))
    if given.minor > shown["left"].minor:
        said = gettext("At most %(amount)s.", amount=money(shown["left"]))
        raise BadInput("amount", {"amount": said})
    number = int(sale.order_ref)
    id = _number(form.data["form_key"], f"{number}|{given}")
    body = sandbox_shop.refund(number, str(given.decimal), at=clock.now(), id=id)
    _tell(shown["shop"], {"refunds/create": body})
    flash(gettext("%(amount)s is given back.", amount=money(given)))


def _number(form_key: UUID, told: str) -> int:
    """The shop's number of what this form said: the same for the same form, sent twice."""
    return uuid5(form_key, told).int % 10**12


def _landing(link: str, domain: str) -> str:
    """Follow a creator's link as a buyer does; return where in the shop it ends."""
    path = urlsplit(link).path if link.isascii() and link.isprintable() else ""
    if not path.startswith("/r/"):
        said = gettext("A link as it stands on a creator's Sales page.")
        raise BadInput("link", {"link": said})
    reply = _ask("GET", path)
    target = urlsplit(reply.headers.get("Location", ""))
    if reply.status_code != 302 or target.hostname != domain:
        said = gettext("This link does not lead to this shop.")
        raise BadInput("link", {"link": said})
    return f"{target.path}?{target.query}"


def _tell(chosen: Storefront, told: dict[str, dict[str, Any]]) -> None:
    """Post what happened, signed with the shop's secret; no transaction is open meanwhile.

    Raises:
        BadInput: our endpoint did not take it.
    """
    assert chosen.secret is not None
    path, secret = f"/webhooks/{chosen.kind}/{chosen.id}", chosen.secret
    for topic, body in told.items():
        message = sandbox_shop.sign(topic, body, secret)
        reply = _ask("POST", path, data=message.raw, headers=message.headers)
        if reply.status_code != 200:
            said = f"{reply.status_code} {reply.text.strip()}"
            raise BadInput(gettext("The shop's message was answered: %(said)s.", said=said))


def _ask(method: str, path: str, **sent: Any) -> requests.Response:
    """Ask our own site as a stranger does."""
    db.session.rollback()
    url = current_app.extensions["settings"].base_url + path
    try:
        return requests.request(method, url, timeout=TIMEOUT_S, allow_redirects=False, **sent)
    except requests.RequestException as error:
        said = gettext(
            "The marketplace did not answer its own shop. Send it again: nothing happens twice."
        )
        raise BadInput(said) from error


def _shops() -> list[Storefront]:
    """Shops of which we believe what is signed as Shopify signs, newest first."""
    ready = select(Storefront).where(Storefront.kind == "shopify", Storefront.secret.is_not(None))
    return list(db.session.scalars(ready.order_by(Storefront.id.desc()).limit(SHOPS_MAX)))


def _connected(id: str) -> Storefront | None:
    return next((it for it in _shops() if str(it.id) == id), None)


def _shop_of(code: str, link: str) -> str:
    """Where a code or link counts: the id of its brand's newest shop, or ''."""
    if not (code + link).isprintable():
        return ""
    token = link.rpartition("/r/")[2]
    named = (func.lower(PromoCode.code) == code.lower()) | (PromoCode.link_token == token)
    brands = set(db.session.scalars(select(PromoCode.brand_id).where(named)))
    return next((str(it.id) for it in _shops() if it.brand_id in brands), "")


def _listed() -> dict[str, Any]:
    shops = {it.id: it for it in _shops()}
    page = paging.newest_first(select(Sale).where(Sale.storefront_id.in_(shops)), Sale.id)
    placed = request.args.get("placed", "")
    return {
        "shops": [(str(it.id), f"{it.shop_domain}, {it.currency}") for it in shops.values()],
        "domains": {it.id: it.shop_domain for it in shops.values()},
        "page": page,
        "handles": _handles(page.rows),
        "statuses": sale_words.STATUSES,
        # The worker follows what the shop told; until then the order is not among the sales.
        "awaited": placed.isdecimal() and placed not in {it.order_ref for it in page.rows},
    }


def _shown(sale_id: UUID) -> dict[str, Any]:
    """An order of a shop that is played here.

    Raises:
        NotFound: there is none.
    """
    sale = db.session.get(Sale, sale_id)
    found = db.session.get(Storefront, sale.storefront_id) if sale else None
    if sale is None or found is None or found.kind != "shopify" or not found.secret:
        raise NotFound("no such order")
    left = None
    if sale.base is not None and sale.order_ref.isdecimal():
        left = rate.remaining(sale.base, sale.refunded, canceled=sale.is_canceled)
    return {
        "sale": sale,
        "shop": found,
        "left": left if left else None,
        "handles": _handles([sale]),
        "statuses": sale_words.STATUSES,
    }


def _handles(sales: list[Sale]) -> dict[UUID, str]:
    ids = {sale.creator_id for sale in sales if sale.creator_id}
    rows = db.session.execute(select(Creator.id, Creator.handle).where(Creator.id.in_(ids)))
    return {id: handle for id, handle in rows}
