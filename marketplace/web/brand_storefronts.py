"""A brand's shops: adding one, its secret, how to connect it, and what it told us last."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import defer

from marketplace import access, clock
from marketplace.access import audience
from marketplace.commissions import code as codes
from marketplace.config import Settings
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.schemas.sales import CURRENCIES, NewStorefront, Secret
from marketplace.storefronts import storefront as storefronts
from marketplace.storefronts.storefront import SOFTWARE, Storefront
from marketplace.web import forms
from marketplace.web.brand import CURRENCY, bp
from marketplace.webhooks.event import WebhookEvent

EVENTS = 12  # shown of a shop


@bp.get("/sales/shops")
@audience("brand")
def shops() -> ResponseReturnValue:
    form = forms.blank(currency=CURRENCY)
    return render_template("brand/shops.html", form=form, **_listed())


@bp.post("/sales/shops")
@audience("brand")
def add_shop() -> ResponseReturnValue:
    brand = access.current_brand()
    form = forms.sent(NewStorefront())
    with form.refusals():
        said = dict(form.data)
        made = forms.once(
            Storefront,
            said["form_key"],
            lambda: storefronts.add(brand.id, at=clock.now(), **said),
        )
        return redirect(url_for("brand.shop", storefront_id=made.id), 303)
    return form.again("brand/shops.html", **_listed())


@bp.get("/sales/shops/<uuid:storefront_id>")
@audience("brand")
def shop(storefront_id: UUID) -> ResponseReturnValue:
    mine = _my_shop(storefront_id)
    return render_template("brand/shop.html", form=forms.blank(), **_shown(mine))


@bp.post("/sales/shops/<uuid:storefront_id>/secret")
@audience("brand")
def set_secret(storefront_id: UUID) -> ResponseReturnValue:
    """Take the secret that the shop itself made."""
    mine = _locked(_my_shop(storefront_id))
    form = forms.sent(Secret())
    with form.refusals():
        mine.secret = form.data["secret"]
        db.session.commit()
        flash(gettext("The secret is set: from now on we believe what your shop signs with it."))
        return redirect(url_for("brand.shop", storefront_id=mine.id), 303)
    return form.again("brand/shop.html", **_shown(mine))


@bp.post("/sales/shops/<uuid:storefront_id>/secret/new")
@audience("brand")
def new_secret(storefront_id: UUID) -> ResponseReturnValue:
    """Make a secret and show it on this page alone, once."""
    mine = _locked(_my_shop(storefront_id))
    secret = storefronts.new_secret(mine)
    db.session.commit()
    form = forms.blank()
    return render_template("brand/shop.html", form=form, **{**_shown(mine), "secret": secret})


def _my_shop(storefront_id: UUID) -> Storefront:
    mine = db.session.get(Storefront, storefront_id)
    if mine is None or mine.brand_id != access.current_brand().id:
        raise NotFound("no such shop")
    return mine


def _locked(mine: Storefront) -> Storefront:
    locked = lock(Storefront, mine.id)
    assert locked is not None
    return locked


def _listed() -> dict[str, Any]:
    return {
        "shops": storefronts.of_brand(access.current_brand().id),
        "kinds": [(kind, software.name) for kind, software in SOFTWARE.items()],
        "currencies": [(code, code) for code in CURRENCIES],
    }


def _shown(mine: Storefront) -> dict[str, Any]:
    settings: Settings = current_app.extensions["settings"]
    issued = codes.of_brand(mine.brand_id)
    handles = select(Creator.id, Creator.handle).where(
        Creator.id.in_([code.creator_id for code in issued])
    )
    told = (
        select(WebhookEvent)
        .options(defer(WebhookEvent.raw))
        .where(WebhookEvent.account == mine.id.hex)
        .order_by(WebhookEvent.id.desc())
        .limit(EVENTS)
    )
    return {
        "shop": mine,
        "secret": None,
        "address": f"{settings.base_url}/webhooks/{mine.kind}/{mine.id}",
        "codes": issued,
        "handles": {id: handle for id, handle in db.session.execute(handles)},
        "events": list(db.session.scalars(told)),
    }
