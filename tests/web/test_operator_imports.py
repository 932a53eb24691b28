"""Bringing a file of income: the report row by row, refusals beside the field, nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.income.importing import IncomeImport
from marketplace.money import Money
from tests.make import fill_pool, make_creator
from tests.web.operating import Operating, operating
from tests.web.people import log_in

__all__ = ["operating"]

HEADER = "reference,handle,amount,currency,earned_on\n"
DAY = "2026-01-15"
GOOD = f"R-1,ines,120.00,USD,{DAY}\nR-2,ines,30.00,USD,{DAY}\n"


@pytest.fixture(autouse=True)
def _pool_and_creator(operating: Operating) -> None:
    def make() -> None:
        make_creator("ines")
        fill_pool(EarningKind.FUND, Money(50_000, "USD"))

    operating.within(make)


def count(operating: Operating, model: type) -> int:
    return operating.within(
        lambda: db.session.scalars(select(func.count()).select_from(model)).one()
    )


def test_a_file_is_imported_and_its_report_says_what_became_of_each_row(
    operating: Operating,
) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).date()
    reply = operating.bring(
        HEADER + GOOD + f"R-3,nobody,10.00,USD,{DAY}\nR-4,ines,-1,USD,{tomorrow}\n"
        f"R-5,ines,1.005,USD,{DAY}\nR-1,ines,999.00,USD,{DAY}\n"
    )
    assert reply.status_code == 303
    page = operating.see(reply.location)
    assert "income.csv" in page
    assert page.count("Accepted</span>") == 2
    assert "handle: no creator is called nobody" in page
    assert "amount: more than zero" in page
    assert "amount: more decimals than USD has" in page
    assert "reference: imported before with other content" in page
    assert "$150.00" in page, "the sum of what was accepted"
    assert count(operating, Earning) == 2

    refused = operating.see(f"{reply.location}?outcome=refused")
    assert "R-3" in refused
    assert "R-2" not in refused
    assert "income.csv" in operating.see("/operator/imports")


def test_the_same_form_sent_twice_is_one_import_and_the_same_file_again_is_harmless(
    operating: Operating,
) -> None:
    key = new_id()
    first, second = (operating.bring(HEADER + GOOD, key) for _ in range(2))
    assert first.location == second.location
    again = operating.bring(HEADER + GOOD)
    assert again.location != first.location
    assert operating.see(again.location).count("Known</span>") == 2
    assert count(operating, IncomeImport) == 2
    assert count(operating, Earning) == 2


def test_two_operators_who_bring_the_same_rows_at_one_moment_owe_them_once(
    operating: Operating,
) -> None:
    def bring() -> int:
        browser = operating.app.test_client()
        token = log_in(browser, operating.person)
        other = Operating(operating.app, browser, operating.person, token)
        return other.bring(HEADER + GOOD).status_code

    with ThreadPoolExecutor(4) as pool:
        codes = [future.result() for future in [pool.submit(bring) for _ in range(4)]]
    assert codes == [303] * 4
    assert count(operating, Earning) == 2


REFUSED: dict[str, tuple[bytes | str, str]] = {
    "no header": ("R-1,ines,1.00,USD,2026-01-15\n", "The first line must name the columns"),
    "no rows": (HEADER, "The file has no rows below its header."),
    "another encoding": ("référence".encode("latin-1"), "Save the file as UTF-8 text"),
    "a NUL": (b"reference\0,handle", "This is not a text file"),
    "too much for the pool": (
        f"{HEADER}R-9,ines,600.00,USD,{DAY}\n",
        "The pool holds $500.00, this file needs $600.00: $100.00 missing.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_cannot_be_taken_is_refused_beside_its_field(
    operating: Operating, what: str
) -> None:
    content, said = REFUSED[what]
    reply = operating.bring(content, kind="fund")
    assert reply.status_code == 422
    assert said in reply.text
    assert 'id="f-file-error"' in reply.text
    assert "Choose the file again" in reply.text
    assert 'value="fund" checked' in reply.text, "what was chosen is kept"
    assert count(operating, IncomeImport) == 0
    assert count(operating, Earning) == 0


def test_a_form_without_file_or_kind_says_so(operating: Operating) -> None:
    nothing = operating.send("/operator/imports", kind="fund")
    assert "Choose the file to bring." in nothing.text
    assert nothing.status_code == 422
    assert operating.bring(HEADER + GOOD, kind="theft").status_code == 422
    assert count(operating, IncomeImport) == 0


@pytest.mark.parametrize("name", ["a\0b.csv", "a\tb\x7f.csv", "x" * 5_000 + ".csv", "\u202e.csv"])
def test_a_file_may_be_called_anything(operating: Operating, name: str) -> None:
    reply = operating.bring(HEADER + GOOD, filename=name)
    assert reply.status_code in (303, 400)
    assert operating.client.get("/operator/imports").status_code == 200


def test_a_file_beyond_five_megabytes_is_refused(operating: Operating) -> None:
    kind = "multipart/form-data; boundary=x"
    reply = operating.client.post("/operator/imports", data=b"x" * 6_000_000, content_type=kind)
    assert reply.status_code == 413
    assert count(operating, IncomeImport) == 0


def test_the_template_is_a_file_that_is_taken(operating: Operating) -> None:
    template = operating.client.get("/operator/imports/template.csv")
    assert template.mimetype == "text/csv"
    assert "attachment" in template.headers["Content-Disposition"]
    reply = operating.bring(template.data)
    assert reply.status_code == 303


def test_a_long_report_is_shown_part_by_part(operating: Operating) -> None:
    rows = "".join(f"L-{number},ines,0.01,USD,{DAY}\n" for number in range(450))
    report = operating.bring(HEADER + rows).location
    seen = ""
    for after in ("", "?after=201", "?after=401"):
        seen += operating.see(report + after)
    assert all(f">L-{number}<" in seen for number in range(450))
    for odd in ("99999999999999999999", "-1", "x", "1e3"):
        assert operating.client.get(f"{report}?after={odd}").status_code == 200


def test_only_operators_import(operating: Operating, client: FlaskClient) -> None:
    visitor = operating.app.test_client()
    assert visitor.get("/operator/imports").status_code == 302
