"""Whose balances a payout run is about: read from what the accounts hold, nothing is summed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select

from marketplace.ledger import balances
from marketplace.parties.creator import Creator
from marketplace.payouts import sweep


def balances_of_run(rhythm: str, time_zone: str, due_at: datetime) -> Select[UUID, str]:
    """Creator and currency of every available balance of who was on this schedule by then.

    Of a sweep: of every balance that is old enough for it.
    """
    if rhythm == sweep.SWEEP:
        return sweep.balances_due(due_at)
    held = balances.stored("creator_available", above_zero=True)
    return (
        select(Creator.id, held.c.currency)
        .join(held, balances.id_of("creator", held.c.owner) == Creator.id)
        .where(
            Creator.payout_rhythm == rhythm,
            Creator.time_zone == time_zone,
            Creator.payout_rhythm_at <= due_at,
        )
        .order_by(Creator.id, held.c.currency)
    )
