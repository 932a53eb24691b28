"""What creators read when an earning is undone: why, of which earning, and how debt is repaid."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import clock
from marketplace.earnings.clawback import Clawback
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import leaving, settling
from marketplace.payouts import payout as payouts
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.processors.base import Snapshot
from marketplace.web import clawbacks as words
from marketplace.web.creator_words import KIND_ICONS, KINDS
from tests.make import earn, earn_matured, make_clawback, make_payout
from tests.web.browsers import Browser, creator_browser, only
from tests.within import locked


@pytest.fixture
def creator(app: Flask) -> Browser:
    return creator_browser(app, "ines")


@pytest.fixture
def rival(app: Flask) -> Browser:
    return creator_browser(app)


def arrive(payout: Payout, at: datetime) -> None:
    mine = locked(Payout, payout.id)
    assert leaving.may_send(mine, at)
    account = db.session.get_one(Destination, mine.destination_id).remote_account
    told = Snapshot(
        "transfer", f"tr_{mine.id.hex}", mine.id.hex, "paid", False, mine.amount, account=account
    )
    settling.paid(mine, told, at)
    db.session.commit()


def in_debt(person: Creator) -> None:
    """Paid 200.00, of which 120.00 were undone afterwards."""
    payout = make_payout(person, "200.00 USD")
    arrive(payout, payout.created_at)
    earning = db.session.query(Earning).filter_by(creator_id=person.id).one()
    make_clawback(earning, 8_000, at=payout.created_at + timedelta(minutes=1))


def file(creator: Browser, month: str = "") -> list[dict[str, str]]:
    reply = creator.get("/creator/statement.csv", query_string={"month": month})
    return list(csv.DictReader(io.StringIO(reply.text)))


def adds_up(lines: list[dict[str, str]]) -> bool:
    """Do opening and lines sum to closing, and each line to the balance then?"""
    owed = Decimal(lines[0]["balance"])
    for line in lines[1:-1]:
        part = {name: Decimal(line[name] or 0) for name in ("net", "debt", "paid_out")}
        owed += part["net"] + part["debt"] - part["paid_out"]
        if Decimal(line["balance"]) != owed:
            return False
    return owed == Decimal(lines[-1]["balance"])


# --- The earnings page


def test_every_kind_of_income_has_a_word_and_a_picture() -> None:
    assert set(KINDS) == set(KIND_ICONS) == set(EarningKind)


def test_a_reversed_earning_stays_with_the_reason_and_a_link_to_it(
    app: Flask, creator: Browser
) -> None:
    with creator.creator() as person:
        earn(person, "40.00 USD")
        make_clawback(db.session.query(Earning).one())
    page = creator.get("/creator").text
    for said in ("Reversed", "Clawed back: Creator fund", "The order was refunded", "$40.00"):
        assert said in page
    assert f"/creator/earnings/{only(app, Earning).id}" in page
    assert "you keep $0.00" in page
    assert not re.search(r"[-−–][$€£]", page), "an arrow, never a sign"


def test_a_part_that_is_taken_back_leaves_what_is_kept(creator: Browser) -> None:
    with creator.creator() as person:
        earn(person, "40.00 USD")
        make_clawback(db.session.query(Earning).one(), 2_500)
    page = creator.get("/creator").text
    assert "you keep $25.00" in page
    assert "$25.00 becomes available on" in page


def test_a_debt_is_shown_with_its_rule_and_what_the_next_payout_repays(creator: Browser) -> None:
    with creator.creator() as person:
        in_debt(person)
        earn_matured(person, "200.00 USD")
    page = creator.get("/creator").text
    assert "Your debt: $120.00" in page
    assert "At most 25% of each payout repays it." in page
    assert "$150.00 leaves then." in page
    assert "$50.00 more of the balance repays your debt." in page
    assert "$70.00 would be left" in page
    payouts_page = creator.get("/creator/payouts").text
    assert "Your debt: $120.00" in payouts_page
    assert "At most 25% of each payout repays it." in payouts_page


def test_a_payout_says_what_it_took_what_it_repaid_and_what_it_paid(creator: Browser) -> None:
    with creator.creator() as person:
        in_debt(person)
        payout = make_payout(person, "200.00 USD")
        address = f"/creator/payouts/{payout.id}"
    page = creator.get(address).text
    for said in ("Taken from your balance", "$200.00", "$50.00", "Paid to you", "$150.00"):
        assert said in page
    assert "$50.00 more repaid your debt" in creator.get("/creator/payouts").text


# --- The trace


def test_a_clawback_leads_to_its_cause_and_the_earning_to_its_clawbacks(
    app: Flask, creator: Browser, rival: Browser
) -> None:
    with creator.creator() as person:
        in_debt(person)
    clawback, earning = only(app, Clawback), only(app, Earning)
    reply = creator.get(f"/creator/clawbacks/{clawback.id}")
    assert reply.status_code == 303
    page = creator.get(reply.location).text
    for said in (
        "Clawed back: $120.00",
        "The order was refunded",
        clawback.source_ref,
        "$120.00 of it was paid out already and became debt.",
        "Your debt",
        "You keep",
        "Became available",
    ):
        assert said in page
    accrued = creator.get(f"/creator/earnings/{earning.id}")
    assert "Clawed back: $120.00" in creator.get(accrued.location).text
    assert rival.get(f"/creator/clawbacks/{clawback.id}").status_code == 404
    assert rival.get(reply.location).status_code == 404


def test_why_words_are_said_and_others_are_as_written(app: Flask) -> None:
    with app.test_request_context():
        assert words.reason("order_canceled") == "The order was canceled"
        assert words.reason("Shipped <b>back</b>") == "Shipped <b>back</b>"


# --- The statement


def test_a_statement_with_clawbacks_debt_and_an_instalment_adds_up_to_the_cent(
    creator: Browser,
) -> None:
    with creator.creator() as person:
        in_debt(person)
        earn(person, "33.33 USD")
        newest = db.session.query(Earning).order_by(Earning.id.desc()).limit(1).one()
        make_clawback(newest, 1_111, reason="fraud")
        payout = make_payout(person, "200.00 USD")
        at = payout.created_at
    clock_ahead(creator, at - clock.now() + timedelta(minutes=1))
    seen: list[dict[str, str]] = []
    months = sorted({f"{clock.wall_now():%Y-%m}", f"{at:%Y-%m}"})
    for month in months:
        lines = file(creator, month)
        assert adds_up(lines)
        seen += lines
        page = creator.get("/creator/statement", query_string={"month": month}).text
        assert not re.search(r"[-−–][$€£]", page)
    by_what = {line["what"]: line for line in seen}
    undone = by_what["Clawed back: Creator fund (The order was refunded)"]
    assert (undone["gross"], undone["net"], undone["debt"]) == ("-120.00", "-120.00", "120.00")
    partly = by_what["Clawed back: Creator fund (It was not a real sale)"]
    assert (partly["net"], partly["debt"]) == ("-22.22", "")
    # 11.11 matured together with the 200.00: a quarter of 211.11 is 52.7775.
    assert by_what["Debt repaid from a payout"]["debt"] == "-52.78"
    page = creator.get("/creator/statement", query_string={"month": months[-1]}).text
    assert "Debt repaid" in page
    assert "At most 25% of each payout repays it." in page
    assert "$67.22" in page, "the debt at the end"


def test_an_instalment_that_was_not_paid_comes_back_as_a_line(creator: Browser) -> None:
    with creator.creator() as person:
        in_debt(person)
        payout = make_payout(person, "200.00 USD")
        at = payout.created_at
        payouts.cancel(locked(Payout, payout.id), "user:1", "asked for", at)
        db.session.commit()
    clock_ahead(creator, at - clock.now() + timedelta(minutes=1))
    lines = file(creator, f"{at:%Y-%m}")
    assert adds_up(lines)
    debts = {line["what"]: line["debt"] for line in lines}
    assert debts["Debt repaid from a payout"] == "-50.00"
    assert debts["Debt back: no payout"] == "50.00"


def clock_ahead(browser: Browser, offset: timedelta) -> None:
    """Run the demo clock ahead, for the pages too."""
    with browser.app.app_context():
        db.session.execute(
            text("INSERT INTO demo_clock (id, offset_s, wanted_offset_s) VALUES (1, :s, :s)"),
            {"s": round(offset.total_seconds())},
        )
        db.session.commit()
