"""A campaign's way in Chromium: typed, reviewed, found; every page readable for everybody."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from marketplace.extensions import db
from marketplace.program.rules import Criteria
from tests.browsing import check, log_in
from tests.commissions.making import give, make_campaign_shop, order, tell
from tests.make import make_brand, make_campaign, make_creator, make_member, make_operator
from tests.web.test_pages_in_a_browser import LIGHT_PHONE, page

__all__ = ["page"]

pytestmark = pytest.mark.browser


def test_a_campaign_is_typed_reviewed_and_found(page: Page, app: Flask) -> None:
    with app.app_context():
        team, operator = make_brand(), make_operator()
        ines, newcomer = make_creator(), make_creator()
        make_member(ines.creator, followers=30_000)
        make_campaign(team, status="open", title="Within reach")
        make_campaign(
            team, status="open", title="Out of reach", criteria=Criteria(min_followers=60_000)
        )
        brand_mail, operator_mail = team.user.email, operator.email
        ines_mail, newcomer_mail = ines.user.email, newcomer.user.email
        db.session.remove()

    log_in(page, brand_mail)
    page.goto("/brand/campaigns/new")
    count = page.locator("#preview .num")
    expect(count).to_have_text("1")
    page.get_by_label("Followers, at least").press_sequentially("40000")
    expect(count).to_have_text("0")
    page.get_by_label("Followers, at least").fill("many")
    expect(page.locator("#preview")).to_contain_text("can be counted once")
    page.get_by_label("Followers, at least").fill("20000")
    expect(count).to_have_text("1")
    page.get_by_text("Food", exact=True).click()
    expect(count).to_have_text("0")
    page.get_by_text("Food", exact=True).click()
    page.get_by_label("Flat fee").fill("145.50")
    page.get_by_label("Places").fill("2")
    page.get_by_label("Budget").fill("300")
    expect(page.locator("#preview")).to_contain_text("$130.95")
    check(page)
    page.get_by_label("Title").fill("Slow mornings")
    page.get_by_label("Brief").fill("Show the kit in use.")
    page.get_by_label("Last day").fill("2099-12-31")
    page.get_by_role("button", name="Save and submit").click()
    expect(page.get_by_text("not more than ten years from now", exact=False)).to_be_visible()
    check(page)
    page.get_by_label("Last day").fill(page.get_by_label("First day").input_value())
    page.get_by_role("button", name="Save and submit").click()
    expect(page.get_by_role("heading", name="Next: we review it")).to_be_visible()
    check(page)

    log_in(page, operator_mail)
    page.goto("/operator/campaigns")
    check(page)
    page.get_by_role("link", name="Slow mornings").click()
    page.get_by_label("Ask for changes").check()
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_label("Why?")).to_be_focused()
    check(page)
    page.get_by_label("Approve").check()
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_contain_text("The brand can fund it now")
    check(page)

    log_in(page, ines_mail)
    page.goto("/creator/campaigns")
    expect(page.get_by_role("heading", name="Almost: what is missing")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Out of reach").click()
    expect(page.get_by_text("30,000 missing")).to_be_visible()
    check(page)

    log_in(page, newcomer_mail)
    page.goto("/creator/campaigns")
    expect(page.get_by_role("heading", name="First: the creator program")).to_be_visible()
    check(page)


@LIGHT_PHONE
def test_a_brand_adds_what_its_sales_lack(page: Page, app: Flask) -> None:
    with app.app_context():
        shop = make_campaign_shop(1_000)
        sale = tell(shop, order("100.00", codes=(shop.code.code,))).id
        give(shop.team, 5_000)
        mail = shop.team.user.email
        db.session.remove()

    log_in(page, mail)
    page.goto(f"/brand/sales/{sale}")
    check(page)
    page.get_by_role("link", name="Add money to the campaign").click()
    amount, add = page.get_by_label("Amount"), page.get_by_role("button", name="Add from my")
    expect(amount).to_have_value("5.44")
    amount.fill("5000")
    add.click()
    expect(amount).to_be_focused()
    expect(amount).to_have_value("5000")
    check(page)
    amount.fill("5.44")
    add.dblclick()
    expect(page.get_by_text("the budget is $15.44 now")).to_be_visible()
    expect(page.get_by_text("This has moved on")).to_have_count(0)
    page.get_by_role("heading", name="Add money").click()
    check(page)
