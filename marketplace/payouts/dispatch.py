"""What follows a run's approval, or its rejection: one row at a time, each in a commit of its own.

begin_next      an approved run is sent
ask_next        one of its payouts: the processor is asked for the transfer; what goes to bank
                accounts is left to `bank_making`, which writes a file of it
finish_next     all its payouts have left or are held, unknown or ended: the run is done
give_back_next  one payout of a rejected run: its money is available again
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, or_, select

from marketplace import statuses
from marketplace.database.lock import lock_next
from marketplace.extensions import db
from marketplace.payouts import shortfall
from marketplace.payouts.destination import Destination
from marketplace.payouts.leaving import enqueue, to_bank
from marketplace.payouts.payout import Payout, PayoutStatus, cancel
from marketplace.payouts.run import LEAVING, PayoutRun, PayoutRunLine, RunStatus
from marketplace.statuses import SYSTEM


def begin_next(at: datetime) -> bool:
    """Begin to send one approved run; False if there is none."""
    run = lock_next(
        PayoutRun,
        PayoutRun.status == RunStatus.APPROVED,
        ~shortfall.stops_run(),
        order_by=PayoutRun.status_at,
    )
    if run is None:
        return False
    statuses.advance(run, "send", at, SYSTEM)
    return True


def ask_next(at: datetime) -> bool:
    """Ask the processor for one payout of a run that is sent; False if all are asked for."""
    payout = lock_next(
        Payout,
        Payout.status == PayoutStatus.RESERVED,
        Payout.asked_at.is_(None),
        Payout.run_id.in_(select(PayoutRun.id).where(PayoutRun.status.in_(LEAVING))),
        ~to_bank(),
        order_by=Payout.id,
    )
    if payout is None:
        return False
    enqueue(payout, db.session.get_one(Destination, payout.destination_id), at)
    return True


def finish_next(at: datetime) -> bool:
    """Close one run of which nothing waits to leave any more; False if there is none."""
    waits = or_(
        exists().where(PayoutRunLine.run_id == PayoutRun.id, PayoutRunLine.state == "waiting"),
        exists().where(
            Payout.run_id == PayoutRun.id,
            Payout.status.in_((PayoutStatus.RESERVED, PayoutStatus.SENDING)),
        ),
    )
    run = lock_next(
        PayoutRun, PayoutRun.status == RunStatus.SENDING, ~waits, order_by=PayoutRun.due_at
    )
    if run is None:
        return False
    statuses.advance(run, "finish", at, SYSTEM)
    return True


def give_back_next(at: datetime) -> bool:
    """Call off one payout of a rejected run, for the run's reason; False if there is none."""
    payout = lock_next(
        Payout,
        Payout.status.in_((PayoutStatus.RESERVED, PayoutStatus.HELD)),
        Payout.run_id.in_(select(PayoutRun.id).where(PayoutRun.status == RunStatus.REJECTED)),
        order_by=Payout.id,
    )
    if payout is None:
        return False
    rejection = statuses.history(db.session.get_one(PayoutRun, payout.run_id))[-1]
    cancel(payout, rejection.actor, rejection.reason, at)
    return True
