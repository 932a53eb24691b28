"""A month of a creator: opening, what was earned and paid out line by line, closing.

The file says the same as the page. A spreadsheet would run a cell that begins like a formula, and a
brand or an import may have chosen the text: such a cell gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.earnings import statement as statements
from marketplace.earnings.earning import Earning
from marketplace.earnings.statement import CreatorStatement
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.income.importing import IncomeRow
from marketplace.ledger.statement import StatementLine
from marketplace.money import Money, zero
from marketplace.payouts.payout import Payout
from marketplace.web import clawbacks, earning_sources, trace
from marketplace.web import creator_words as words
from marketplace.web.creator import bp, my_currencies

LATE = "payout_arrived_late"  # a payout whose failure is undone
COLUMNS = (
    "date",
    "what",
    "reference",
    "gross",
    "platform_fee",
    "net",
    "debt",
    "paid_out",
    "balance",
    "currency",
    "transaction",
)


@dataclass(frozen=True)
class Line:
    """One line as people read it; of gross, platform fee and net, a clawback has the negatives.

    The balance is the one before, plus net and debt, less what was paid out.
    """

    entry: StatementLine
    what: str
    reference: str
    gross: Money | None
    platform_fee: Money | None
    net: Money | None
    debt: Money | None  # what this added to the creator's debt; negative: what it repaid
    paid_out: Money | None
    balance: Money  # all that is owed after this line
    clawed: bool = False
    lent: bool = False  # what it added to the debt is new, not a repayment undone
    why: str = ""


@dataclass(frozen=True)
class Totals:
    """The sums of a month's columns."""

    gross: Money
    platform_fee: Money
    net: Money
    earned: Money  # the part of `net` that is no clawback
    clawed_back: Money
    debt: Money
    became_debt: Money
    repaid: Money
    paid_out: Money


@bp.get("/statement")
@audience("creator")
def statement() -> ResponseReturnValue:
    asked = _asked_for()
    lines = _lines(asked)
    return render_template(
        "creator/statement.html",
        creator=access.current_creator(),
        statement=asked,
        lines=lines,
        totals=_totals(lines, asked.currency),
        months=[(it, month_name(it)) for it in _months()],
        currencies=my_currencies(),
        title=month_name(asked.month),
    )


@bp.get("/statement.csv")
@audience("creator")
def statement_file() -> ResponseReturnValue:
    asked = _asked_for()
    response: Response = make_response(_csv(asked, _lines(asked)))
    response.mimetype = "text/csv"
    name = f"statement-{asked.month}-{asked.currency}.csv"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def month_name(month: str) -> str:
    """'November 2026' from '2026-11'."""
    day = date.fromisoformat(f"{month}-01")
    return str(format_skeleton("yMMMM", day, locale=get_locale()))


def _months() -> list[str]:
    return statements.months(access.current_creator(), clock.now())


def _asked_for() -> CreatorStatement:
    """The statement of `?month=` and `?currency=`; the present month in the first currency.

    Raises:
        NotFound: there is no statement of that month or currency.
    """
    months, currencies = _months(), my_currencies()
    month = request.args.get("month") or months[0]
    currency = request.args.get("currency") or currencies[0]
    if month not in months or currency not in currencies:
        raise NotFound("no such statement")
    return statements.statement(access.current_creator(), month, currency)


def _lines(asked: CreatorStatement) -> list[Line]:
    earnings = [line.earning for line in asked.lines if line.earning]
    references, exceptions = _references(earnings) | _transfers(asked), _exceptions(asked)
    balance, lines = asked.opening, []
    for line in asked.lines:
        balance = balance + line.entry.change
        of = line.clawback.earning_id if line.clawback else line.entry.cause.id
        lines.append(_line(line, references.get(of, ""), exceptions.get(of, ""), balance))
    return lines


