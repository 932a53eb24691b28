"""When runs are due: Mondays and firsts at 09:00 where the creator lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.payouts.schedule import last_due, next_due

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/Santiago",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Africa/Casablanca",
)
RHYTHMS = ("weekly", "monthly")
SECOND = timedelta(seconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("rhythm", "zone", "at", "period"),
    [
        ("weekly", "UTC", utc(2026, 3, 2, 9), "2026-W10"),
        ("weekly", "Asia/Kathmandu", utc(2026, 3, 2, 3, 15), "2026-W10"),
        ("weekly", "Pacific/Apia", utc(2026, 3, 1, 20), "2026-W10"),  # Sunday in UTC
        ("weekly", "America/New_York", utc(2026, 3, 2, 14), "2026-W10"),
        # After the clocks changed on 8 March (New York), 29 March (Paris), 5 April (Lord Howe: by
        # half an hour, Santiago).
        ("weekly", "America/New_York", utc(2026, 3, 9, 13), "2026-W11"),
        ("weekly", "Europe/Paris", utc(2026, 3, 30, 7), "2026-W14"),
        ("weekly", "Australia/Lord_Howe", utc(2026, 3, 29, 22), "2026-W14"),
        ("weekly", "Australia/Lord_Howe", utc(2026, 4, 5, 22, 30), "2026-W15"),
        ("weekly", "America/Santiago", utc(2026, 3, 30, 12), "2026-W14"),
        ("weekly", "America/Santiago", utc(2026, 4, 6, 13), "2026-W15"),
        # The turn of the year: ISO weeks have years of their own.
        ("weekly", "UTC", utc(2025, 12, 29, 9), "2026-W01"),
        ("weekly", "UTC", utc(2026, 12, 28, 9), "2026-W53"),
        ("weekly", "UTC", utc(2027, 1, 4, 9), "2027-W01"),
        ("monthly", "UTC", utc(2026, 1, 1, 9), "2026-01"),
        ("monthly", "Pacific/Kiritimati", utc(2025, 12, 31, 19), "2026-01"),
        ("monthly", "America/New_York", utc(2026, 11, 1, 14), "2026-11"),  # the clocks change today
        ("monthly", "Asia/Kathmandu", utc(2028, 3, 1, 3, 15), "2028-03"),  # after 29 February
        # Samoa had no 30 December 2011, a Friday.
        ("weekly", "Pacific/Apia", utc(2012, 1, 1, 19), "2012-W01"),
        ("monthly", "Pacific/Apia", utc(2011, 12, 31, 19), "2012-01"),
    ],
)
def test_a_run_is_due_at_nine_where_the_creator_lives(
    rhythm: str, zone: str, at: datetime, period: str
) -> None:
    assert last_due(rhythm, zone, at) == (period, at)
    assert last_due(rhythm, zone, at - SECOND).period != period
    assert next_due(rhythm, zone, at - SECOND) == (period, at)
    assert next_due(rhythm, zone, at).at > at


@pytest.mark.parametrize("rhythm", RHYTHMS)
@pytest.mark.parametrize("zone", ZONES)
def test_runs_follow_one_another_without_gap_or_overlap(rhythm: str, zone: str) -> None:
    due = last_due(rhythm, zone, utc(2009, 12, 31))
    periods = {due.period}
    while due.at < utc(2031, 1, 10):
        following = next_due(rhythm, zone, due.at)
        assert last_due(rhythm, zone, following.at - SECOND) == due
        days = 7 if rhythm == "weekly" else 31
        assert timedelta(days=days - 4) < following.at - due.at < timedelta(days=days + 1)
        assert following.period not in periods
        periods.add(following.period)
        due = following
    assert len(periods) > (1_080 if rhythm == "weekly" else 250)


@given(
    rhythm=st.sampled_from(RHYTHMS),
    zone=st.sampled_from(ZONES),
    at=st.integers(0, 110 * 365 * 86_400).map(lambda s: utc(1990, 1, 1) + timedelta(seconds=s)),
)
def test_every_instant_lies_between_two_neighbours(rhythm: str, zone: str, at: datetime) -> None:
    last, following = last_due(rhythm, zone, at), next_due(rhythm, zone, at)
    assert last.at <= at < following.at
    assert next_due(rhythm, zone, last.at) == following
    assert last_due(rhythm, zone, following.at) == following
    for due in (last, following):
        local = due.at.astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) == (9, 0)
        assert local.weekday() == 0 if rhythm == "weekly" else local.day == 1
