"""A statement as a file for spreadsheets and programs (RFC 4180), written while it is read.

Amounts are plain decimals with their sign, dates those of the creator's time zone. A spreadsheet
would run a cell that begins like a formula, and a brand or an import may have chosen the text: such
a cell gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from marketplace.earnings.statement import AT_ONCE, CreatorStatement
from marketplace.money import Money
from marketplace.web.statement_lines import Line, in_words

COLUMNS = (
    *("date", "what", "reference", "gross", "platform_fee", "net", "debt", "paid_out", "balance"),
    *("currency", "transaction", "source"),
)
# What begins a formula somewhere, in the forms of East Asian keyboards too.
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def written(statement: CreatorStatement, time_zone: str) -> Iterator[str]:
    """The file, some lines at a time."""
    yield _csv([list(COLUMNS), _total("opening", statement.opening)])
    lines, zone = statement.lines(), ZoneInfo(time_zone)
    while some := list(islice(lines, AT_ONCE)):
        yield _csv([_row(line, zone) for line in in_words(some)])
    yield _csv([_total("closing", statement.closing)])


def neutral(cell: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_BEGINS) else cell


def _row(line: Line, zone: ZoneInfo) -> list[str]:
    amounts = (line.gross, line.platform_fee, line.net, line.debt, line.paid_out, line.balance)
    return [
        line.entry.effective_at.astimezone(zone).date().isoformat(),
        neutral(f"{line.what} ({line.why})" if line.why else line.what),
        neutral(line.reference),
        *("" if amount is None else str(amount.decimal) for amount in amounts),
        line.balance.currency,
        str(line.entry.transaction_id),
        line.source,
    ]


def _total(what: str, balance: Money) -> list[str]:
    told = {"what": what, "balance": str(balance.decimal), "currency": balance.currency}
    return [told.get(name, "") for name in COLUMNS]


def _csv(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
