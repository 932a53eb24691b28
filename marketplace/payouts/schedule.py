"""When payout runs are due: on Monday or on the 1st, at 09:00 in the creator's zone. PURE.

Monthly runs are due on the 1st, all others on Mondays.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

RUN_TIME = time(9, 0)


class Due(NamedTuple):
    """One run of a schedule: the name of its period and the instant it falls due (UTC)."""

    period: str  # '2026-W47' or '2026-11'
    at: datetime


def last_due(rhythm: str, time_zone: str, at: datetime) -> Due:
    """The latest run of this schedule that is due at `at`."""
    zone = _zone(time_zone)
    today = at.astimezone(zone).date()
    day = _first_day(rhythm, today)
    due = _due(rhythm, day, zone)
    if due.at <= at:
        return due
    return _due(rhythm, _first_day(rhythm, day - timedelta(days=1)), zone)


def next_due(rhythm: str, time_zone: str, at: datetime) -> Due:
    """The first run of this schedule that falls due after `at`."""
    zone = _zone(time_zone)
    day = _first_day(rhythm, at.astimezone(zone).date())
    due = _due(rhythm, day, zone)
    while due.at <= at:
        day = _first_day(rhythm, day + (timedelta(32) if rhythm == "monthly" else timedelta(7)))
        due = _due(rhythm, day, zone)
    return due


@cache
def _zone(name: str) -> ZoneInfo:
    """A zone, read from its file once: Python itself keeps eight, a scheduler needs all."""
    return ZoneInfo(name)


def _first_day(rhythm: str, day: date) -> date:
    """The first day of the period in which `day` lies."""
    return day.replace(day=1) if rhythm == "monthly" else day - timedelta(days=day.weekday())


def _due(rhythm: str, day: date, zone: ZoneInfo) -> Due:
    year, week, _ = day.isocalendar()
    period = f"{day:%Y-%m}" if rhythm == "monthly" else f"{year}-W{week:02}"
    return Due(period, datetime.combine(day, RUN_TIME, zone).astimezone(UTC))
