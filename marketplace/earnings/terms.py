"""Terms of income: platform fee and maturity per kind, as data with effective dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db
from marketplace.money import Money


@dataclass(frozen=True)
class Terms:
    """What applies to an earning: agreements keep theirs, whatever is decided later.

    `fee_on_top`: the platform fee comes on top of what is agreed and the payer bears it; otherwise
    it is taken out of it and the creator bears it.
    """

    platform_fee_bps: int
    maturity_days: int
    fee_on_top: bool

    def split(self, amount: Money) -> tuple[Money, Money]:
        """Net and platform fee of an agreed amount; the fee is rounded half-even, once."""
        fee = amount.share(self.platform_fee_bps)
        return (amount, fee) if self.fee_on_top else (amount - fee, fee)


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
    fee_on_top: Mapped[bool] = mapped_column(server_default="false")


def terms_of(kind: str, at: datetime) -> Terms:
    """The terms that hold for this kind of income at this instant (dates are UTC days)."""
    statement = (
        select(IncomeTerms)
        .where(IncomeTerms.kind == kind, IncomeTerms.effective_on <= at.date())
        .order_by(IncomeTerms.effective_on.desc())
        .limit(1)
    )
    row = db.session.scalars(statement).one()
    return Terms(row.platform_fee_bps, row.maturity_days, row.fee_on_top)
