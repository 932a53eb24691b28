"""A payout that lies at the processor until its receiver fetches it: its creator is reminded.

On days 0, 3, 14 and 27 of the thirty; then it comes back, and they are told that, too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from marketplace.database.lock import lock_next
from marketplace.extensions import db
from marketplace.payouts import notices
from marketplace.payouts.payout import CLAIM_WITHIN, Payout, PayoutStatus

REMINDERS = tuple(timedelta(days=days) for days in (0, 3, 14, 27))


def waits(payout: Payout, at: datetime) -> None:
    """It begins to wait for its receiver, who is told now. The caller has locked it."""
    payout.remind_at = at
    _remind(payout, at)


def remind_due(at: datetime) -> bool:
    """Remind one creator of a payout that they have not claimed; False if none is due."""
    payout = lock_next(
        Payout,
        Payout.status == PayoutStatus.UNCLAIMED,
        Payout.remind_at <= at,
        order_by=Payout.remind_at,
    )
    if payout is None:
        return False
    _remind(payout, at)
    return True


def next_reminder() -> datetime | None:
    """When the next creator is reminded."""
    waiting = Payout.status == PayoutStatus.UNCLAIMED
    return db.session.scalar(select(func.min(Payout.remind_at)).where(waiting))


def _remind(payout: Payout, at: datetime) -> None:
    """One mail, whatever was missed meanwhile; the next one on its day."""
    since = payout.status_at
    notices.unclaimed(payout.creator_id, payout.amount, since + CLAIM_WITHIN, at)
    payout.remind_at = next((since + it for it in REMINDERS if since + it > at), None)
