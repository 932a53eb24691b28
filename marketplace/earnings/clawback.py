"""A clawback: a creator loses an earning again, wholly or in part, because its cause was undone.

The earning is never edited: what the creator keeps is its net less its clawbacks. What was pending
is taken from there; what had matured, from the available balance as far as that goes. The rest is
the creator's debt, which later payouts recover.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.extensions import Base, db
from marketplace.ledger import balances, journal, postings
from marketplace.ledger.draft import AccountRef, Cause
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator


class Clawback(Base):
    """One change of what a creator keeps of an earning. Written once."""

    __tablename__ = "clawback"
    __table_args__ = (
        CheckConstraint("net_minor > 0 AND platform_fee_minor >= 0", name="net_positive"),
        CheckConstraint("debt_minor BETWEEN 0 AND net_minor", name="debt_within_net"),
        Index("ix_clawback_creator", "creator_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    earning_id: Mapped[UUID] = mapped_column(ForeignKey("earning.id"), index=True)
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"))  # the earning's
    net_minor: Mapped[int]  # what the creator loses
    debt_minor: Mapped[int]  # of that, what was no longer there to take
    platform_fee_minor: Mapped[int]  # what we give back of our fee
    currency: Mapped[str]
    reason: Mapped[str]  # 'order_refunded'
    evidence: Mapped[str | None]  # what an operator saw who took it back; the creator reads it
    source_ref: Mapped[str] = mapped_column(unique=True)  # what undid it: 'refund:R-7'
    actor: Mapped[str]
    at: Mapped[datetime]

    @property
    def net(self) -> Money:
        return Money(self.net_minor, self.currency)

    @property
    def debt(self) -> Money:
        return Money(self.debt_minor, self.currency)

    @property
    def platform_fee(self) -> Money:
        return Money(self.platform_fee_minor, self.currency)

    @property
    def gross(self) -> Money:
        return self.net + self.platform_fee

    @property
    def cause(self) -> Cause:
        return Cause("clawback", self.id)


# What was clawed back of the earning that a query is about.
CLAWED_MINOR = (
    select(func.coalesce(func.sum(Clawback.net_minor), 0))
    .where(Clawback.earning_id == Earning.id)
    .correlate(Earning)
    .scalar_subquery()
)


def claw_back(
    earning: Earning,
    keep: Money,
    *,
    reason: str,
    source_ref: str,
    back_to: AccountRef,
    actor: str,
    at: datetime,
    evidence: str | None = None,
) -> Clawback | None:
    """From now on the creator keeps `keep`, net, of this earning; None if it is no more already.

    Our platform fee shrinks in proportion. Both go back to `back_to`, in one posting. Locks the
    creator, then the earning: nobody spends in between what is taken here.

    Args:
        reason: a word that pages explain, such as 'order_refunded'.
        source_ref: what undid the earning, such as 'refund:R-7'; it does so once.
        evidence: what somebody saw who decided it.

    Raises:
        ValueError: `keep` is negative or in another currency.
        IntegrityError: this source clawed something else back before.
    """
    if keep < zero(earning.currency):
        raise ValueError(f"nobody keeps {keep}")
    lock(Creator, earning.creator_id)
    locked = lock(Earning, earning.id)
    assert locked is not None
    standing = kept(locked)
    if keep >= standing:
        return None
    net = standing - keep
    taken_from = _bears(locked)
    taken = min(net, balances.balance(taken_from, net.currency))
    given_back = platform_fee_while(locked, standing) - platform_fee_while(locked, keep)
    clawback = Clawback(
        id=new_id(),
        earning_id=locked.id,
        creator_id=locked.creator_id,
        net_minor=net.minor,
        debt_minor=(net - taken).minor,
        platform_fee_minor=given_back.minor,
        currency=net.currency,
        reason=reason,
        evidence=evidence,
        source_ref=source_ref,
        actor=actor,
        at=at,
    )
    db.session.add(clawback)
    if not keep and statuses.allows(locked, "reverse"):
        statuses.advance(locked, "reverse", at, actor, reason)
        locked.review_at = None
    db.session.flush()
    parts = taken, clawback.debt, clawback.platform_fee
    journal.post(postings.earning_clawed_back(taken_from, *parts, back_to, clawback.cause, at))
    return clawback


def _bears(earning: Earning) -> AccountRef:
    """What a clawback is taken from: pending and contested money cover it, available may not."""
    accounts = {
        EarningStatus.PENDING: postings.creator_pending,
        EarningStatus.CONTESTED: postings.creator_contested,
    }
    account = accounts.get(EarningStatus(earning.status), postings.creator_available)
    return account(earning.creator_owner)


def kept(earning: Earning) -> Money:
    """What the creator keeps of an earning: its net less what was clawed back."""
    return kept_of([earning])[earning.id]


def kept_of(earnings: Sequence[Earning]) -> dict[UUID, Money]:
    """What creators keep of each of these earnings, by its id."""
    rows = db.session.execute(
        select(Clawback.earning_id, func.sum(Clawback.net_minor))
        .where(Clawback.earning_id.in_([earning.id for earning in earnings]))
        .group_by(Clawback.earning_id)
    )
    clawed = {earning_id: int(minor) for earning_id, minor in rows}
    return {it.id: Money(it.net_minor - clawed.get(it.id, 0), it.currency) for it in earnings}


def clawbacks_of(earnings: Sequence[Earning]) -> list[Clawback]:
    """Every clawback of these earnings, oldest first."""
    ids = [earning.id for earning in earnings]
    return list(
        db.session.scalars(
            select(Clawback).where(Clawback.earning_id.in_(ids)).order_by(Clawback.id)
        )
    )


def platform_fee_while(earning: Earning, keep: Money) -> Money:
    """Our platform fee while the creator keeps that much of the net: in proportion, half-even."""
    exact = Decimal(earning.platform_fee_minor) * keep.minor / earning.net_minor
    return Money(int(exact.to_integral_value(ROUND_HALF_EVEN)), earning.currency)
