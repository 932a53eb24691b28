"""Rows that ask the processor themselves, so that a lost webhook costs minutes and never money."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Mapped, mapped_column

# Soon at first, while a person still sits at the hosted page; then each hour, for some days.
_AFTER = (timedelta(seconds=20), timedelta(minutes=2), timedelta(minutes=15))
_THEN = timedelta(hours=1)
CHECKS_MAX = 100


class Polled:
    """Columns of a row about which the worker asks until there is nothing left to learn."""

    checks: Mapped[int] = mapped_column(default=0)
    next_check_at: Mapped[datetime | None] = mapped_column(index=True)  # None = nothing to ask

    def check_later(self, at: datetime) -> None:
        """Plan the next question."""
        after = _AFTER[self.checks] if self.checks < len(_AFTER) else _THEN
        self.checks += 1
        self.next_check_at = at + after if self.checks <= CHECKS_MAX else None

    def check_soon(self, at: datetime) -> None:
        """Something may happen now: begin to ask anew."""
        self.checks = 0
        self.check_later(at)

    def is_checked_soon(self, at: datetime) -> bool:
        """Is the next question as near as it would be if we began to ask anew?"""
        return self.next_check_at is not None and self.next_check_at <= at + _AFTER[0]

    def check_no_more(self) -> None:
        """There is nothing left to learn."""
        self.next_check_at = None
