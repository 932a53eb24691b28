"""Do what is due until nothing is: rounds over all jobs, in each round one unit of each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from marketplace import clock
from marketplace.extensions import db
from marketplace.failpoints import Point, failpoint
from marketplace.worker.jobs import JOBS, Job

UNITS_MAX = 10_000  # of one drain: what never ends must not keep the loop from its other duties

log = logging.getLogger(__name__)


@dataclass
class Work:
    """What a drain did: units by job, and the jobs that failed."""

    done: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def units(self) -> int:
        return sum(self.done.values())


def drain(
    at: datetime | None = None,
    jobs: Sequence[Job] | None = None,
    stop: threading.Event | None = None,
) -> Work:
    """Do everything that is due until nothing is left; a job that fails is left out from then on.

    Args:
        at: domain time to work at; None = the time it is at each unit.
    """
    work = Work()
    active = list(JOBS if jobs is None else jobs)
    while active and work.units < UNITS_MAX:
        found = False
        for job in list(active):
            if stop is not None and stop.is_set():
                return work
            try:
                did = _one(job, clock.now() if at is None else at)
            except Exception as error:
                log.exception("%s failed", job.name)
                work.failed[job.name] = repr(error)
                active.remove(job)
                continue
            if did:
                found = True
                work.done[job.name] = work.done.get(job.name, 0) + 1
        if not found:
            break
    return work


def _one(job: Job, at: datetime) -> bool:
    """Do one unit in its own session: it is committed, or it never was."""
    try:
        failpoint(job.name, Point.BEGIN)
        did = job.run_one(at)
        failpoint(job.name, Point.BEFORE_COMMIT)
        db.session.commit()
        failpoint(job.name, Point.RECORDED)
        return did
    finally:
        db.session.remove()  # undoes what was not committed, and gives a dead connection back
