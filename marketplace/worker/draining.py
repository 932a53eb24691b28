"""Do what is due until nothing is: each job in its turn, a few units at a time."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from marketplace import clock
from marketplace.extensions import db
from marketplace.failpoints import Point, failpoint
from marketplace.worker.jobs import JOBS, Job

IN_A_ROW_MAX = 10  # units of one job, before the next has its turn
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
    active = deque(JOBS if jobs is None else jobs)
    idle = 0  # jobs in a row that found nothing; once it is all of them, nothing is due
    in_a_row = 0  # units of the job whose turn it is
    while idle < len(active) and work.units < UNITS_MAX:
        if stop is not None and stop.is_set():
            break
        job = active[0]
        try:
            did = _one(job, clock.now() if at is None else at)
        except Exception as error:
            log.exception("%s failed", job.name)
            work.failed[job.name] = repr(error)
            active.popleft()
            in_a_row = 0
            continue
        if did:
            work.done[job.name] = work.done.get(job.name, 0) + 1
        idle = 0 if did else idle + 1
        in_a_row = in_a_row + 1 if did else 0
        if in_a_row in (0, IN_A_ROW_MAX):
            active.rotate(-1)
            in_a_row = 0
    db.session.remove()
    return work


def _one(job: Job, at: datetime) -> bool:
    """Do one unit: it is committed, or it never was.

    Jobs that find nothing have only looked: they share a transaction, which saves a third of it.
    """
    try:
        failpoint(job.name, Point.BEGIN)
        did = job.run_one(at)
        if did:
            failpoint(job.name, Point.BEFORE_COMMIT)
            db.session.commit()
            failpoint(job.name, Point.RECORDED)
            db.session.remove()
        return did
    except BaseException:
        db.session.remove()  # undoes what was not committed, and gives a dead connection back
        raise
