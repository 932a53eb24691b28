"""Adding money to an open campaign at a brand's browser."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from marketplace import clock
from marketplace.campaigns import ending
from marketplace.campaigns.campaign import Campaign
from marketplace.commissions.sale import Sale
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from marketplace.webhooks import orders
from tests.commissions.making import Shop as Selling
from tests.commissions.making import give, make_storefront, order, sell_for, tell
from tests.make import make_campaign, make_creator, make_deposit, pay
from tests.web.browsers import Browser, brand_browser, only, rows, together
from tests.within import locked


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


def made(brand: Browser, *, balance: int = 0, **terms: Any) -> str:
    """The address of a campaign that is open with 100.00 USD, and some more for its brand."""
    with brand.team() as team:
        usual: dict[str, Any] = {"status": "open", "places": 1, "commission_bps": 1_500}
        id = make_campaign(team, **(usual | terms)).id
        if balance:
            give(team, balance)
        return f"/brand/campaigns/{id}"


def add(brand: Browser, url: str, amount: object, by: str = "balance", **form: Any) -> TestResponse:
    return brand.post(f"{url}/add", **({"form_key": new_id(), "amount": amount, "by": by} | form))


def field(page: str) -> str:
    """What stands in the field of the amount."""
    found = re.search(r'<input [^>]*name="amount"[^>]*value="([^"]*)"', page)
    assert found
    return found[1]


def budget_of(app: Flask, url: str) -> int | None:
    id = UUID(url.rpartition("/")[2])
    return next(it.budget_minor for it in rows(app, Campaign) if it.id == id)


def test_an_amount_moves_from_the_balance_and_the_page_says_so(app: Flask, brand: Browser) -> None:
    url = made(brand, balance=5_000)
    page = brand.get(url).text
    assert field(page) == ""
    assert "Your available balance: $50.00." in page
    reply = add(brand, url, "12,34")
    assert (reply.status_code, reply.location) == (303, url)
    page = brand.get(url).text
    assert "$12.34 is added: the budget is $112.34 now." in page
    assert "Money added: its budget rose" in page
    assert "$37.66" in page
    assert budget_of(app, url) == 11_234


def test_a_double_click_adds_once(app: Flask, brand: Browser) -> None:
    url, form_key, other = made(brand, balance=5_000), new_id(), brand.again()
    together(
        lambda: add(brand, url, "20", form_key=form_key),
        lambda: add(other, url, "20", form_key=form_key),
    )
    assert add(brand, url, "20", form_key=form_key).status_code == 303
    assert budget_of(app, url) == 12_000


def test_a_form_that_added_is_changed_and_sent_again_only_on_purpose(
    app: Flask, brand: Browser
) -> None:
    url, form_key = made(brand, balance=5_000), new_id()
    add(brand, url, "20", form_key=form_key)
    reply = add(brand, url, "10", form_key=form_key)
    assert reply.status_code == 422
    assert "This form has added another amount already." in reply.text
    assert field(reply.text) == "10"
    assert str(form_key) not in reply.text
    assert budget_of(app, url) == 12_000


BAD = ("", "0", "-1", "1e3", "1.005", "9" * 30, "50.01", "<b>")


@pytest.mark.parametrize("typed", BAD)
def test_what_cannot_be_added_is_said_beside_the_field_and_stays_typed(
    app: Flask, brand: Browser, typed: str
) -> None:
    url = made(brand, balance=5_000)
    reply = add(brand, url, typed)
    assert reply.status_code == 422
    assert 'id="f-amount-error"' in reply.text
    assert '<details class="fold" open>' in reply.text
    assert field(reply.text) == typed.replace("<", "&lt;").replace(">", "&gt;")
    assert budget_of(app, url) == 10_000


def test_a_card_is_asked_for_what_it_can_bring(brand: Browser) -> None:
    url = made(brand)
    for typed in ("0.99", "1000000"):
        reply = add(brand, url, typed, "card")
        assert reply.status_code == 422
        assert "at least $1.00, at most $999,999.99" in reply.text


def test_the_amount_is_in_the_campaigns_currency(app: Flask, brand: Browser) -> None:
    url = made(brand, currency="EUR")
    assert add(brand, url, "5", "card", currency="USD").status_code == 303
    deposit = rows(app, Deposit)[-1]
    assert (deposit.amount_minor, deposit.currency) == (500, "EUR")


@pytest.mark.parametrize("by", ["", "cash"])
def test_it_comes_from_the_balance_or_by_card(brand: Browser, by: str) -> None:
    assert add(brand, made(brand), "5", by).status_code == 422


def test_by_card_it_goes_on_to_one_payment_page_and_counts_once_it_is_paid(
    app: Flask, brand: Browser
) -> None:
    url, form_key = made(brand), new_id()
    assert "Add from my balance" not in brand.get(url).text
    replies = [add(brand, url, "15", "card", form_key=form_key) for _ in range(2)]
    deposit = rows(app, Deposit)[-1]
    assert {it.location for it in replies} == {f"/brand/deposits/{deposit.id}?onward=1"}
    assert budget_of(app, url) == 10_000
    page = brand.get(url).text
    assert "A payment page over $15.00 is open: what you pay there is added." in page
    assert f'href="/brand/deposits/{deposit.id}"' in page
    second = add(brand, url, "7", "card")
    assert second.status_code == 422
    assert "A checkout for this campaign is open already." in second.text
    with app.app_context():
        pay(locked(Deposit, deposit.id))
    assert budget_of(app, url) == 11_500
    assert "A payment page over" not in brand.get(url).text


def test_a_payment_after_the_end_is_in_the_balance(app: Flask, brand: Browser) -> None:
    url = made(brand)
    add(brand, url, "15", "card")
    with app.app_context():
        ending.close(locked(Campaign, UUID(url.rpartition("/")[2])), clock.now())
        db.session.commit()
        pay(locked(Deposit, rows(app, Deposit)[-1].id))
    assert budget_of(app, url) == 10_000
    assert "$115.00" in brand.get("/brand/money").text


@pytest.mark.parametrize("status", ["draft", "in_review", "awaiting_funds", "closed", "canceled"])
def test_only_an_open_campaign_shows_the_form_and_takes_it(brand: Browser, status: str) -> None:
    url = made(brand, status=status)
    assert f"{url}/add" not in brand.get(url).text
    for by in ("balance", "card"):
        assert add(brand, url, "5", by).location == url
        assert "This has moved on meanwhile" in brand.get(url).text


def test_another_brands_campaign_is_not_there(app: Flask, brand: Browser) -> None:
    url = made(brand)
    rival = brand_browser(app, "Halcyon Outdoors")
    for by in ("balance", "card"):
        assert add(rival, url, "5", by).status_code == 404
    assert add(brand, f"/brand/campaigns/{new_id()}", "5").status_code == 404


def test_a_checkout_from_before_it_opened_is_not_offered(app: Flask, brand: Browser) -> None:
    with brand.team() as team:
        campaign = make_campaign(team, status="open")
        make_deposit(team, campaign)
        url = f"/brand/campaigns/{campaign.id}"
    assert "A payment page over" not in brand.get(url).text
    assert add(brand, url, "5", "card").status_code == 303


def test_sales_that_lack_money_say_how_much_and_accrue_once_it_is_added(
    app: Flask, brand: Browser
) -> None:
    url = made(brand, balance=5_000, flat_fee_minor=None, budget_minor=1_000)
    with brand.team() as team:
        creator = make_creator()
        owner = f"campaign:{UUID(url.rpartition('/')[2]).hex}"
        shop = Selling(team, creator, make_storefront(team), sell_for(team, creator, owner=owner))
        tell(shop, order("100.00", "7", codes=(shop.code.code,)))
    sale = only(app, Sale)
    page = brand.get(url).text
    assert "the campaign lacks $5.44 for them" in page
    assert field(page) == "5.44"
    assert f'href="{url}#add"' in brand.get(f"/brand/sales/{sale.id}").text
    reply = add(brand, url, "51")
    assert field(reply.text) == "51", "what was typed stays"
    assert "the campaign lacks $5.44 for them" in reply.text
    add(brand, url, field(page))
    with app.app_context():
        assert orders.fund_next(clock.now())
        db.session.commit()
    assert only(app, Sale).status == "accrued"
    page = brand.get(url).text
    assert "lacks" not in page
    assert field(page) == ""
    assert "circle-plus" not in brand.get(f"/brand/sales/{sale.id}").text