def _line(line: statements.Line, reference: str, why: str, balance: Money) -> Line:
    entry, earning, clawback = line.entry, line.earning, line.clawback
    what = trace.name(entry.kind)
    gross = fee = net = None
    if clawback is not None and earning is not None:
        gross, fee, net = -clawback.gross, -clawback.platform_fee, -clawback.net
        what = gettext("Clawed back: %(kind)s", kind=words.KINDS[earning.kind])
        why = clawbacks.reason(clawback.reason)
    elif earning is not None:
        gross, fee, net = earning.net + earning.platform_fee, earning.platform_fee, earning.net
        what = str(words.KINDS[earning.kind])
    elif line.debt and entry.kind != LATE:
        repaid = line.debt.minor < 0
        what = gettext("Debt repaid from a payout") if repaid else gettext("Debt back: no payout")
    paid_out = -(entry.change - (net or zero(entry.change.currency)) - line.debt)
    return Line(
        entry=entry,
        what=what,
        reference=reference,
        gross=gross,
        platform_fee=fee,
        net=net,
        debt=line.debt or None,
        paid_out=paid_out or None,
        balance=balance,
        clawed=clawback is not None,
        lent=clawback is not None or entry.kind == LATE,
        why=why,
    )


def _references(earnings: list[Earning]) -> dict[UUID, str]:
    """The imported reference, campaign, order or challenge of each earning, by the earning's id."""
    ids = [earning.id for earning in earnings]
    rows = select(IncomeRow.earning_id, IncomeRow.reference).where(IncomeRow.earning_id.in_(ids))
    imported = {id: reference for id, reference in db.session.execute(rows) if id}
    return earning_sources.titles(earnings) | imported


def _transfers(asked: CreatorStatement) -> dict[UUID, str]:
    """The processor's name of each payout's transfer, by the payout's id."""
    ids = [line.entry.cause.id for line in asked.lines if line.entry.cause.type == "payout"]
    rows = db.session.execute(select(Payout.id, Payout.transfer_ref).where(Payout.id.in_(ids)))
    return {payout_id: reference or "" for payout_id, reference in rows}


def _exceptions(asked: CreatorStatement) -> dict[UUID, str]:
    """Why a payout was made below the threshold, by the payout's id."""
    ids = [line.entry.cause.id for line in asked.lines if line.entry.cause.type == "payout"]
    rows = db.session.execute(select(Payout.id, Payout.lifted_for).where(Payout.id.in_(ids)))
    return {payout_id: str(words.LIFTS[why]) for payout_id, why in rows if why}


def _totals(lines: list[Line], currency: str) -> Totals:
    def total(amounts: Iterable[Money | None]) -> Money:
        return sum((amount for amount in amounts if amount), zero(currency))

    return Totals(
        gross=total(line.gross for line in lines),
        platform_fee=total(line.platform_fee for line in lines),
        net=total(line.net for line in lines),
        earned=total(line.net for line in lines if not line.clawed),
        clawed_back=-total(line.net for line in lines if line.clawed),
        debt=total(line.debt for line in lines),
        became_debt=total(line.debt for line in lines if line.lent),
        repaid=-total(line.debt for line in lines if not line.lent),
        paid_out=total(line.paid_out for line in lines),
    )


# --- The file


def _csv(asked: CreatorStatement, lines: list[Line]) -> str:
    """Plain decimals and dates of the creator's time zone, so that programs can read it too."""
    zone = ZoneInfo(access.current_creator().time_zone)
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(COLUMNS)
    write(["", "opening", "", "", "", "", "", "", _plain(asked.opening), asked.currency, ""])
    for line in lines:
        amounts = (line.gross, line.platform_fee, line.net, line.debt, line.paid_out, line.balance)
        write(
            [
                line.entry.effective_at.astimezone(zone).date().isoformat(),
                neutral(f"{line.what} ({line.why})" if line.why else line.what),
                neutral(line.reference),
                *(_plain(amount) for amount in amounts),
                asked.currency,
                str(line.entry.transaction_id),
            ]
        )
    write(["", "closing", "", "", "", "", "", "", _plain(asked.closing), asked.currency, ""])
    return text.getvalue()


def _plain(amount: Money | None) -> str:
    return "" if amount is None else str(amount.decimal)


def neutral(cell: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
