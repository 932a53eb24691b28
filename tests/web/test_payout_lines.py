"""The lines of a payout on its pages: each leads to its earning, and each earning back."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from marketplace import clock
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.payouts import payout as payouts
from marketplace.payouts.payout import Payout
from marketplace.web import payout_lines
from tests.make import earn_matured, make_creator, make_payout
from tests.web.browsers import Browser, creator_browser
from tests.web.operating import Operating, operating
from tests.within import locked

__all__ = ["operating"]


@pytest.fixture
def creator(app: Flask) -> Browser:
    return creator_browser(app)


def test_a_payout_lists_what_it_pays_and_each_line_leads_to_its_earning_and_back(
    app: Flask, creator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with creator.creator() as person:
        earn_matured(person, "60.00 USD", EarningKind.GIFT)
        address = f"/creator/payouts/{make_payout(person, '70.00 USD').id}"
    page = creator.get(address).text
    told = re.findall(r'<a class="main" href="(/creator/transactions/[^"]+)">([^<]+)</a>', page)
    assert [what for _, what in told] == ["Live gifts", "Creator fund"]
    assert "The payout is the sum of these lines" in page
    for line, _ in told:
        assert f'href="{address}"' in creator.get(line).text, "the line names its payout"
    with app.app_context():
        earning = db.session.query(Earning).filter_by(kind="gift").one()
    accrued = creator.get(f"/creator/earnings/{earning.id}").location
    assert f'href="{address}"' in creator.get(accrued).text, "and so does the earning itself"

    monkeypatch.setattr(payout_lines, "SHOWN", 1)
    first = creator.get(address).text
    assert "Live gifts" in first
    assert "Creator fund" not in first
    assert f"{address}?after=1#lines" in first
    assert "Creator fund" in creator.get(f"{address}?after=1").text
    for odd in ("x", "-1", "", "9" * 30):
        assert creator.get(f"{address}?after={odd}").status_code == 400


def test_a_payout_that_was_called_off_leads_to_the_one_that_paid_in_the_end(
    creator: Browser,
) -> None:
    with creator.creator() as person:
        first = make_payout(person)
        payouts.cancel(locked(Payout, first.id), "user:1", "asked for", clock.now())
        db.session.commit()
        second = make_payout(person, "20.00 USD")
        earning = db.session.query(Earning).order_by(Earning.id).limit(1).one()
        both = [f"/creator/payouts/{it.id}" for it in (first, second)]
        accrued = f"/creator/earnings/{earning.id}"
    page = creator.get(creator.get(accrued).location).text
    assert [f'href="{it}"' in page for it in both] == [True, True]
    assert "Payout given up" in creator.get(both[1]).text


def test_an_operator_reads_the_lines_too(operating: Operating) -> None:
    payout = operating.within(lambda: make_payout(make_creator("ines").creator))
    page = operating.see(f"/operator/payouts/{payout.id}")
    assert "What it pays" in page
    (line,) = re.findall(r'href="(/operator/ledger/transactions/[^"]+)">Creator fund<', page)
    assert "earning" in operating.see(line)
