"""Business days: Monday to Friday, by the calendar of a time zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketplace import business_days


def march(day: int, hour: int = 12) -> datetime:
    """2 March 2026 is a Monday."""
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "zone", "end"),
    [
        (march(2), "UTC", march(5)),
        (march(5), "UTC", march(10)),
        (march(6, 23), "UTC", march(11, 23)),
        (march(7), "UTC", march(11)),
        (march(8), "UTC", march(11)),
        # Still Sunday in New York: Monday, Tuesday, Wednesday evening there.
        (march(2, 2), "America/New_York", march(5, 2)),
        # Monday in Kiritimati already: Thursday there.
        (march(1), "Pacific/Kiritimati", march(4)),
        # The night on which the clocks change lies between: the same hour of the day in Paris.
        (march(27), "Europe/Paris", datetime(2026, 4, 1, 11, tzinfo=UTC)),
    ],
)
def test_three_business_days_leave_out_weekends(start: datetime, zone: str, end: datetime) -> None:
    assert business_days.after(start, 3, zone) == end


def test_no_business_day_is_the_instant_itself() -> None:
    assert business_days.after(march(7), 0, "UTC") == march(7)
