"""Points at which a proof lets this process die, as if its power were cut: kill -9, by itself.

    FAILPOINT="processor requests: answered" flask worker

Inert but for a comparison with None, unless `FAILPOINT` names a point; and only in sandbox mode may
it: with any key of a processor the application refuses to start. `FAILPOINTS` is what can be armed;
tests/crash/test_matrix.py makes its matrix from it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from enum import StrEnum

from marketplace.errors import SettingsError


class Point(StrEnum):
    """Where in its work a process dies, in the order of the work."""

    BEGIN = "begin"  # nothing is done
    WRITTEN = "written"  # something is, within an open transaction
    BEFORE_COMMIT = "before commit"  # all of it is
    BEFORE_CALL = "before call"  # the intent is committed; the processor was not asked
    ANSWERED = "answered"  # it was, and answered; nothing is written down
    RECORDED = "recorded"  # all is committed; whoever waits for us was not told


POSTING = "posting"
WEBHOOK = "webhook"
DECIDE_RUN = "decide run"
DECIDE_PAYOUT = "decide payout"

# In one transaction; what it posts to the books dies at `posting: written`.
_IN_ONE = (Point.BEGIN, Point.BEFORE_COMMIT, Point.RECORDED)
# Claimed, asked, recorded: two transactions around a call.
_AROUND_A_CALL = tuple(Point)

# By what the worker calls a job, or by what comes in from outside.
FAILPOINTS: Mapping[str, tuple[Point, ...]] = {
    "processor requests": _AROUND_A_CALL,
    "webhook events": _AROUND_A_CALL,
    "payouts to ask about": _AROUND_A_CALL,
    "held payouts": _IN_ONE,
    "payout runs": _IN_ONE,
    "payout run lines": _IN_ONE,
    "decided payout runs": _IN_ONE,
    "approved payout runs": _IN_ONE,
    "payouts to ask for": _IN_ONE,
    "bank files": (Point.BEGIN, Point.WRITTEN, Point.BEFORE_COMMIT, Point.RECORDED),
    "payouts of rejected runs": _IN_ONE,
    "finished payout runs": _IN_ONE,
    POSTING: (Point.WRITTEN,),
    DECIDE_RUN: _IN_ONE,
    DECIDE_PAYOUT: _IN_ONE,
    WEBHOOK: (Point.BEGIN, Point.RECORDED),
}

_armed: str | None = None


def arm(name: str, *, sandbox: bool) -> None:
    """Let this process die at the point of this name; an empty one disarms.

    Raises:
        SettingsError: real money may move here, or there is no such point.
    """
    global _armed
    if name and not sandbox:
        raise SettingsError(
            "FAILPOINT kills this process: it is for sandbox mode alone, so unset it"
        )
    if name and name not in names():
        raise SettingsError(f"FAILPOINT names no point: {name!r} (see marketplace/failpoints.py)")
    _armed = name or None


def names() -> list[str]:
    """Every name that can be armed."""
    return [f"{unit}: {point}" for unit, points in FAILPOINTS.items() for point in points]


def failpoint(unit: str, point: Point) -> None:
    """Die here, if this is the point that is armed."""
    if _armed is not None and _armed == f"{unit}: {point}":
        os.kill(os.getpid(), signal.SIGKILL)
