"""The sandbox shop: a sale made by clicking, seen with its commission, and given back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace.commissions.code import PromoCode
from marketplace.commissions.sale import Sale, SaleStatus
from marketplace.database.identifier import new_id
from marketplace.earnings.clawback import Clawback
from marketplace.extensions import db
from marketplace.webhooks.event import WebhookEvent
from marketplace.worker.draining import drain
from tests.commissions.making import make_campaign_shop, make_storefront
from tests.conftest import Web
from tests.make import csrf_token, make_brand

PATH = "/dev/shop"


@pytest.fixture
def form(app: Flask, web: Web, client: FlaskClient) -> dict[str, str]:
    """An order of 80.00 USD with a creator's code, filled in."""
    with app.app_context():
        shop = make_campaign_shop()
        return {
            "csrf_token": csrf_token(client),
            "form_key": str(new_id()),
            "shop": str(shop.storefront.id),
            "code": shop.code.code.lower(),
            "amount": "80.00",
            "email": "somebody@mail.example",
        }


def sales_once_told(app: Flask) -> list[tuple[object, ...]]:
    """Status, commission and refunds of each sale, once the worker followed what the shop told."""
    with app.app_context():
        drain()
        db.session.rollback()
        found = db.session.query(Sale).order_by(Sale.id)
        return [(it.status, it.commission_minor, it.refunded_minor) for it in found]


def errors(reply: TestResponse) -> list[str]:
    assert reply.status_code == 422
    return re.findall(r'(?s)id="f-(\w+)-error"', reply.text)


def test_an_order_is_placed_seen_and_given_back(
    app: Flask, client: FlaskClient, form: dict[str, str]
) -> None:
    reply = client.post(PATH, data=form)
    assert reply.status_code == 303
    assert "shows here in a moment" in client.get(reply.location).text
    assert sales_once_told(app) == [(SaleStatus.ACCRUED, 1_200, 0)]
    with app.app_context():
        told = {it.event_type for it in db.session.query(WebhookEvent)}
    assert told == {"orders/create", "orders/paid"}
    page = client.get(reply.location).text
    assert "$12.00" in page
    assert "shows here in a moment" not in page

    order = re.search(r"/dev/shop/orders/[0-9a-f-]{36}", page)
    assert order is not None
    assert 'value="80.00"' in client.get(order[0]).text
    given = {name: form[name] for name in ("csrf_token", "form_key")} | {"amount": "30.00"}
    for _ in range(2):
        assert client.post(f"{order[0]}/refund", data=given).status_code == 303
    assert sales_once_told(app) == [(SaleStatus.ACCRUED, 750, 3_000)]
    too_much = given | {"amount": "50.01"}
    assert errors(client.post(f"{order[0]}/refund", data=too_much)) == ["amount"]
    rest = given | {"amount": "50"}
    assert client.post(f"{order[0]}/refund", data=rest).status_code == 303
    assert sales_once_told(app) == [(SaleStatus.NOTHING_DUE, 0, 8_000)]
    assert "Nothing of this order is left" in client.get(order[0]).text
    with app.app_context():
        assert [it.net_minor for it in db.session.query(Clawback).order_by(Clawback.id)] == [
            450,
            750,
        ]


def test_a_double_click_makes_one_order_and_another_form_another(
    app: Flask, client: FlaskClient, form: dict[str, str]
) -> None:
    for _ in range(2):
        client.post(PATH, data=form)
    assert sales_once_told(app) == [(SaleStatus.ACCRUED, 1_200, 0)]
    client.post(PATH, data=form | {"form_key": str(new_id())})
    client.post(PATH, data=form | {"amount": "10.00"})  # the form of before, changed
    assert sorted(str(it[1]) for it in sales_once_told(app)) == ["1200", "1200", "150"]


def test_a_buyer_comes_by_a_link(app: Flask, client: FlaskClient, form: dict[str, str]) -> None:
    with app.app_context():
        token = db.session.query(PromoCode).one().link_token
        link = f"{app.extensions['settings'].base_url}/r/{token}"
    page = client.get(PATH, query_string={"link": link}).text
    assert f'value="{link}"' in page
    assert f'<option value="{form["shop"]}" selected>' in page
    assert client.post(PATH, data=form | {"code": "", "link": link}).status_code == 303
    assert sales_once_told(app) == [(SaleStatus.ACCRUED, 1_200, 0)]


def test_nobodys_code_makes_nobodys_sale(
    app: Flask, client: FlaskClient, form: dict[str, str]
) -> None:
    assert client.post(PATH, data=form | {"code": "NOBODY"}).status_code == 303
    assert sales_once_told(app) == [(SaleStatus.UNATTRIBUTED, 0, 0)]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        *(("shop", ""), ("shop", "nowhere"), ("amount", "many"), ("amount", "0"), ("amount", "")),
        *(("email", "nobody"), ("link", "https://elsewhere.example/"), ("link", "/r/nobodys")),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_ordered(
    app: Flask, client: FlaskClient, form: dict[str, str], field: str, typed: str
) -> None:
    reply = client.post(PATH, data=form | {field: typed})
    assert errors(reply) == [field]
    assert f'value="{form["code"]}"' in reply.text
    assert sales_once_told(app) == []


def test_only_shops_that_sign_as_shopify_can_be_played(
    app: Flask, client: FlaskClient, form: dict[str, str]
) -> None:
    with app.app_context():
        team = make_brand()
        other = make_storefront(team, "woocommerce")
        mute = make_storefront(team)
        mute.secret = None
        db.session.commit()
        ids = [str(other.id), str(mute.id)]
    page = client.get(PATH).text
    assert form["shop"] in page
    for id in ids:
        assert id not in page
        assert errors(client.post(PATH, data=form | {"shop": id})) == ["shop"]


def test_a_marketplace_that_does_not_answer_is_said_and_what_was_typed_is_kept(
    app: Flask, client: FlaskClient, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = replace(app.extensions["settings"], base_url="http://127.0.0.1:9")
    monkeypatch.setitem(app.extensions, "settings", elsewhere)
    reply = client.post(PATH, data=form)
    assert reply.status_code == 422
    assert "did not answer its own shop" in reply.text
    assert 'value="80.00"' in reply.text
