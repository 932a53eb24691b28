"""What a creator is owed at their browser: why it is not paid, and every line back to its cause."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, template_rendered
from jinja2 import Template
from sqlalchemy import text

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import explain, leaving, refusal, settling
from marketplace.payouts.payout import Payout
from marketplace.payouts.threshold import adopt
from marketplace.processors.base import Snapshot
from marketplace.web.statement_file import neutral
from tests.make import (
    earn,
    earn_matured,
    fill_pool,
    import_rows,
    make_destination,
    make_payout,
)
from tests.web.browsers import Browser, creator_browser, only
from tests.within import locked


@pytest.fixture
def creator(app: Flask) -> Browser:
    return creator_browser(app, "ines")


@pytest.fixture
def rival(app: Flask) -> Browser:
    return creator_browser(app)


def paid(creator: Browser, amount: str = "150.00 USD") -> None:
    """A payout that arrived."""
    with creator.creator() as person:
        made = make_payout(person, amount)
        at, mine = made.created_at, locked(Payout, made.id)
        assert leaving.may_send(mine, at)
        account = f"acct_{mine.destination_id.hex}"
        transfer = Snapshot(
            "transfer", "tr_1", mine.id.hex, "paid", False, amount=mine.amount, account=account
        )
        settling.paid(mine, transfer, at)
        db.session.commit()


# --- The page


def test_a_new_creator_learns_what_will_show_here_and_what_to_do_now(creator: Browser) -> None:
    page = creator.get("/creator").text
    assert "Nothing earned yet" in page
    assert "There is no destination yet" in page
    assert "Choose a destination" in page
    assert "$0.00" in page
    assert "$100.00" in page, "the threshold"


def test_pending_money_is_shown_with_the_day_on_which_it_matures(creator: Browser) -> None:
    with creator.creator() as person:
        earn(person, "71.25 USD")
    page = creator.get("/creator").text
    assert "Nothing is available yet" in page
    assert "$71.25 becomes available on" in page
    assert "Pending until" in page
    assert "Creator fund" in page


@pytest.mark.parametrize(
    ("amount", "missing"), [("99.99 USD", "$0.01"), ("80.00 EUR", "€6.00"), ("1.00 GBP", "£74.00")]
)
def test_what_is_missing_to_the_threshold_is_said_to_the_cent(
    creator: Browser, amount: str, missing: str
) -> None:
    with creator.creator() as person:
        earn_matured(person, amount)
        make_destination(person)
    page = creator.get("/creator").text
    assert f"{missing} missing to the threshold" in page
    assert "Waits for further earnings" in page


def test_what_reached_the_threshold_leaves_with_the_next_run(creator: Browser) -> None:
    with creator.creator() as person:
        earn_matured(person, "100.00 USD")
        make_destination(person)
    page = creator.get("/creator").text
    assert "Nothing stands in the way" in page
    assert "$100.00 leaves then." in page
    assert "Why am I not paid yet?" not in page


def test_money_on_its_way_is_shown_apart(creator: Browser) -> None:
    with creator.creator() as person:
        make_payout(person)
    page = creator.get("/creator").text
    assert "$150.00 is on its way" in page
    assert "Waits for the processor: one payout at a time." in page


def test_each_currency_has_its_own_balance_and_reasons(creator: Browser) -> None:
    with creator.creator() as person:
        earn_matured(person, "50.00 USD")
        earn_matured(person, "20.00 EUR", EarningKind.GIFT)
    page = creator.get("/creator").text
    assert page.count("Available balance") == 2
    assert "$50.00 missing" in page
    assert "€66.00 missing" in page


def test_the_chart_has_a_table_with_the_same_figures(creator: Browser) -> None:
    with creator.creator() as person:
        earn_matured(person, "50.00 USD")
        earn(person, "7.50 USD")
    page = creator.get("/creator").text
    assert page.count('class="bar-available"') == 1
    assert page.count('class="bar-pending"') == 1
    figures = page.partition('<details class="figures">')[2].partition("</details>")[0]
    assert "$50.00" in figures
    assert "$7.50" in figures
    assert figures.count("<tr>") == 7, "a heading and six months"


def test_the_page_shows_no_sign_and_no_word_that_misleads(creator: Browser) -> None:
    paid(creator)
    for path in ("/creator", "/creator/statement", "/creator/payouts"):
        page = creator.get(path).text
        assert not re.search(r"[-−–][$€£]", page)
        assert "escrow" not in page.lower()


@pytest.mark.parametrize(
    ("amount", "threshold", "shown", "missing"),
    [
        ("9000 JPY", Money(15_000, "JPY"), "¥15,000", "¥6,000"),
        ("12.500 KWD", Money(30_000, "KWD"), "KWD\xa030.000", "KWD\xa017.500"),
        ("1000 ISK", Money(12_000, "ISK"), "ISK\xa012,000", "ISK\xa011,000"),
        ("12345.67 HUF", Money(3_300_000, "HUF"), "HUF\xa033,000.00", "HUF\xa020,654.33"),
        ("100000 UGX", Money(350_000, "UGX"), "UGX\xa0350,000", "UGX\xa0250,000"),
    ],
)
def test_the_threshold_is_shown_in_local_money_with_its_own_decimals(
    creator: Browser, amount: str, threshold: Money, shown: str, missing: str
) -> None:
    with creator.creator() as person:
        adopt(threshold, clock.now().date(), "user:1", clock.now())
        db.session.commit()
        earn_matured(person, amount)
        make_destination(person)
    page = creator.get("/creator").text
    assert f"{missing} missing to the threshold" in page
    assert shown in page
    (told,) = creator.get("/creator/why.json").json or []
    assert told["threshold"] == {"minor": threshold.minor, "currency": threshold.currency}


# --- why.json


def _short(person: Creator) -> None:
    earn_matured(person, "50.00 USD")
    earn(person, "70.00 USD")
    earn_matured(person, "5.00 EUR")


def _under_way(person: Creator) -> None:
    make_payout(person)
    earn_matured(person, "20.00 USD")


def _held(person: Creator) -> None:
    mine, at = locked(Payout, make_payout(person).id), clock.now()
    assert leaving.may_send(mine, at)
    refusal.refused(mine, "balance_insufficient", "not enough", at)
    db.session.commit()


def _payable(person: Creator) -> None:
    earn_matured(person, "100.00 USD")
    make_destination(person)


@pytest.mark.parametrize("become", [lambda _: None, _short, _under_way, _held, _payable])
def test_the_page_is_made_of_the_very_decisions_that_why_json_tells(
    app: Flask, creator: Browser, become: Callable[[Creator], None]
) -> None:
    with creator.creator() as person:
        become(person)
    shown: list[dict[str, Any]] = []

    def keep(_: Flask, template: Template, context: dict[str, Any], **more: object) -> None:
        shown.append(context)

    with template_rendered.connected_to(keep, app):
        page = creator.get("/creator").text
    told = creator.get("/creator/why.json").json
    decisions = [account.decision for account in shown[-1]["accounts"]]
    assert [explain.as_json(it) for it in decisions] == told
    reasons = re.findall(r'<ol class="steps why">(.*?)</ol>', page, re.DOTALL)
    # One line for each blocker; "nothing stands in the way" if there is none.
    assert [it.count("<li class=") for it in reasons] == [len(it["blockers"]) or 1 for it in told]


def test_why_json_is_the_decision_of_the_gate_itself(app: Flask, creator: Browser) -> None:
    with creator.creator() as person:
        earn_matured(person, "50.00 USD")
        earn(person, "70.00 USD")
        earn(person, "5.00 EUR")
    told = creator.get("/creator/why.json")
    assert told.mimetype == "application/json"
    with creator.creator() as person:
        decisions = explain.decisions_for(person, clock.now())
        assert told.json == [explain.as_json(decision) for decision in decisions]
    reasons = [[blocker["reason"] for blocker in each["blockers"]] for each in told.json]
    assert reasons == [
        ["nothing_available", "no_destination"],
        ["below_threshold", "no_destination"],
    ]
    page = creator.get("/creator").text
    for decision in decisions:
        if decision.missing():
            assert "$50.00 missing to the threshold of $100.00" in page


# --- The statement


def test_a_statement_adds_up(creator: Browser) -> None:
    with creator.creator() as person:
        earn(person, "30.50 USD", EarningKind.GIFT)
        earn_matured(person, "120.00 USD")
    lines = read_csv(creator)
    assert [line["what"] for line in lines] == ["opening", "Live gifts", "Creator fund", "closing"]
    assert [line["source"] for line in lines] == ["", "gift", "fund", ""]
    for line in lines[1:-1]:
        gross, fee, net = (Decimal(line[name]) for name in ("gross", "platform_fee", "net"))
        assert gross == fee + net
    assert (lines[0]["balance"], lines[-1]["balance"]) == ("0.00", "150.50")
    page = creator.get("/creator/statement").text
    assert "$150.50" in page
    assert "Sum of the period" in page


def test_a_payout_is_a_line_with_its_transfer(creator: Browser) -> None:
    paid(creator)
    with creator.creator() as person:
        at = db.session.query(Payout).filter_by(creator_id=person.id).one().status_at
    clock_ahead(creator, at - clock.now() + timedelta(minutes=1))
    month = f"{at:%Y-%m}"
    (line,) = [each for each in read_csv(creator, month) if each["what"] == "Paid out"]
    assert (line["paid_out"], line["net"], line["reference"]) == ("150.00", "", "tr_1")
    assert read_csv(creator, month)[-1]["balance"] == "0.00"


def clock_ahead(browser: Browser, offset: timedelta) -> None:
    """Run the demo clock ahead, for the pages too."""
    with browser.app.app_context():
        db.session.execute(
            text("INSERT INTO demo_clock (id, offset_s, wanted_offset_s) VALUES (1, :s, :s)"),
            {"s": round(offset.total_seconds())},
        )
        db.session.commit()


def read_csv(creator: Browser, month: str = "") -> list[dict[str, str]]:
    reply = creator.get("/creator/statement.csv", query_string={"month": month})
    assert reply.status_code == 200
    assert reply.mimetype == "text/csv"
    assert "attachment" in reply.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(reply.text)))


def test_a_reference_that_looks_like_a_formula_is_none_in_the_file(creator: Browser) -> None:
    with creator.creator():
        fill_pool(EarningKind.FUND, Money(10_000, "USD"))
        day = clock.now().date()
        import_rows(
            EarningKind.FUND, [f"=1+1,ines,10.00,USD,{day}", f"@SUM(A1),ines,5.00,USD,{day}"]
        )
    references = [line["reference"] for line in read_csv(creator)[1:-1]]
    assert sorted(references) == ["'=1+1", "'@SUM(A1)"]
    assert "=1+1" in creator.get("/creator/statement").text, "a page runs nothing"


@pytest.mark.parametrize("begin", [*"=+-@\t\r\n", "＝", "＋", "－", "＠"])
def test_no_cell_begins_like_a_formula(begin: str) -> None:
    assert neutral(f"{begin}cmd") == f"'{begin}cmd"
    assert neutral(f"cmd{begin}") == f"cmd{begin}"


def test_a_statement_that_is_not_there_is_not_found(creator: Browser) -> None:
    months = ("1999-01", "0001-01", "9999-12", "now", "2026-13")
    for query in (*(f"month={month}" for month in months), "currency=XXX", "currency=usd"):
        for path in ("/creator/statement", "/creator/statement.csv"):
            assert creator.get(f"{path}?{query}").status_code == 404, query


def test_an_empty_month_says_so(creator: Browser) -> None:
    assert "Nothing happened in this period" in creator.get("/creator/statement").text


# --- Traces


def transactions(app: Flask) -> dict[str, str]:
    """The address of one transaction of each kind, as a creator would open it."""
    with app.app_context():
        found = list(db.session.execute(text("SELECT kind, id FROM ledger.transaction")))
    return {kind: f"/creator/transactions/{id}" for kind, id in found}


def test_an_earning_leads_back_to_the_line_of_the_file_that_brought_it(
    app: Flask, creator: Browser
) -> None:
    with creator.creator():
        fill_pool(EarningKind.GIFT, Money(10_000, "USD"))
        import_rows(EarningKind.GIFT, [f"G-1042,ines,41.10,USD,{clock.now().date()}"])
    earning = only(app, Earning)
    reply = creator.get(f"/creator/earnings/{earning.id}")
    assert reply.status_code == 303
    page = creator.get(reply.location).text
    for said in ("Live gifts: $41.10", "Reference G-1042", "Line 2 of the file income.csv"):
        assert said in page
    for account in ("The pool of live gifts", "Your pending earnings"):
        assert account in page
    assert "No platform fee" in page


def test_a_payout_leads_to_its_run_its_transfer_and_its_history(
    app: Flask, creator: Browser
) -> None:
    paid(creator)
    page = creator.get(transactions(app)["payout_paid"]).text
    for said in ("Weekly run", "tr_1", "acct_", "Paid: sent to your Stripe account"):
        assert said in page
    assert "Your money in a payout" in page
    assert "Payout prepared" in page, "what else came of the same payout"


def test_the_lines_of_others_do_not_exist(app: Flask, creator: Browser, rival: Browser) -> None:
    paid(creator)
    known = transactions(app)
    not_theirs = {"pool_filled", "processor_fee_charged"}
    assert set(known) >= not_theirs | {"earning_accrued", "earning_matured", "payout_paid"}
    for kind, url in known.items():
        assert creator.get(url).status_code == (404 if kind in not_theirs else 200), kind
        assert rival.get(url).status_code == 404, kind
    assert creator.get(f"/creator/transactions/{new_id()}").status_code == 404
    earning = only(app, Earning)
    assert rival.get(f"/creator/earnings/{earning.id}").status_code == 404


def test_a_hostile_reference_is_only_text(app: Flask, creator: Browser) -> None:
    with creator.creator():
        fill_pool(EarningKind.FUND, Money(10_000, "USD"))
        row = f"<script>alert(1)</script>,ines,10.00,USD,{clock.now().date()}"
        import_rows(EarningKind.FUND, [row])
    trace = transactions(app)["earning_accrued"]
    for path in ("/creator", "/creator/statement", trace):
        page = creator.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
