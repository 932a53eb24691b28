"""What goes wrong in the demo world: a payout without an answer, one that came back, a contest.

The processor cannot be reached for one creator, neither to pay nor to look up, until its faults are
disarmed (`PUT /_sandbox/faults`): so their payout stays unknown for as long as somebody looks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import requests
from flask import current_app

from marketplace import clock
from marketplace.config import Settings
from marketplace.demo import people
from marketplace.demo.steps import Step, WorldFailed, work
from marketplace.earnings import hold as holds
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.payouts import destination as destinations
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.schedule import last_due
from marketplace.webhooks import inbox

UNANSWERED, RETURNED, CONTESTED = "jule", "lucia", "oskar"
TIMEOUT_S = 30
_MINUTE = timedelta(minutes=1)


def run_without_answer(present: datetime) -> datetime:
    """When the run falls due whose payout gets no answer: the creator's last one."""
    return _last_run(UNANSWERED, present)


def _last_run(handle: str, present: datetime) -> datetime:
    role = next(role for role in people.CREATORS if role.handle == handle)
    return last_due(role.rhythm, role.time_zone, present).at


def steps(present: datetime) -> list[Step]:
    """The processor goes silent around a run; a payout comes back a day before the next one."""
    run_at = run_without_answer(present)
    return [
        Step(run_at - _MINUTE, _go_silent),
        Step(min(run_at + _MINUTE, present), _stay_silent),
        Step(_last_run(RETURNED, present) - timedelta(days=1), _come_back),
        Step(present - timedelta(days=3), _contest),
    ]


def _go_silent() -> None:
    """No transfer to this creator gets an answer."""
    destination = destinations.current(people.creator(UNANSWERED).id)
    assert destination is not None
    assert destination.remote_account is not None
    _control("PUT", "faults", [_silence("transfers.create", destination.remote_account)])


def _stay_silent() -> None:
    """Nor does any look-up of what became of it."""
    payout = _newest(UNANSWERED, PayoutStatus.UNKNOWN)
    destination = destinations.current(payout.creator_id)
    assert destination is not None
    assert destination.remote_account is not None
    _control(
        "PUT",
        "faults",
        [
            _silence("transfers.create", destination.remote_account),
            _silence("transfers.list", payout.id.hex),
        ],
    )


def _silence(call: str, about: str) -> dict[str, Any]:
    return {"on": call, "fault": "reset_before", "times": None, "about": about}


def _come_back() -> None:
    """The processor reverses a transfer; we hear of it as after an outage, by asking for events."""
    payout = _newest(RETURNED, PayoutStatus.PAID)
    since = clock.now() - _MINUTE
    id = payout.id
    _control("POST", f"transfers/{payout.transfer_ref}/reverse")
    inbox.catch_up(destinations.PROCESSOR, since)
    work()
    if db.session.get_one(Payout, id).status != PayoutStatus.RETURNED:
        raise WorldFailed(f"payout {id} did not come back")


def _contest() -> None:
    """An operator holds an earning until they know more; without it, the rest is too little."""
    mine = db.session.query(Earning).filter_by(creator_id=people.creator(CONTESTED).id)
    earning = mine.order_by(Earning.net_minor.desc()).limit(1).one()
    holds.contest(
        earning.id,
        reason="ineligible",
        evidence="Many of these views came within one hour. The platform is asked about them.",
        days=14,
        actor=f"user:{people.operator().id.hex}",
        at=clock.now(),
    )


def _newest(handle: str, status: PayoutStatus) -> Payout:
    """The creator's newest payout in dollars, which must stand there."""
    mine = db.session.query(Payout).filter_by(
        creator_id=people.creator(handle).id, currency="USD", status=status
    )
    found = mine.order_by(Payout.id.desc()).first()
    if found is None:
        raise WorldFailed(f"no payout of {handle} is {status}")
    return found


def _control(method: str, call: str, body: Any = None) -> None:
    """Do one control call of the sandbox."""
    settings: Settings = current_app.extensions["settings"]
    url = f"{settings.stripe_api_base}/_sandbox/{call}"
    requests.request(method, url, json=body, timeout=TIMEOUT_S).raise_for_status()
