"""A statement page by page, of any period, and as a file."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta

import pytest
from flask import Flask

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import EarningKind
from marketplace.money import Money
from marketplace.payouts import leaving
from marketplace.payouts.payout import Payout
from marketplace.web import creator_statement
from tests.make import earn, fill_pool, import_rows, make_payout
from tests.web.browsers import Browser, creator_browser
from tests.web.test_creator_payouts import come_back, happens, pay

STATEMENT = "/creator/statement"
LINE = re.compile(r'<a class="main" href="/creator/transactions/([^"]+)">')
THEN = re.compile(r'<td data-label="Owed then" class="r">([^<]+)</td>')


@pytest.fixture
def creator(app: Flask) -> Browser:
    return creator_browser(app)


def file(creator: Browser, query: str = "") -> list[dict[str, str]]:
    reply = creator.get(f"{STATEMENT}.csv?{query}")
    assert reply.status_code == 200
    return list(csv.DictReader(io.StringIO(reply.text)))


def test_a_long_statement_goes_on_where_the_page_ended(
    creator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creator_statement, "SHOWN", 2)
    with creator.creator() as person:
        for dollars in range(1, 6):
            earn(person, f"{dollars}.00 USD")
    address, seen, then = STATEMENT, [], []
    for _ in range(3):
        page = creator.get(address).text
        seen += LINE.findall(page)
        then += THEN.findall(page)
        assert "$15.00" in page, "each page says the closing"
        further = re.search(r'href="(/creator/statement\?[^"]*after=[^"#]+)#lines"', page)
        address = further[1].replace("&amp;", "&") if further else ""
    assert address == ""
    assert seen == [line["transaction"] for line in file(creator)[1:-1]]
    assert then == ["$1.00", "$3.00", "$6.00", "$10.00", "$15.00", "$15.00"]
    assert "From the beginning" in page
    assert "By source" not in page, "only the first page tells the sums by source"


def test_what_is_no_line_is_no_place_to_go_on(app: Flask, creator: Browser) -> None:
    with creator.creator() as person:
        earn(person, "1.00 USD")
    rival = creator_browser(app)
    with rival.creator() as person:
        earn(person, "2.00 USD")
    theirs = file(rival)[1]["transaction"]
    for after, status in ((new_id(), 404), (theirs, 404), ("x", 400), ("1", 400)):
        assert creator.get(f"{STATEMENT}?after={after}").status_code == status, after


def test_a_statement_of_chosen_days_holds_their_lines(creator: Browser) -> None:
    today = clock.now().date()
    with creator.creator() as person:
        earn(person, "10.00 USD")
        clock.set_offset(timedelta(days=40))
        earn(person, "5.00 USD")
        clock.set_offset(timedelta(0))
    later = today + timedelta(days=40)
    both = f"from={today - timedelta(days=1)}&to={later + timedelta(days=1)}"
    assert [it["balance"] for it in file(creator, both)] == ["0.00", "10.00", "15.00", "15.00"]
    rest = f"from={today + timedelta(days=2)}&to={later + timedelta(days=1)}"
    assert [it["balance"] for it in file(creator, rest)] == ["10.00", "15.00", "15.00"]
    page = creator.get(f"{STATEMENT}?{rest}").text
    assert "$10.00" in page
    assert len(LINE.findall(page)) == 1


@pytest.mark.parametrize(
    "days",
    ["from=2026-03-02&to=2026-03-01", "from=2026-03-02", "to=x", "from=0001-01-01&to=9999-12-31"]
    + ["from=2026-02-30&to=2026-03-01", "from=%3Cb%3E&to=2026-03-01"],
)
def test_days_in_no_order_are_said_beside_what_was_typed(creator: Browser, days: str) -> None:
    reply = creator.get(f"{STATEMENT}?{days}")
    assert reply.status_code == 422
    assert "Choose a first and a last day" in reply.text
    for typed in re.findall(r"=(\d{4}-\d\d-\d\d)", days):
        assert f'value="{typed}"' in reply.text
    assert "<b>" not in reply.text.split("</head>")[1].split("<main")[0]
    assert creator.get(f"{STATEMENT}.csv?{days}").status_code == 404


def test_what_came_back_is_told_apart_from_what_was_paid(app: Flask, creator: Browser) -> None:
    with creator.creator() as person:
        at = make_payout(person, "150.00 USD").created_at
    happens(app, _leave, pay, come_back)
    days = f"from={clock.now().date() - timedelta(days=1)}&to={at.date() + timedelta(days=1)}"
    assert [it["paid_out"] for it in file(creator, days)][-3:] == ["150.00", "-150.00", ""]
    page = creator.get(f"{STATEMENT}?{days}").text
    assert "Came back" in page
    assert not re.search(r"[-−–][$€£]", page), "a page shows no sign"
    assert "Booked at the turn" not in page


def _leave(payout: Payout, at: datetime) -> None:
    assert leaving.may_send(payout, at)


def test_the_file_is_one_table_with_a_header_and_whole_lines(creator: Browser) -> None:
    hostile = ['say "hi", now', "＝SUM(A1)", "ünïcødé €"]
    with creator.creator() as person:
        fill_pool(EarningKind.FUND, Money(10_000, "USD"))
        rest = f"{person.handle},1.00,USD,{clock.now().date()}"
        quoted = ['"' + it.replace('"', '""') + '"' for it in hostile]
        import_rows(EarningKind.FUND, [f"{it},{rest}" for it in quoted])
    reply = creator.get(f"{STATEMENT}.csv")
    assert reply.content_type == "text/csv; charset=utf-8"
    assert reply.is_streamed
    assert reply.text.startswith("date,what,reference,gross,platform_fee,net,debt,paid_out,")
    assert reply.text.endswith("\r\n")
    rows = list(csv.reader(io.StringIO(reply.text, newline="")))
    assert {len(row) for row in rows} == {12}
    references = sorted(row[2] for row in rows[2:-1])
    assert references == sorted("'" + it if it.startswith("＝") else it for it in hostile)
