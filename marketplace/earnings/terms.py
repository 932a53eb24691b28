"""Terms of income: platform fee and maturity per kind, as data with effective dates."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db


class IncomeTerms(Base):
    """What holds for one kind of income from a day on. A change is a new row."""

    __tablename__ = "income_terms"
    __table_args__ = (
        CheckConstraint("platform_fee_bps BETWEEN 0 AND 10000", name="platform_fee_bps"),
        CheckConstraint("maturity_days >= 0", name="maturity_days"),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    effective_on: Mapped[date] = mapped_column(primary_key=True)
    platform_fee_bps: Mapped[int]
    maturity_days: Mapped[int]


def terms_of(kind: str, at: datetime) -> IncomeTerms:
    """The terms that hold for this kind of income at this instant (dates are UTC days)."""
    statement = (
        select(IncomeTerms)
        .where(IncomeTerms.kind == kind, IncomeTerms.effective_on <= at.date())
        .order_by(IncomeTerms.effective_on.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one()
