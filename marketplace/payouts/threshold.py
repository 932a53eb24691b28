"""The payout threshold per currency: local equivalents of 100 USD, as data with effective dates."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db
from marketplace.money import Money


class PayoutThreshold(Base):
    """From this day on, a balance in this currency leaves at or above this amount."""

    __tablename__ = "payout_threshold"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    currency: Mapped[str] = mapped_column(primary_key=True)
    effective_on: Mapped[date] = mapped_column(primary_key=True)
    amount_minor: Mapped[int]


def threshold_of(currency: str, at: datetime) -> Money:
    """The threshold that holds for this currency at this instant (dates are UTC days)."""
    statement = (
        select(PayoutThreshold.amount_minor)
        .where(PayoutThreshold.currency == currency, PayoutThreshold.effective_on <= at.date())
        .order_by(PayoutThreshold.effective_on.desc())
        .limit(1)
    )
    return Money(db.session.scalars(statement).one(), currency)


def currencies(at: datetime) -> frozenset[str]:
    """The currencies that money can be owed in: those with a threshold."""
    statement = select(PayoutThreshold.currency).where(PayoutThreshold.effective_on <= at.date())
    return frozenset(db.session.scalars(statement))
