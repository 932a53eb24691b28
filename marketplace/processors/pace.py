"""How long to wait before asking a processor again, on wall time: the demo clock hurries nobody."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app

from marketplace.config import Settings

_MINUTE_S = 60


@dataclass(frozen=True)
class Pace:
    """The first wait after a failure, the longest, and the gap between two look-ups that agree."""

    first_s: float
    longest_s: float
    look_up_gap_s: float

    def next_try(self, tries: int, wall_at: datetime) -> datetime:
        """Return when to try again after `tries` tries, plus jitter.

        Four times later each time while that is below a minute, twice from then on.
        """
        wait_s = self.first_s
        for _ in range(tries - 1):
            if wait_s >= self.longest_s:
                break
            wait_s *= 4 if wait_s < _MINUTE_S else 2
        wait_s = min(wait_s, self.longest_s)
        jitter = 1 + secrets.randbelow(1000) / 5000  # up to a fifth, so that rows spread out
        return wall_at + timedelta(seconds=wait_s * jitter)

    def look_up_again(self, wall_at: datetime) -> datetime:
        """Return when to look once more for what was not found."""
        return wall_at + timedelta(seconds=self.look_up_gap_s)


# A processor's lists may lag behind its writes; nobody promises by how much, so we wait 10 minutes.
LIVE = Pace(first_s=10, longest_s=3600, look_up_gap_s=600)
# In sandbox mode somebody sits before the screen and wants to see it happen: soon, at first.
SANDBOX = Pace(first_s=1, longest_s=3600, look_up_gap_s=5)


def pace() -> Pace:
    """The pace of this application."""
    settings: Settings = current_app.extensions["settings"]
    return SANDBOX if settings.sandbox else LIVE
