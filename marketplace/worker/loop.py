"""The loop: every second whatever is due, until told to stop.

    run
      walk       in sandbox mode, if somebody asked for the demo clock to move
      drain      every job that does not rest after a failure

Nothing that goes wrong ends it: a job that fails rests, a database that is away is asked again.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from dataclasses import dataclass

from flask import Flask

from marketplace import demo_clock
from marketplace.config import Settings
from marketplace.extensions import db
from marketplace.worker import walk
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS

TURN_S = 1.0
REST_S_MAX = 60.0

log = logging.getLogger(__name__)


@dataclass
class _Rest:
    """A job that failed rests before it is tried again, twice as long each time."""

    failures: int = 0
    until: float = 0.0  # monotonic


def run(app: Flask, stop: threading.Event | None = None) -> None:
    """Work until `stop`, or until SIGTERM or SIGINT; the unit under way is finished."""
    stop = stop or _stopped_by_signals()
    rests = {job.name: _Rest() for job in JOBS}
    log.info("worker: started")
    with app.app_context():
        while not stop.is_set():
            _turn(app, rests, stop)
            stop.wait(TURN_S)
    log.info("worker: stopped")


def _turn(app: Flask, rests: dict[str, _Rest], stop: threading.Event) -> None:
    settings: Settings = app.extensions["settings"]
    now = time.monotonic()
    try:
        if settings.sandbox:
            _follow_demo_clock(stop)
        work = drain(jobs=[job for job in JOBS if rests[job.name].until <= now], stop=stop)
    except Exception:
        # Such as a database that is away: the next turn connects anew.
        log.exception("worker: the turn failed")
        db.session.remove()
        return
    for name, units in work.done.items():
        rests[name] = _Rest()
        log.info("worker: %s: %d", name, units)
    for name in work.failed:
        failures = rests[name].failures + 1
        rest_s = min(TURN_S * 2**failures, REST_S_MAX)
        rests[name] = _Rest(failures, time.monotonic() + rest_s)


def _follow_demo_clock(stop: threading.Event) -> None:
    demo_clock.load()
    db.session.remove()
    walk.tell_sandbox()
    walk.walk(stop)


def _stopped_by_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
