"""The shops of the demo world and what they sell: by code, by link, by nobody, and given back.

There is no web server while the world is made: what a shop sends is handed to the endpoint's own
function, signed as the shop signs it, and handled by the worker's jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from marketplace import clock
from marketplace.commissions import click
from marketplace.commissions import code as codes
from marketplace.commissions.code import PromoCode
from marketplace.demo import people
from marketplace.demo.steps import Step, WorldFailed, form_key, work
from marketplace.extensions import db
from marketplace.storefronts import sandbox_shop
from marketplace.storefronts import storefront as storefronts
from marketplace.storefronts.storefront import Storefront
from marketplace.webhooks.endpoint import take_of_shop

_SHOPS = {"northwind": "northwind-coffee.example", "halcyon": "halcyon-outdoors.example"}
_KIT = "Cold-brew kit"


def steps(present: datetime) -> list[Step]:
    """What the shops tell in these sixty days."""

    def ago(days: float, act: Callable[[], None]) -> Step:
        return Step(present - timedelta(days=days), act)

    ines = people.mail_of(next(role for role in people.CREATORS if role.handle == "ines"))
    return [
        ago(53, lambda: _connect("northwind")),
        ago(53, lambda: _connect("halcyon")),
        ago(47, lambda: _order("northwind", 1042, f"{_KIT}, large", "186.00", by_code="ines")),
        ago(39, lambda: _order("northwind", 1051, _KIT, "74.50", by_link="ines")),
        Step(
            people.best_day(present),
            lambda: _order("northwind", 1063, f"{_KIT} for two", "129.00", by_code="ines"),
        ),
        ago(29, lambda: _order("northwind", 1066, _KIT, "74.50", by_code="ines", email=ines)),
        ago(20, lambda: _order("northwind", 1078, "Filter papers", "12.00")),
        ago(15, lambda: _order("halcyon", 2101, "Trail stove", "340.00", by_code="sam")),
        ago(12, lambda: _order("northwind", 1090, f"{_KIT}, large", "186.00", by_code="ines")),
        # More than the campaign has free: it waits until the brand pays more in.
        ago(6, lambda: _order("halcyon", 2107, "Forty stoves", "5600.00", by_code="sam")),
        # Its commission matured and was paid out: what came since gives it back, or it is owed.
        ago(1.5, lambda: _refund("northwind", 1042, "62.00")),
    ]


def _connect(brand_name: str) -> None:
    _, brand = people.brand(f"{brand_name}@demo.example")
    domain = _SHOPS[brand_name]
    key = form_key(f"shop {brand_name}")
    made = storefronts.add(brand.id, "shopify", domain, "USD", form_key=key, at=clock.now())
    storefronts.new_secret(made)


def _order(
    brand_name: str,
    number: int,
    title: str,
    paid: str,
    *,
    by_code: str | None = None,
    by_link: str | None = None,
    email: str = "buyer@mail.example",
) -> None:
    """Somebody buys, with a creator's code typed in small letters or after a creator's link."""
    at, storefront = clock.now(), _storefront(brand_name)
    body = sandbox_shop.order(
        number,
        title,
        paid,
        at=at,
        email=email,
        code=_promo_code(storefront, by_code).code.lower() if by_code else None,
        landing_site=_landing(_promo_code(storefront, by_link), at) if by_link else "/",
    )
    db.session.commit()
    _tell(storefront, "orders/paid", body)


def _refund(brand_name: str, number: int, paid: str) -> None:
    _tell(
        _storefront(brand_name), "refunds/create", sandbox_shop.refund(number, paid, at=clock.now())
    )


def _tell(storefront: Storefront, topic: str, body: dict[str, Any]) -> None:
    """Post it as the shop does, and let the worker follow it."""
    assert storefront.secret is not None
    message = sandbox_shop.sign(topic, body, storefront.secret)
    builder = EnvironBuilder(method="POST", data=message.raw, headers=Headers(message.headers))
    status, word = take_of_shop("shopify", storefront.id, Request(builder.get_environ()))
    if (status, word) != (200, "stored"):
        raise WorldFailed(f"{topic} of {storefront.shop_domain} was answered {status} {word}")
    work()


def _landing(promo_code: PromoCode, at: datetime) -> str:
    """Where in the shop a visit by the creator's link ends."""
    address = click.follow(promo_code.link_token, at - timedelta(hours=2))
    assert address is not None
    return f"/?{urlsplit(address).query}"


def _promo_code(storefront: Storefront, handle: str) -> PromoCode:
    theirs = codes.of_creator(people.creator(handle).id)
    return next(code for code in theirs if code.brand_id == storefront.brand_id)


def _storefront(brand_name: str) -> Storefront:
    _, brand = people.brand(f"{brand_name}@demo.example")
    return storefronts.of_brand(brand.id)[0]
