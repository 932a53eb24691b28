"""Reading an import file: text in, rows with what is wrong with them out. Touches no database."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date

from marketplace.errors import BadInput, says
from marketplace.money import Money, parse

COLUMNS = ("reference", "handle", "amount", "currency", "earned_on")
ROWS_MAX = 10_000
REFERENCE_LENGTH_MAX = 100


@dataclass(frozen=True)
class Row:
    """One line of the file. `problem` is empty when it can be used; line 1 is the header."""

    line: int
    reference: str
    handle: str
    amount: Money | None
    earned_on: date | None
    problem: str = ""


def read(content: bytes, currencies: frozenset[str]) -> list[Row]:
    """Read a CSV file (UTF-8, comma or semicolon) with the columns of `COLUMNS`, in any order.

    Raises:
        BadInput: this is no such file; the message says what to do.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(says("Save the file as UTF-8 text (CSV) and try again.")) from error
    if "\0" in text:
        raise _refused(says("This is not a text file. Export it as CSV (UTF-8)."))
    header = text.split("\n", 1)[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
        missing = [column for column in COLUMNS if column not in names]
        if missing:
            raise _refused(
                says(
                    "The first line must name the columns: %(missing)s missing.",
                    missing=", ".join(missing),
                )
            )
        if twice := [column for column in COLUMNS if names.count(column) > 1]:
            raise _refused(
                says("The first line names columns twice: %(twice)s.", twice=", ".join(twice))
            )
        reader.fieldnames = names
        rows: list[Row] = []
        for raw in reader:
            if len(rows) == ROWS_MAX:
                raise _refused(says("At most %(most)s rows per file: split it.", most=ROWS_MAX))
            rows.append(_row(reader.line_num, raw, currencies))
    except csv.Error as error:
        line = reader.reader.line_num  # DictReader's own counts only lines that were well-formed
        raise _refused(
            says("Line %(line)s is not valid CSV: %(why)s.", line=line, why=error)
        ) from error
    if not rows:
        raise _refused(says("The file has no rows below its header."))
    return rows


def _row(line: int, raw: dict[str, str | list[str] | None], currencies: frozenset[str]) -> Row:
    cells = {name: str(raw.get(name) or "").strip() for name in COLUMNS}
    problems = []
    if None in raw:  # csv puts surplus cells there
        problems.append("more cells than columns")
    if not 0 < len(cells["reference"]) <= REFERENCE_LENGTH_MAX:
        problems.append(f"reference: 1 to {REFERENCE_LENGTH_MAX} characters")
    if not 0 < len(cells["handle"]) <= REFERENCE_LENGTH_MAX:
        problems.append("handle: the creator's handle is missing")
    amount = None
    currency = cells["currency"].upper()
    if currency not in currencies:
        problems.append(f"currency: one of {', '.join(sorted(currencies))}")
    else:
        try:
            amount = parse(cells["amount"], currency)
            if amount.minor <= 0:
                problems.append("amount: more than zero")
        except ValueError as error:
            problems.append(f"amount: {error}")
    earned_on = None
    try:
        earned_on = date.fromisoformat(cells["earned_on"])
    except ValueError:
        problems.append("earned_on: a date such as 2026-11-30")
    return Row(
        line, cells["reference"], cells["handle"].lower(), amount, earned_on, "; ".join(problems)
    )


def _refused(message: str) -> BadInput:
    return BadInput(message, {"file": message})
