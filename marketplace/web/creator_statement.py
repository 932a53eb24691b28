"""A period of a creator: opening, what was earned and paid out line by line, closing.

The file says the same as the page, which shows some lines at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from babel.dates import format_skeleton
from flask import Response, abort, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.earnings import statement as statements
from marketplace.earnings import totals as earnings_of
from marketplace.earnings.statement import OWED, CreatorStatement, Period
from marketplace.earnings.totals import Source
from marketplace.errors import BadInput, NotFound, says
from marketplace.ledger.chart import AccountKind
from marketplace.money import Money, zero
from marketplace.payouts import totals as payouts_of
from marketplace.web import formats
from marketplace.web import statement_file as files
from marketplace.web.creator import bp, my_currencies
from marketplace.web.statement_lines import Line, in_words

SHOWN = 50


@dataclass(frozen=True)
class Totals:
    """The sums of a period: opening + earned - clawed back + became debt - repaid - paid = closing.

    `other` is what else changed the closing, if anything did: what the books took in at the turn of
    a month after its instant.
    """

    sources: list[Source]
    gross: Money  # this and the next two less what was clawed back
    platform_fee: Money
    net: Money
    earned: Money
    clawed_back: Money
    became_debt: Money
    repaid: Money
    paid: Money
    returned: Money
    other: Money

    @property
    def paid_out(self) -> Money:
        return self.paid - self.returned

    @property
    def debt(self) -> Money:
        return self.became_debt - self.repaid


@dataclass(frozen=True)
class Page:
    """Some lines, and the addresses of the first page and the next one, where there are such."""

    lines: list[Line]
    first_url: str | None
    next_url: str | None


@bp.get("/statement")
@audience("creator")
def statement() -> ResponseReturnValue:
    problem = ""
    try:
        named, asked = _asked_for(request.args)
    except BadInput as error:
        problem = formats.translated(error.fields["to"])
        named, asked = _asked_for({})
    page = render_template(
        "creator/statement.html",
        creator=access.current_creator(),
        statement=asked,
        page=_page(named, asked),
        totals=_totals(asked),
        parts=_parts(asked),
        named=named,
        months=[(it, month_name(it)) for it in _months()],
        currencies=my_currencies(),
        title=_title(named),
        problem=problem,
        typed={it: request.args.get(it, "") for it in ("from", "to")},
    )
    return page, 422 if problem else 200


@bp.get("/statement.csv")
@audience("creator")
def statement_file() -> ResponseReturnValue:
    try:
        named, asked = _asked_for(request.args)
    except BadInput as error:
        raise NotFound("no such statement") from error
    lines = files.written(asked, access.current_creator().time_zone)
    file = Response(stream_with_context(lines), content_type="text/csv; charset=utf-8")
    period = named.get("month") or f"{named['from']}-to-{named['to']}"
    name = f"statement-{period}-{asked.currency}.csv"
    file.headers["Content-Disposition"] = f"attachment; filename={name}"
    return file


def month_name(month: str) -> str:
    """'November 2026' from '2026-11'."""
    day = date.fromisoformat(f"{month}-01")
    return str(format_skeleton("yMMMM", day, locale=get_locale()))


def _months() -> list[str]:
    return statements.months(access.current_creator(), clock.now())


def _title(named: dict[str, str]) -> str:
    if "month" in named:
        return str(gettext("Statement of %(month)s", month=month_name(named["month"])))
    first, last = (formats.day(date.fromisoformat(named[it])) for it in ("from", "to"))
    return str(gettext("Statement from %(first)s to %(last)s", first=first, last=last))


def _asked_for(asked: Mapping[str, str]) -> tuple[dict[str, str], CreatorStatement]:
    """The statement of `month`, or from `from` to `to`, in `currency`, and how it was named.

    Without any, that of the present month in the first currency.

    Raises:
        NotFound: there is no statement of that month or currency.
        BadInput: the days are none, or in the wrong order.
    """
    creator, currencies = access.current_creator(), my_currencies()
    currency = asked.get("currency") or currencies[0]
    if currency not in currencies:
        raise NotFound("no such statement")
    if asked.get("from") or asked.get("to"):
        named, period = _days(asked.get("from", ""), asked.get("to", ""), creator.time_zone)
    else:
        months = _months()
        month = asked.get("month") or months[0]
        if month not in months:
            raise NotFound("no such month")
        named, period = {"month": month}, statements.month(month, creator.time_zone)
    return named | {"currency": currency}, statements.statement(creator, period, currency)


def _days(first: str, last: str, time_zone: str) -> tuple[dict[str, str], Period]:
    try:
        first_on, last_on = date.fromisoformat(first), date.fromisoformat(last)
        if first_on > last_on:
            raise ValueError(first)
        period = statements.days(first_on, last_on, time_zone)
    except (ValueError, OverflowError) as error:
        why = says("Choose a first and a last day, the first one not after the last one.")
        raise BadInput("period", {"to": why}) from error
    return {"from": first_on.isoformat(), "to": last_on.isoformat()}, period


def _page(named: dict[str, str], asked: CreatorStatement) -> Page:
    after = request.args.get("after")
    try:
        following = asked.lines(UUID(after) if after else None, at_once=SHOWN + 1)
        lines = list(islice(following, SHOWN + 1))
    except ValueError:
        abort(400)
    shown = lines[:SHOWN]

    def address(**more: Any) -> str:
        return url_for("creator.statement", **{**named, **more})

    last = shown[-1].entry.transaction_id.hex if len(lines) > SHOWN else None
    return Page(
        in_words(shown),
        first_url=address() if after else None,
        next_url=address(after=last) if last else None,
    )


def _totals(asked: CreatorStatement) -> Totals:
    creator_id, period, currency = access.current_creator().id, asked.period, asked.currency
    sources = earnings_of.by_source(creator_id, currency, period.since, period.until)
    payouts = payouts_of.paid_out(creator_id, currency, period.since, period.until)

    def total(*amounts: Money) -> Money:
        return sum(amounts, zero(currency))

    earned, clawed = total(*(it.net for it in sources)), total(*(it.clawed_net for it in sources))
    debt = total(*(it.became_debt for it in sources), payouts.became_debt)
    known = earned - clawed + debt - payouts.repaid - payouts.paid + payouts.returned
    return Totals(
        sources=sources,
        gross=total(*(it.gross - it.clawed_gross for it in sources)),
        platform_fee=total(*(it.platform_fee - it.clawed_fee for it in sources)),
        net=earned - clawed,
        earned=earned,
        clawed_back=clawed,
        became_debt=debt,
        repaid=payouts.repaid,
        paid=payouts.paid,
        returned=payouts.returned,
        other=asked.closing - asked.opening - known,
    )


def _parts(asked: CreatorStatement) -> list[tuple[str, Money, Money]]:
    """What the opening and the closing are made of; what neither has is left out."""
    names = {
        AccountKind.CREATOR_PENDING: gettext("Pending"),
        AccountKind.CREATOR_AVAILABLE: gettext("Available"),
        AccountKind.CREATOR_CONTESTED: gettext("Contested"),
        AccountKind.PAYOUT_RESERVED: gettext("In a payout"),
    }
    both = [(names[kind], asked.begin.held[kind], asked.end.held[kind]) for kind in OWED]
    return [part for part in both if part[1] or part[2]]
