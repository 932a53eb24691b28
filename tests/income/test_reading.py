"""Reading an import file: every row is used or says what is wrong with it; no file breaks it."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.errors import BadInput
from marketplace.income.reading import COLUMNS, ROWS_MAX, Row, read
from marketplace.money import Money

KNOWN = frozenset({"USD", "EUR", "JPY"})
HEAD = "reference,handle,amount,currency,earned_on"
GOOD = "G-1,ines,12.50,USD,2026-03-02"
READ = Row(2, "G-1", "ines", Money(1_250, "USD"), date(2026, 3, 2))


def rows(*lines: str, head: str = HEAD) -> list[Row]:
    return read("\n".join([head, *lines]).encode(), KNOWN)


def refusal(content: bytes) -> str:
    """Why a file is refused as a whole."""
    with pytest.raises(BadInput) as refused:
        read(content, KNOWN)
    assert refused.value.fields == {"file": str(refused.value)}
    return str(refused.value)


# ---- what is taken


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\n{GOOD}",
        f"{HEAD}\n{GOOD}\n",
        f"{HEAD}\r\n{GOOD}\r\n",
        f"{HEAD}\r{GOOD}\r",
        f"\ufeff{HEAD}\n{GOOD}",
        f"{HEAD}\n\n\n{GOOD}\n\n".replace("\n\n\n", "\n"),
        f"{HEAD.replace(',', ';')}\n{GOOD.replace(',', ';')}",
        f"{HEAD.replace(',', ';')}\n{GOOD.replace(',', ';').replace('12.50', '12,50')}",
        f"{HEAD.upper()}\n{GOOD}",
        f" {HEAD.replace(',', ' , ')} \n{GOOD.replace(',', ' , ')}",
        f"{HEAD}\nG-1,INES,12.50,usd,2026-03-02",
        f'{HEAD}\n"G-1","ines","12.50","USD","2026-03-02"',
        "earned_on,currency,amount,handle,reference\n2026-03-02,USD,12.50,ines,G-1",
        f"note,{HEAD}\nhello,{GOOD}",
    ],
    ids=str,
)
def test_files_as_spreadsheets_write_them_are_read(text: str) -> None:
    assert read(text.encode(), KNOWN) == [READ]


def test_rows_know_their_line_even_after_blank_and_folded_ones() -> None:
    text = f'{HEAD}\n\n{GOOD}\n"G-2\nfolded",ines,1,USD,2026-03-02\nG-3,ines,1,USD,2026-03-02\n'
    read_rows = read(text.encode(), KNOWN)
    assert [(row.line, row.reference) for row in read_rows] == [
        (3, "G-1"),
        (5, "G-2\nfolded"),
        (6, "G-3"),
    ]


@pytest.mark.parametrize("formula", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\t=1"])
def test_a_formula_is_text_like_any_other(formula: str) -> None:
    (row,) = rows(f'"{formula}",ines,12.50,USD,2026-03-02')
    assert (row.reference, row.problem) == (formula.strip(), "")
    (row,) = rows(f'G-1,ines,"{formula}",USD,2026-03-02')
    assert row.problem.startswith("amount: ")


# ---- rows that cannot be used


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",ines,12.50,USD,2026-03-02", "reference: 1 to 100 characters"),
        ("   ,ines,12.50,USD,2026-03-02", "reference: 1 to 100 characters"),
        (f"{'x' * 101},ines,12.50,USD,2026-03-02", "reference: 1 to 100 characters"),
        ("G-1,,12.50,USD,2026-03-02", "handle: the creator's handle is missing"),
        ("G-1,ines,,USD,2026-03-02", "amount: write the amount as a plain number"),
        ("G-1,ines,0,USD,2026-03-02", "amount: more than zero"),
        ("G-1,ines,-5,USD,2026-03-02", "amount: more than zero"),
        ("G-1,ines,1e5,USD,2026-03-02", "amount: write the amount as a plain number"),
        ('G-1,ines,"1,000",USD,2026-03-02', "amount: USD has 2 decimals"),
        ("G-1,ines,12.505,USD,2026-03-02", "amount: USD has 2 decimals"),
        ("G-1,ines,12.5,JPY,2026-03-02", "amount: JPY has 0 decimals"),
        ("G-1,ines,9999999999999999,USD,2026-03-02", "amount: the amount is too large"),
        ("G-1,ines,12.50,XYZ,2026-03-02", "currency: one of EUR, JPY, USD"),
        ("G-1,ines,12.50,,2026-03-02", "currency: one of EUR, JPY, USD"),
        ("G-1,ines,12.50,USD,", "earned_on: a date such as 2026-11-30"),
        ("G-1,ines,12.50,USD,02/03/2026", "earned_on: a date such as 2026-11-30"),
        ("G-1,ines,12.50,USD,2026-02-30", "earned_on: a date such as 2026-11-30"),
        ("G-1,ines,12.50,USD,2026-03-02,surplus", "more cells than columns"),
        ("G-1", "handle: the creator's handle is missing"),
        (",,,,", "reference: 1 to 100 characters"),
    ],
)
def test_a_row_that_cannot_be_used_says_what_is_wrong(line: str, problem: str) -> None:
    bad, good = rows(line, GOOD)
    assert problem in bad.problem
    assert good.problem == ""


def test_everything_that_is_wrong_is_said_at_once() -> None:
    (row,) = rows(",,x,USD,y,z")
    assert [problem.split(":")[0] for problem in row.problem.split("; ")] == [
        "more cells than columns",
        "reference",
        "handle",
        "amount",
        "earned_on",
    ]


# ---- files that are refused as a whole


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "reference, handle, amount, currency, earned_on missing"),
        (b"\n\n", "reference, handle, amount, currency, earned_on missing"),
        (b"reference,handle,amount,currency\nG-1,ines,1,USD", "earned_on missing"),
        (f"{GOOD}\n".encode(), "reference, handle, amount, currency, earned_on missing"),
        (f"{HEAD},Amount\n{GOOD},7.00".encode(), "names columns twice: amount"),
        (HEAD.encode(), "no rows"),
        (f"{HEAD}\n\n\n".encode(), "no rows"),
        (f"{HEAD}\nG-1,in\0es,1,USD,2026-03-02".encode(), "not a text file"),
        (f"{HEAD}\nG-1,in\xe9s,1,USD,2026-03-02".encode("latin-1"), "UTF-8"),
        (f"{HEAD}\n{GOOD}".encode("utf-16"), "UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "not a text file"),
        (b"\x89PNG\r\n\x1a\n", "UTF-8"),
        (f'{HEAD}\n"G-1,ines'.encode(), "not valid CSV"),
        (f'{HEAD}\n"G-1"x,ines,1,USD,2026-03-02'.encode(), "Line 2 is not valid CSV"),
        (f"{HEAD}\n{'x' * 200_000},ines,1,USD,2026-03-02".encode(), "not valid CSV"),
        (f"{HEAD}\n{GOOD}\n".encode() + f"{GOOD}\n".encode() * ROWS_MAX, "At most 10000 rows"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_such_file_is_refused_saying_why(content: bytes, why: str) -> None:
    assert why in refusal(content)


def test_ten_thousand_rows_are_taken() -> None:
    lines = [f"G-{n},ines,1,USD,2026-03-02" for n in range(ROWS_MAX)]
    assert len(rows(*lines)) == ROWS_MAX


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_refusal(content: bytes) -> None:
    for bytes_read in (content, f"{HEAD}\n".encode() + content):
        with contextlib.suppress(BadInput):
            assert read(bytes_read, KNOWN)


@given(st.lists(st.lists(st.text(max_size=8), max_size=6), max_size=4))
def test_any_cells_are_a_row_with_its_problem(cells: list[list[str]]) -> None:
    quoted = [",".join(f'"{cell}"' for cell in line) for line in cells]
    try:
        found = rows(*quoted)
    except (BadInput, UnicodeEncodeError):
        return
    assert all(row.problem or (row.amount and row.earned_on) for row in found)


def test_the_columns_are_those_of_the_documentation() -> None:
    assert ",".join(COLUMNS) == HEAD
