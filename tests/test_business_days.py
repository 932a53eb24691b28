"""Business days: Monday to Friday, by the calendar of a time zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketplace import business_days


@pytest.mark.parametrize(
    ("start", "zone", "end"),
    [
        # Monday 2 March 2026 and on.
        (datetime(2026, 3, 2, 12, tzinfo=UTC), "UTC", datetime(2026, 3, 6, tzinfo=UTC)),
        (datetime(2026, 3, 5, 12, tzinfo=UTC), "UTC", datetime(2026, 3, 11, tzinfo=UTC)),
        (datetime(2026, 3, 6, 23, 59, tzinfo=UTC), "UTC", datetime(2026, 3, 12, tzinfo=UTC)),
        (datetime(2026, 3, 7, 12, tzinfo=UTC), "UTC", datetime(2026, 3, 12, tzinfo=UTC)),
        (datetime(2026, 3, 8, 12, tzinfo=UTC), "UTC", datetime(2026, 3, 12, tzinfo=UTC)),
        # Still Sunday in New York, Monday in Kiritimati already.
        (
            datetime(2026, 3, 2, 2, tzinfo=UTC),
            "America/New_York",
            datetime(2026, 3, 5, 5, tzinfo=UTC),
        ),
        (
            datetime(2026, 3, 1, 12, tzinfo=UTC),
            "Pacific/Kiritimati",
            datetime(2026, 3, 5, 10, tzinfo=UTC),
        ),
        # The night on which the clocks change lies between.
        (datetime(2026, 3, 27, 12, tzinfo=UTC), "Europe/Paris", datetime(2026, 4, 1, 22, tzinfo=UTC)),
    ],
)
def test_three_business_days_end_with_the_third_one(
    start: datetime, zone: str, end: datetime
) -> None:
    assert business_days.end_of(start, 3, zone) == end


def test_no_business_day_ends_with_the_day_itself() -> None:
    start = datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert business_days.end_of(start, 0, "UTC") == datetime(2026, 3, 8, tzinfo=UTC)
