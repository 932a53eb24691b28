"""The demo clock's walk: from due instant to due instant, so that all happens in its order.

    walk
      _go             move domain time to the next stop
        next_stop     the earliest instant at which any job falls due, `wanted` at the latest
      tell_sandbox    the processor's clock moves along
      drain

A month asked for at once is thus lived through: each weekly run happens on its day.
"""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flask import current_app

from marketplace import clock, demo_clock
from marketplace.config import Settings
from marketplace.database.lock import lock_where
from marketplace.demo_clock import DemoClock
from marketplace.extensions import db
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS, Job

SANDBOX_TIMEOUT_S = 5.0
_STEP = timedelta(seconds=1)  # offsets are whole seconds: one later, the instant has surely come

log = logging.getLogger(__name__)

_told: tuple[str, int] | None = None  # the sandbox and the offset it last took from this process


def walk(stop: threading.Event | None = None, jobs: Sequence[Job] | None = None) -> int:
    """Move domain time to where somebody wants it, stopping wherever something falls due.

    Returns how many stops were made. In sandbox mode only.

    Args:
        jobs: what is done on the way; None = whatever the worker does.
    """
    stops = 0
    while not (stop is not None and stop.is_set()) and _go():
        stops += 1
        tell_sandbox()
        drain(jobs=jobs, stop=stop)
    return stops


def _go() -> bool:
    """Move to the next stop and commit; False if we are where somebody wants us."""
    lock_where(DemoClock, DemoClock.id == 1)  # one walker at a time, and never backwards
    demo_clock.load()
    wanted = demo_clock.wanted()
    if wanted is not None:
        stop = next_stop(clock.now(), wanted)
        demo_clock.set_to(stop)
        log.info("demo clock: %s", stop.isoformat(timespec="seconds"))
    db.session.commit()
    return wanted is not None


def next_stop(now: datetime, wanted: datetime) -> datetime:
    """Return the earliest instant after `now` at which a job falls due, `wanted` at the latest."""
    due = [instant for job in JOBS if (instant := job.next_due()) is not None and instant > now]
    return min(wanted, min(due) + _STEP) if due else wanted


def tell_sandbox() -> bool:
    """Tell the sandbox by how much domain time is ahead; False if it does not listen now."""
    global _told
    settings: Settings = current_app.extensions["settings"]
    base, offset_s = settings.stripe_api_base, round(clock.offset().total_seconds())
    if base is None or _told == (base, offset_s):
        return True
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=SANDBOX_TIMEOUT_S)
    try:
        body = json.dumps({"offset_s": offset_s})
        headers = {"Content-Type": "application/json"}
        connection.request("PUT", "/_sandbox/clock", body, headers)
        taken = connection.getresponse().status < 300
    except (OSError, http.client.HTTPException) as error:
        log.warning("demo clock: the sandbox does not listen: %r", error)
        taken = False
    finally:
        connection.close()
    if taken:
        _told = (base, offset_s)
    return taken
