"""Business days: Monday to Friday, where somebody is. PURE."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_SATURDAY = 5


def after(at: datetime, days: int, time_zone: str) -> datetime:
    """The instant `days` business days after `at`, at the same time of day in that time zone.

    A weekend counts for nothing: three days after a Friday afternoon is Wednesday afternoon, and
    so it is after the Sunday that follows.
    """
    day = at.astimezone(ZoneInfo(time_zone))
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY:
            days -= 1
    return day.astimezone(at.tzinfo)
