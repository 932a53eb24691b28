"""Business days: Monday to Friday where somebody is."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

SATURDAY = 5


def end_of(start: datetime, days: int, time_zone: str) -> datetime:
    """The end of the `days`-th business day after the day of `start`, in an IANA time zone.

    Three business days from a Thursday end with the Tuesday; from a weekend with the Wednesday.
    """
    zone = ZoneInfo(time_zone)
    day = start.astimezone(zone).date()
    left = days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < SATURDAY
    return datetime.combine(day + timedelta(days=1), time(0), zone)
