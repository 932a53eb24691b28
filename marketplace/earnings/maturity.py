"""Maturity: from its instant on, what the creator still keeps of an earning is available."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from marketplace import statuses
from marketplace.database.lock import lock_free
from marketplace.earnings.clawback import CLAWED_MINOR, kept_of
from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.money import Money

MATURE_AT_ONCE = 500


def mature_due(at: datetime) -> bool:
    """Make available what has matured, up to `MATURE_AT_ONCE` earnings; False if there was none."""
    earnings = lock_free(
        Earning,
        Earning.status == EarningStatus.PENDING,
        Earning.matures_at <= at,
        order_by=Earning.matures_at,
        limit=MATURE_AT_ONCE,
    )
    if not earnings:
        return False
    kept = kept_of(earnings)
    drafts = []
    for earning in earnings:
        statuses.advance(earning, "mature", at, statuses.SYSTEM)
        net = kept[earning.id]
        drafts.append(postings.earning_matured(earning.creator_owner, net, earning.cause, at))
    db.session.flush()
    journal.post_many(drafts)
    return True


def next_maturity() -> datetime | None:
    """When the next earning matures, of all creators."""
    return db.session.scalar(
        select(func.min(Earning.matures_at)).where(Earning.status == EarningStatus.PENDING)
    )


def pending_of(creator_id: UUID, currency: str) -> list[tuple[Money, datetime]]:
    """What a creator waits for: amount and instant of maturity, soonest first."""
    rows = db.session.execute(
        select(func.sum(Earning.net_minor - CLAWED_MINOR), Earning.matures_at)
        .where(
            Earning.creator_id == creator_id,
            Earning.currency == currency,
            Earning.status == EarningStatus.PENDING,
        )
        .group_by(Earning.matures_at)
        .order_by(Earning.matures_at)
    )
    return [(Money(int(minor), currency), matures_at) for minor, matures_at in rows]
