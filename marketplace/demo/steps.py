"""What every step of the demo world needs: an instant, a form key, and a payer at the checkout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from flask import current_app
from psycopg import Connection
from sqlalchemy import event

from marketplace import clock, demo_clock
from marketplace.demo import hosted
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.worker import sender, walk
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS

_NAMESPACE = UUID("3f0a3a52-6f0e-4d0e-9c1c-2d1d1a1a0d0e")  # the same form keys each time

# Looks at the processors each day would take longer than all that is lived, and nothing else is in
# the world that these would find.
_NOT_LIVED = {
    *("solvency", "reconciliation", "disputes to ask about", "brands' debts"),
    *("codes of what is over", "payouts of rejected runs", "accounts that close"),
}
_LIVED = tuple(job for job in JOBS if job.name not in _NOT_LIVED)
_SENDER = tuple(job for job in JOBS if job.name == sender.JOB)


class WorldFailed(MarketplaceError):
    """A step of the demo world did not come out as it always does."""

    status, code = 500, "demo_world"


@dataclass(frozen=True)
class Step:
    """What somebody does at an instant."""

    at: datetime
    act: Callable[[], None]


def form_key(what: str) -> UUID:
    """The key of the form in which somebody asked for this."""
    return uuid5(_NAMESPACE, what)


def base_url() -> str:
    """Where the site is."""
    url: str = current_app.extensions["settings"].base_url
    return url


def pay(deposit: Deposit) -> None:
    """Wait for the hosted page, pay there, and wait until the money is in the books."""
    id = deposit.id
    db.session.commit()
    drain(jobs=_SENDER)
    opened = db.session.get_one(Deposit, id)
    if opened.checkout_url is None:
        raise WorldFailed(f"deposit {id} has no checkout: {opened.rejection}")
    hosted.pay(opened.checkout_url)
    travel(clock.now() + timedelta(minutes=1))  # our own question comes before any webhook
    paid = db.session.get_one(Deposit, id)
    if paid.status != DepositStatus.SUCCEEDED:
        raise WorldFailed(f"deposit {id} is {paid.status} after it was paid")


def work() -> None:
    """Commit, and do what is due now."""
    db.session.commit()
    drain(jobs=_LIVED)


def begin(instant: datetime) -> None:
    """Start the demo clock in the past, at the sandbox too.

    Until `arrive`, commits do not wait for the disk: half a world is of no use to anybody.
    """
    event.listen(db.engine, "connect", _commit_without_waiting)
    db.session.remove()
    db.engine.dispose()
    demo_clock.begin(instant)
    db.session.commit()
    walk.tell_sandbox()


def _commit_without_waiting(connection: Connection[Any], _record: object) -> None:
    connection.execute("SET synchronous_commit = off")
    connection.commit()


def travel(instant: datetime) -> None:
    """Let time pass until `instant`, doing on the way all that falls due."""
    demo_clock.want(instant)
    db.session.commit()
    walk.walk(jobs=_LIVED)
    db.session.remove()


def arrive() -> None:
    """Be in the present: domain time is wall time again, and today's looks are taken.

    Commits wait for the disk again, and the first that does so brings all before it there.
    """
    event.remove(db.engine, "connect", _commit_without_waiting)
    db.session.remove()
    db.engine.dispose()
    demo_clock.begin(clock.wall_now())
    db.session.commit()
    walk.tell_sandbox()
    drain()
