"""A brand's money at its browser: paying in, where it is, the books behind it, giving it back."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import clock
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.funding.refund import Refund
from marketplace.money import Money
from marketplace.processors.base import Snapshot
from tests.make import fill_pool, make_campaign, pay
from tests.web.browsers import Browser, brand_browser, only, rows, together
from tests.within import locked

HOSTED = "http://127.0.0.1:9/checkout/cs_1"


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


@pytest.fixture
def rival(app: Flask) -> Browser:
    return brand_browser(app, "Halcyon Outdoors")


def campaign_of(brand: Browser, status: str = "awaiting_funds", places: int = 3) -> str:
    """The address of a campaign; one that is not a draft costs 100.00 USD per place."""
    with brand.team() as team:
        return f"/brand/campaigns/{make_campaign(team, status=status, places=places).id}"


def asked(brand: Browser) -> str:
    """The address of a deposit that was just asked for."""
    reply = brand.post(f"{campaign_of(brand)}/top-up", form_key=new_id())
    assert reply.status_code == 303
    return reply.location


def opened(app: Flask) -> None:
    """The processor made the hosted page of the one deposit."""
    with app.app_context():
        deposit = locked(Deposit, db.session.query(Deposit.id).scalar())
        session = Snapshot(
            "checkout", "cs_1", deposit.id.hex, "open", False, deposit.amount, url=HOSTED
        )
        deposits.opened(deposit, session, clock.now())
        db.session.commit()


def plain(url: str) -> str:
    return url.partition("?")[0]


# --- Paying in


def test_a_top_up_waits_for_the_payment_page_and_goes_on_to_it(app: Flask, brand: Browser) -> None:
    url = asked(brand)
    deposit = only(app, Deposit)
    assert plain(url) == f"/brand/deposits/{deposit.id}"
    assert (deposit.amount_minor, deposit.status) == (30_000, DepositStatus.CREATED)
    waiting = brand.get(url)
    assert waiting.status_code == 200
    assert 'http-equiv="refresh"' in waiting.text

    opened(app)
    reply = brand.get(url)
    assert (reply.status_code, reply.location) == (303, HOSTED)
    script = brand.get(url, headers={"HX-Request": "true"})
    assert script.headers["HX-Redirect"] == HOSTED


def test_who_opens_an_unpaid_top_up_later_finds_a_link(app: Flask, brand: Browser) -> None:
    url = plain(asked(brand))
    opened(app)
    page = brand.get(url)
    assert page.status_code == 200
    assert f'href="{HOSTED}"' in page.text
    assert 'http-equiv="refresh"' not in page.text


def test_who_left_the_payment_page_can_go_back_to_it(app: Flask, brand: Browser) -> None:
    url = plain(asked(brand))
    opened(app)
    page = brand.get(f"{url}?returned=left").text
    assert "You left the payment page, and nothing was charged." in page
    assert f'href="{HOSTED}"' in page
    assert "continue" in brand.get(f"/brand/campaigns/{only(app, Campaign).id}").text.lower()


def test_who_comes_back_late_is_asked_about_soon(app: Flask, brand: Browser) -> None:
    url = plain(asked(brand)) + "?returned=paid"
    opened(app)
    with app.app_context():
        deposit = db.session.query(Deposit).one()
        deposit.checks, deposit.next_check_at = 9, clock.now() + timedelta(hours=1)
        db.session.commit()

    brand.get(url)

    assert only(app, Deposit).is_checked_soon(clock.now())


def test_who_paid_waits_until_the_processor_has_confirmed(app: Flask, brand: Browser) -> None:
    url = plain(asked(brand)) + "?returned=paid"
    opened(app)
    page = brand.get(url).text
    assert 'http-equiv="refresh"' in page
    assert "It counts once it did." in page

    with app.app_context():
        pay(db.session.query(Deposit).one())
    page = brand.get(url).text
    campaign = only(app, Campaign)
    assert "is open to creators" in page
    assert f"/brand/campaigns/{campaign.id}" in page
    assert 'http-equiv="refresh"' not in page
    assert campaign.status == CampaignStatus.OPEN
    assert brand.get(url, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_a_refused_top_up_says_why_and_what_next(app: Flask, brand: Browser) -> None:
    url = asked(brand)
    with app.app_context():
        deposit = locked(Deposit, only(app, Deposit).id)
        deposits.rejected(deposit, "<i>amount_too_odd</i>", clock.now())
        db.session.commit()
    page = brand.get(url).text
    assert "&lt;i&gt;amount_too_odd" in page
    assert "To the campaign" in page
    assert 'http-equiv="refresh"' not in page


def test_an_expired_top_up_can_be_begun_anew(app: Flask, brand: Browser) -> None:
    url = asked(brand)
    opened(app)
    with app.app_context():
        deposits.expired(locked(Deposit, only(app, Deposit).id), clock.now())
        db.session.commit()
    page = brand.get(url).text
    assert "You can begin anew." in page
    assert "by card" in brand.get(f"/brand/campaigns/{only(app, Campaign).id}").text


def test_a_second_window_leads_to_the_checkout_that_is_open(app: Flask, brand: Browser) -> None:
    url = campaign_of(brand)
    first = brand.post(f"{url}/top-up", form_key=new_id())
    second = brand.post(f"{url}/top-up", form_key=new_id())
    assert first.location == second.location
    assert only(app, Deposit)


def test_two_clicks_at_one_moment_make_one_deposit(app: Flask, brand: Browser) -> None:
    url, form_key, other = campaign_of(brand), new_id(), brand.again()
    replies = together(
        lambda: brand.post(f"{url}/top-up", form_key=form_key),
        lambda: other.post(f"{url}/top-up", form_key=form_key),
    )
    deposit = only(app, Deposit)
    assert {plain(reply.location) for reply in replies} == {f"/brand/deposits/{deposit.id}"}


@pytest.mark.parametrize("form_key", ["", "again"])
def test_a_top_up_needs_its_form(app: Flask, brand: Browser, form_key: str) -> None:
    url = campaign_of(brand)
    assert brand.post(f"{url}/top-up", form_key=form_key).location == url
    assert "Load the page again." in brand.get(url).text
    assert rows(app, Deposit) == []


def test_a_draft_cannot_be_topped_up(app: Flask, brand: Browser) -> None:
    url = campaign_of(brand, "draft")
    assert brand.post(f"{url}/top-up", form_key=new_id()).location == url
    assert "moved on meanwhile" in brand.get(url).text
    assert rows(app, Deposit) == []


# --- From the balance


def test_a_balance_that_covers_it_funds_a_campaign(app: Flask, brand: Browser) -> None:
    campaign_of(brand, "closed")
    url = campaign_of(brand)
    assert "Use my balance" in brand.get(url).text
    assert brand.post(f"{url}/fund").location == url
    page = brand.get(url).text
    assert "Funded from your balance" in page
    assert "Use my balance" not in page
    brand.post(f"{url}/fund")
    assert "moved on meanwhile" not in brand.get(url).text, "a second click does no harm"


def test_a_balance_that_does_not_cover_it_changes_nothing(app: Flask, brand: Browser) -> None:
    campaign_of(brand, "closed", places=1)
    url = campaign_of(brand)
    page = brand.get(url).text
    assert "Your balance of $100.00 does not cover it." in page
    assert "Use my balance" not in page
    brand.post(f"{url}/fund")
    assert "There is not enough money for this" in brand.get(url).text
    assert rows(app, Campaign)[-1].status == CampaignStatus.AWAITING_FUNDS


# --- Where it is


def test_a_brand_without_money_is_told_how_it_comes_in(brand: Browser) -> None:
    page = brand.get("/brand/money").text
    assert "No money yet" in page
    assert "$0.00" in page


def test_the_money_page_says_what_is_available_reserved_and_paid_in(brand: Browser) -> None:
    campaign_of(brand, "closed", places=1)
    campaign_of(brand, "open")
    page = brand.get("/brand/money").text
    assert page.index("$100.00") < page.index("$300.00"), "available first, then reserved"
    assert page.count("Top-up received") == 2
    assert "Given back" in page
    assert "-$" not in page
    assert "−$" not in page


def test_an_account_shows_its_balance_after_each_line_and_pages_backwards(brand: Browser) -> None:
    for _ in range(18):
        campaign_of(brand, "closed", places=1)
    first = brand.get("/brand/money/available/USD").text
    assert first.count("<tr>") == 51
    assert "$1,800.00" in first
    older = re.search(r'href="(/brand/money/available/USD\?before=[0-9a-f]+)"', first)
    assert older
    second = brand.get(older[1]).text
    assert second.count("<tr>") == 18 * 3 - 50 + 1
    assert "$0.00" in second, "the oldest lines"


def test_an_account_that_the_brand_does_not_have_is_not_there(brand: Browser) -> None:
    campaign_of(brand, "open")
    for path in ("available/EUR", "refunds/USD", "reserved/USD", "available/usd"):
        assert brand.get(f"/brand/money/{path}").status_code == 404, path
    assert brand.get("/brand/money/available/USD?before=x").status_code == 400
    assert brand.get(f"/brand/money/available/USD?before={UUID(int=0)}").status_code == 200


def test_each_line_leads_to_its_debits_credits_and_cause(brand: Browser) -> None:
    campaign_of(brand, "open")
    lines = re.findall(r"/brand/transactions/[0-9a-f-]+", brand.get("/brand/money").text)
    reserved, received = (brand.get(line).text for line in lines)
    assert "Your available balance" in reserved
    assert "Reserved for: Slow mornings" in reserved
    assert "more than before" in reserved
    assert "less than before" in reserved
    assert reserved.count("$300.00") >= 2
    assert "The marketplace&#39;s account at the processor" in received
    assert re.search(r"ch_[0-9a-f]{32}", received), "the charge"
    assert "Processor fee" not in received, "another line, and not the brand's"


def test_the_transactions_of_others_do_not_exist(
    app: Flask, brand: Browser, rival: Browser
) -> None:
    campaign_of(brand, "open")
    with app.app_context():
        found = db.session.execute(text("SELECT kind, id FROM ledger.transaction"))
        known = {kind: id for kind, id in found}
    assert set(known) == {"deposit_received", "campaign_reserved", "processor_fee_charged"}
    for kind, id in known.items():
        mine = 404 if kind == "processor_fee_charged" else 200
        assert brand.get(f"/brand/transactions/{id}").status_code == mine, kind
        assert rival.get(f"/brand/transactions/{id}").status_code == 404, kind
    assert brand.get(f"/brand/transactions/{new_id()}").status_code == 404


# --- Giving it back


def paid_back(app: Flask, brand: Browser) -> str:
    """The refund page of a deposit of 300.00 that the brand has in its balance again."""
    campaign_of(brand, "closed")
    return f"/brand/deposits/{only(app, Deposit).id}/refund"


def test_the_refund_page_says_how_much_can_go_back(app: Flask, brand: Browser) -> None:
    url = paid_back(app, brand)
    page = brand.get(url).text
    assert 'value="300.00"' in page
    assert "Can go back now" in page
    assert f'href="{url}"' in brand.get(url.removesuffix("/refund")).text


def test_a_part_goes_back_and_the_pages_show_it(app: Flask, brand: Browser) -> None:
    url = paid_back(app, brand)
    reply = brand.post(url, form_key=new_id(), currency="USD", amount="120,50")
    assert reply.location == url.removesuffix("/refund")
    page = brand.get(reply.location).text
    assert "$120.50 is on its way back to the card." in page
    assert "Waits for the processor to confirm it." in page
    assert only(app, Refund).amount_minor == 12_050
    money = brand.get("/brand/money").text
    assert "$179.50" in money
    assert "On its way back" in money
    assert "Refund set aside" in money


def test_a_refund_that_cannot_be_is_refused_beside_what_was_typed(
    app: Flask, brand: Browser
) -> None:
    url = paid_back(app, brand)
    for amount in ("300.01", "0", "-1", "all", "", "1" * 39, "1.001"):
        reply = brand.post(url, form_key=new_id(), currency="USD", amount=amount)
        assert reply.status_code == 422, amount
        assert f'value="{amount}"' in reply.text
        assert 'id="f-amount-error"' in reply.text
    assert rows(app, Refund) == []


def test_a_refund_is_in_the_currency_of_its_deposit(app: Flask, brand: Browser) -> None:
    url = paid_back(app, brand)
    for currency in ("EUR", "JPY", "", "dollars", "usd"):
        reply = brand.post(url, form_key=new_id(), currency=currency, amount="100")
        assert reply.status_code == 422, currency
    assert rows(app, Refund) == []


def test_what_is_reserved_cannot_go_back(app: Flask, brand: Browser) -> None:
    campaign_of(brand, "open")
    url = f"/brand/deposits/{only(app, Deposit).id}/refund"
    assert "Nothing can go back now" in brand.get(url).text
    reply = brand.post(url, form_key=new_id(), currency="USD", amount="10")
    assert reply.status_code == 422
    assert "More than is available" in reply.text
    assert rows(app, Refund) == []


def test_one_refund_form_sent_twice_makes_one_refund(app: Flask, brand: Browser) -> None:
    url, wish = paid_back(app, brand), {"form_key": new_id(), "currency": "USD", "amount": "200"}
    assert brand.post(url, **wish).location == brand.post(url, **wish).location
    assert only(app, Refund)


def test_two_clicks_at_one_moment_make_one_refund(app: Flask, brand: Browser) -> None:
    url, wish = paid_back(app, brand), {"form_key": new_id(), "currency": "USD", "amount": "100"}
    other = brand.again()
    replies = together(lambda: brand.post(url, **wish), lambda: other.post(url, **wish))
    assert {reply.status_code for reply in replies} == {303}
    assert only(app, Refund)


def test_a_refund_that_bounced_says_so(app: Flask, brand: Browser) -> None:
    url = paid_back(app, brand)
    brand.post(url, form_key=new_id(), currency="USD", amount="300")
    with app.app_context():
        refunds.failed(locked(Refund, only(app, Refund).id), "the card is closed", clock.now())
        db.session.commit()
    page = brand.get("/brand/money").text
    assert "Failed" in page
    assert "the card is closed" in page
    assert "Refund given up" in page


# --- Whose


def test_the_deposits_of_others_do_not_exist(app: Flask, brand: Browser, rival: Browser) -> None:
    url = paid_back(app, brand)
    for path in (url, url.removesuffix("/refund"), f"/brand/deposits/{new_id()}"):
        assert rival.get(path).status_code == 404
    wish = {"form_key": new_id(), "currency": "USD", "amount": "100"}
    assert rival.post(url, **wish).status_code == 404
    assert rows(app, Refund) == []
    assert "No top-up yet" in rival.get("/brand/deposits").text
    assert "$300.00" in brand.get("/brand/deposits").text


def test_the_deposit_of_a_pool_is_no_brands(app: Flask, brand: Browser) -> None:
    with app.app_context():
        id = fill_pool(EarningKind.FUND, Money(10_000, "USD")).id
    assert brand.get(f"/brand/deposits/{id}").status_code == 404
