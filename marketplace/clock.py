"""The only place that reads the clock.

Domain time (`now`) decides maturity, windows and payout runs; in sandbox mode it may be moved ahead
of the wall by the demo clock. Wall time (`wall_now`) is for signatures, sessions and retries.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def wall_now() -> datetime:
    """This instant on the wall clock, aware, UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """This instant in domain time, aware, UTC."""
    return datetime.now(UTC) + _offset


def set_offset(offset: timedelta) -> None:
    """Run domain time `offset` ahead of the wall; the edges call this before they begin to work."""
    global _offset
    _offset = offset


def offset() -> timedelta:
    """How far domain time is ahead of the wall."""
    return _offset
