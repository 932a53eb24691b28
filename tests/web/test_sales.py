"""Shops and sales in a browser: connecting, the receipt on both sides, a link that is followed."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.commissions.click import Click
from marketplace.extensions import db
from marketplace.storefronts.storefront import Storefront
from tests.commissions.making import (
    PLACED,
    Shop,
    give,
    make_campaign_shop,
    order,
    refund,
    sell_for,
    tell,
)
from tests.make import make_creator
from tests.web.people import Person, log_in


@pytest.fixture
def world(app: Flask) -> dict[str, object]:
    """A sale with a loser and a refund, one that lacks money, and nobody's."""
    with app.app_context():
        shop = make_campaign_shop(1_000)
        rival = sell_for(shop.team, make_creator("rival"), owner=shop.owner)
        from marketplace.commissions.click import follow

        address = follow(rival.link_token, PLACED)
        db.session.commit()
        assert address is not None
        token = address.partition("ref=")[2]
        sold = tell(shop, order(codes=(shop.code.code,), clicks=(token,)), refund("20.00", "r1"))
        poor = tell(shop, order("100.00", "1043", codes=(shop.code.code,)))
        nobodys = tell(shop, order(ref="1044"))
        return {
            "brand": _person(shop.team.user),
            "creator": _person(shop.creator.user),
            "sold": sold.id,
            "poor": poor.id,
            "nobodys": nobodys.id,
            "link": shop.code.link_token,
            "code": shop.code.code,
            "handle": shop.creator.creator.handle,
            "token": token,
            "team": shop.team.brand.id,
            "domain": shop.storefront.shop_domain,
            "shop": shop,
        }


def _person(user: object) -> Person:
    return Person(user.id, user.email, user.name)  # type: ignore[attr-defined]


def text_of(client: FlaskClient, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.text))


def test_a_brand_reads_whose_sale_it_is_and_how_it_is_computed(
    client: FlaskClient, world: dict[str, object]
) -> None:
    log_in(client, world["brand"])  # type: ignore[arg-type]
    said = text_of(client, f"/brand/sales/{world['sold']}")
    assert f"The buyer used the code of @{world['handle']}" in said
    assert "Lost: a code beats a link" in said
    assert "@rival" in said
    assert "$29.90 × 15%" in said
    for amount in ("$49.90", "$20.00", "$4.48", "$0.13", "$4.61", "$3.00"):
        assert amount in said, amount
    # 15.44 is due; of the 10.00 reserved 4.61 is spent.
    assert "$10.05 is missing" in text_of(client, "/brand/sales?status=unfunded")
    assert "1044" not in text_of(client, "/brand/sales?status=accrued")


def test_a_creator_reads_the_same_without_anybody_elses_name(
    client: FlaskClient, world: dict[str, object]
) -> None:
    log_in(client, world["creator"])  # type: ignore[arg-type]
    said = text_of(client, f"/creator/sales/{world['sold']}")
    assert "another creator" in said
    assert "rival" not in said
    assert str(world["token"]) not in said
    assert "$4.48" in said
    said = text_of(client, "/creator/sales")
    assert str(world["code"]) in said
    assert f"/r/{world['link']}" in said
    assert client.get(f"/creator/sales/{world['nobodys']}").status_code == 404
    assert "Commission" in text_of(client, "/creator")


def test_a_brand_pays_what_the_campaign_lacks_from_its_balance(
    app: Flask, client: FlaskClient, world: dict[str, object]
) -> None:
    token = log_in(client, world["brand"])  # type: ignore[arg-type]
    path = f"/brand/sales/{world['poor']}"
    assert "does not cover it" in text_of(client, path)
    reply = client.post(f"{path}/pay", data={"csrf_token": token}, follow_redirects=True)
    assert "not enough money" in reply.text
    with app.app_context():
        shop = world["shop"]
        assert isinstance(shop, Shop)
        from marketplace.parties.brand import Brand

        team = shop.team._replace(brand=db.session.get_one(Brand, world["team"]))
        give(team, 5_000)
    assert "Pay $15.44 from my balance" in text_of(client, path)
    for _ in range(2):
        reply = client.post(f"{path}/pay", data={"csrf_token": token}, follow_redirects=True)
    assert "Commission owed" in reply.text


def test_a_shop_is_added_once_and_its_secret_is_shown_once(
    app: Flask, client: FlaskClient, world: dict[str, object]
) -> None:
    token = log_in(client, world["brand"])  # type: ignore[arg-type]
    form = {
        "csrf_token": token,
        "form_key": "01a205ef-e911-7d0c-8be4-4de52b3b30d7",
        "kind": "woocommerce",
        "shop_domain": "https://Store.Example/cart",
        "currency": "USD",
    }
    replies = [client.post("/brand/sales/shops", data=form) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [303, 303]
    page = replies[0].location
    again = client.post("/brand/sales/shops", data=form | {"form_key": "01a205ef" * 4})
    assert again.status_code == 422
    assert "added this shop already" in again.text
    assert "Secret missing" in text_of(client, page)

    made = client.post(f"{page}/secret/new", data={"csrf_token": token}).text
    with app.app_context():
        shop = db.session.query(Storefront).filter_by(shop_domain="store.example").one()
        secret = shop.secret
    assert secret is not None
    assert secret in made
    assert secret not in client.get(page).text

    reply = client.post(f"{page}/secret", data={"csrf_token": token, "secret": "from the shop"})
    assert reply.status_code == 303
    with app.app_context():
        shop = db.session.query(Storefront).filter_by(shop_domain="store.example").one()
        assert shop.secret == "from the shop"


@pytest.mark.parametrize("domain", ["", "localhost", "a b.example", "x", "http://", "-.example"])
def test_a_domain_must_be_one(client: FlaskClient, world: dict[str, object], domain: str) -> None:
    token = log_in(client, world["brand"])  # type: ignore[arg-type]
    form = {"csrf_token": token, "form_key": "01a205ef" * 4, "kind": "shopify", "currency": "USD"}
    reply = client.post("/brand/sales/shops", data=form | {"shop_domain": domain})
    assert reply.status_code == 422


def test_a_link_leads_to_the_shop_with_a_fresh_token_and_leaves_no_cookie(
    app: Flask, client: FlaskClient, world: dict[str, object]
) -> None:
    with app.app_context():
        before = db.session.query(Click).count()
    replies = [client.get(f"/r/{world['link']}") for _ in range(2)]
    assert [reply.status_code for reply in replies] == [302, 302]
    assert len({reply.location for reply in replies}) == 2
    assert replies[0].location.startswith(f"https://{world['domain']}/?ref=")
    assert "Set-Cookie" not in replies[0].headers
    assert client.head(f"/r/{world['link']}").status_code == 302
    assert client.get("/r/nobodys").status_code == 404
    assert client.get("/r/%C3%A9").status_code == 404
    with app.app_context():
        assert db.session.query(Click).count() == before + 2
