"""A statement and a payout in Chromium: on a phone in both languages, and on paper."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from marketplace import clock
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from tests.browsing import Look, check, check_width, in_full, log_in, opened
from tests.conftest import Web
from tests.make import earn, earn_matured, make_clawback, make_creator, make_payout

pytestmark = pytest.mark.browser

A4 = re.compile(rb"/MediaBox \[0 0 594\.9\d* 841\.9\d*\]")
PRINTED_PAGE = re.compile(rb"/Type /Page\b")
EVERYTHING = "/creator/statement?from=2026-01-01&to=2031-12-31"
LOOKS = [
    Look("dark", "phone", "fr"),
    *(in_full(Look("light", "phone")), in_full(Look("light", "desktop"))),
]


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look.theme}-{look.size}-{look.language}")
def page(browser: Browser, web: Web, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, request.param, web.url) as page:
        yield page


def indebted(app: Flask, locale: str) -> tuple[str, str]:
    """A creator with long amounts, a payout, a clawback that became debt; their payout's page."""
    with app.app_context():
        person = make_creator("ines-with-a-long-handle")
        person.user.locale = locale
        earn_matured(person.creator, "12345.67 USD", EarningKind.GIFT)
        payout = make_payout(person.creator, "1099.15 USD")
        first = db.session.query(Earning).order_by(Earning.id).limit(1).one()
        make_clawback(first, 1_000_001, at=clock.now())
        for minor in range(30):
            earn(person.creator, f"1{minor:02}.10 USD")
        told = person.user.email, f"/creator/payouts/{payout.id}"
        db.session.commit()
        db.session.remove()
    return told


def test_a_statement_and_a_payout_are_read_in_every_size_and_on_paper(
    app: Flask, page: Page, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    look: Look = request.node.callspec.params["page"]
    email, payout = indebted(app, look.language)
    log_in(page, email)
    folder = Path(os.environ.get("PICTURES", str(tmp_path)))
    for name, address in (("statement", EVERYTHING), ("payout", payout)):
        page.goto(address)
        check(page)
        page.screenshot(path=folder / f"{name}-{request.node.callspec.id}.png", full_page=True)
    page.goto(f"{EVERYTHING.partition('?')[0]}?from=2026-03-02&to=2026-03-01")
    check_width(page)
    page.goto(EVERYTHING)
    page.emulate_media(media="print")
    hidden = [".top", ".foot", "form", ".pager", ".btn"]
    assert [it for it in hidden if page.locator(it).first.is_visible()] == []
    page.screenshot(path=folder / f"printed-{look.size}.png")
    printed: Any = page.pdf(prefer_css_page_size=True, path=folder / f"{name}-{look.size}.pdf")
    assert A4.search(printed)
    assert len(PRINTED_PAGE.findall(printed)) > 1
