"""The demo world's story, whatever day somebody opens it on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from marketplace.challenges.challenge import APPEAL
from marketplace.demo import agreements, challenges, people, sales, world

YEAR = [datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(365)]
HOME = ZoneInfo("Europe/Paris")  # in which ines reads statements


@pytest.mark.parametrize("hour", [0, 23], ids=["after midnight", "before midnight"])
def test_the_five_kinds_are_earned_on_one_day(hour: int) -> None:
    """On the last days of a month, and on its first ones, they were in two statements once."""
    for day in YEAR:
        present = day.replace(hour=hour)
        at = people.best_day(present)
        named_at = at - APPEAL
        assert [it.at for it in agreements.steps(present)].count(at) == 1  # the flat fee
        assert [it.at for it in sales.steps(present)].count(at) == 1  # the commission
        assert [it.at for it in challenges.steps(present)].count(named_at) == 1  # the prize
        assert [it.at for it in world._steps(present)].count(at) == 4  # and fund and gifts
        awarded_at = named_at.astimezone(UTC) + APPEAL
        assert awarded_at.astimezone(HOME).date() == at.date()


def test_what_was_earned_on_that_day_has_matured_by_now() -> None:
    for present in YEAR:
        assert timedelta(days=30) < present - people.best_day(present) < timedelta(days=32)
