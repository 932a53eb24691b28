"""Earnings by month: what the bars show, and where they stand in the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from babel.numbers import format_compact_currency
from flask_babel import get_locale
from sqlalchemy import Date, cast, func, select

from marketplace.earnings.clawback import CLAWED_MINOR
from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.extensions import db
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator

MONTHS = 6

# The picture, in units of its own: the plot, with room for labels to the left and below.
WIDTH, HEIGHT = 620, 250
_LEFT, _TOP, _BOTTOM = 62, 14, 34
_BAR_MAX = 38
_GRID_LINES = 4
_GAP = 3  # between the two parts of a bar


@dataclass(frozen=True)
class Month:
    """What was earned in one month and is kept, by what has become of it."""

    begins_on: date
    available: Money
    pending: Money

    @property
    def label(self) -> str:
        return str(format_skeleton("MMM", self.begins_on, locale=get_locale()))

    @property
    def total(self) -> Money:
        return self.available + self.pending


@dataclass(frozen=True)
class Bar:
    """One month in the picture; heights are 0 where there is nothing."""

    month: Month
    x: float
    width: float
    middle: float
    available_y: float
    available_height: float
    pending_y: float
    pending_height: float


@dataclass(frozen=True)
class Chart:
    """The picture of some months."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, str], ...]  # height of a grid line, and what it stands for
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT


def months(creator: Creator, currency: str, at: datetime) -> list[Month]:
    """What is kept of the last `MONTHS` months in the creator's time zone, oldest first."""
    zone = ZoneInfo(creator.time_zone)
    days = _first_days(at.astimezone(zone).date())
    since = datetime(days[0].year, days[0].month, 1, tzinfo=zone)
    local = func.timezone(creator.time_zone, Earning.accrued_at)
    begins_on = cast(func.date_trunc("month", local), Date)
    rows = db.session.execute(
        select(begins_on, Earning.status, func.sum(Earning.net_minor - CLAWED_MINOR))
        .where(
            Earning.creator_id == creator.id,
            Earning.currency == currency,
            Earning.accrued_at >= since,
        )
        .group_by(begins_on, Earning.status)
    )
    net = {(day, status): Money(int(minor), currency) for day, status, minor in rows}
    return [
        Month(
            day,
            net.get((day, EarningStatus.AVAILABLE), zero(currency)),
            net.get((day, EarningStatus.PENDING), zero(currency))
            + net.get((day, EarningStatus.CONTESTED), zero(currency)),
        )
        for day in days
    ]


def _first_days(today: date) -> list[date]:
    index = today.year * 12 + today.month - 1
    return [date(it // 12, it % 12 + 1, 1) for it in range(index - MONTHS + 1, index + 1)]


def draw(shown: list[Month]) -> Chart | None:
    """Place the bars; None if there is nothing to show."""
    highest = max(month.total.decimal for month in shown)
    if not highest:
        return None
    step_value = _round_step(highest / _GRID_LINES)
    top = step_value * math.ceil(highest / step_value)
    height = HEIGHT - _TOP - _BOTTOM
    step = (WIDTH - _LEFT) / len(shown)
    width = min(_BAR_MAX, step * 0.58)

    def y(value: Decimal) -> float:
        return round(_TOP + height * float(1 - value / top), 1)

    bars = []
    for number, month in enumerate(shown):
        available, total = month.available.decimal, month.total.decimal
        gap = _GAP if available and month.pending else 0
        bars.append(
            Bar(
                month=month,
                x=round(_LEFT + step * number + (step - width) / 2, 1),
                width=round(width, 1),
                middle=round(_LEFT + step * (number + 0.5), 1),
                available_y=y(available),
                available_height=round(y(Decimal(0)) - y(available), 1),
                pending_y=y(total),
                pending_height=max(0.0, round(y(available) - y(total) - gap, 1)),
            )
        )
    currency = shown[0].total.currency
    count = int(top / step_value)
    lines = [(y(step_value * n), _short(step_value * n, currency)) for n in range(count + 1)]
    return Chart(tuple(bars), tuple(lines))


def _round_step(least: Decimal) -> Decimal:
    """The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not below `least`."""
    power = Decimal(10) ** least.adjusted()
    factors = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
    return next(factor * power for factor in factors if factor * power >= least)


def _short(value: Decimal, currency: str) -> str:
    """'€1.5K', for the axis alone: amounts in the text are never shortened."""
    digits = 0 if value == value.to_integral_value() and value < 1000 else 1
    locale = get_locale()
    return str(format_compact_currency(value, currency, locale=locale, fraction_digits=digits))
