"""What a creator earned in a period, by source, and what was clawed back: a statement's sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from marketplace.earnings.clawback import Clawback
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.money import Money


@dataclass(frozen=True)
class Source:
    """One way to earn in one period: gross = platform fee + net, of what came and of what went.

    What was clawed back may be of an earlier period's earnings; `became_debt` is a part of its net.
    """

    kind: str
    gross: Money
    platform_fee: Money
    net: Money
    clawed_gross: Money
    clawed_fee: Money
    clawed_net: Money
    became_debt: Money


def by_source(creator_id: UUID, currency: str, since: datetime, until: datetime) -> list[Source]:
    """Each source from which something came or went at `since` <= instant < `until`, by name."""
    earned = (
        select(Earning.kind, func.sum(Earning.gross_minor), func.sum(Earning.net_minor))
        .where(
            Earning.creator_id == creator_id,
            Earning.currency == currency,
            Earning.accrued_at >= since,
            Earning.accrued_at < until,
        )
        .group_by(Earning.kind)
    )
    clawed = (
        select(
            Earning.kind,
            func.sum(Clawback.net_minor + Clawback.platform_fee_minor),
            func.sum(Clawback.net_minor),
            func.sum(Clawback.debt_minor),
        )
        .join(Earning, Earning.id == Clawback.earning_id)
        .where(
            Clawback.creator_id == creator_id,
            Clawback.currency == currency,
            Clawback.at >= since,
            Clawback.at < until,
        )
        .group_by(Earning.kind)
    )
    came = {row[0]: row[1:] for row in db.session.execute(earned)}
    went = {row[0]: row[1:] for row in db.session.execute(clawed)}
    return [
        _source(kind, currency, *came.get(kind, (0, 0)), *went.get(kind, (0, 0, 0)))
        for kind in sorted({*came, *went})
    ]


def _source(kind: str, currency: str, *minors: Any) -> Source:
    gross, net, clawed_gross, clawed_net, debt = (Money(int(it), currency) for it in minors)
    return Source(
        kind,
        gross,
        gross - net,
        net,
        clawed_gross,
        clawed_gross - clawed_net,
        clawed_net,
        debt,
    )
