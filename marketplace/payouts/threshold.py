"""The payout threshold per currency: local equivalents of 100 USD, as data with effective dates."""

from __future__ import annotations

from datetime import date, datetime

from babel import Locale
from babel.numbers import get_territory_currencies
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Subquery, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.errors import BadInput
from marketplace.extensions import Base, db
from marketplace.money import MINOR_MAX, Money
from marketplace.processors import paypal_amounts, stripe_amounts


class PayoutThreshold(Base):
    """From this day on, a balance in this currency leaves at or above this amount."""

    __tablename__ = "payout_threshold"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        # The first thresholds came with the database: nobody adopted them.
        CheckConstraint("(adopted_by IS NULL) = (adopted_at IS NULL)", name="adopted"),
        CheckConstraint(
            "effective_on >= (adopted_at AT TIME ZONE 'UTC')::date", name="never_backdated"
        ),
        ForeignKeyConstraint(
            ["currency", "rate_on"], ["exchange_rate.currency", "exchange_rate.published_on"]
        ),
    )

    currency: Mapped[str] = mapped_column(primary_key=True)
    effective_on: Mapped[date] = mapped_column(primary_key=True)
    amount_minor: Mapped[int]
    adopted_by: Mapped[str | None]  # 'user:<hex>'
    adopted_at: Mapped[datetime | None]
    rate_on: Mapped[date | None]  # the day of the exchange rate that it was made from, if any

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


def threshold_of(currency: str, at: datetime) -> Money:
    """The threshold that holds for this currency at this instant (dates are UTC days)."""
    statement = (
        select(PayoutThreshold.amount_minor)
        .where(PayoutThreshold.currency == currency, PayoutThreshold.effective_on <= at.date())
        .order_by(PayoutThreshold.effective_on.desc())
        .limit(1)
    )
    return Money(db.session.scalars(statement).one(), currency)


def current(at: datetime) -> Subquery:
    """Return currency and amount_minor of every threshold that holds at this instant."""
    statement = (
        select(PayoutThreshold.currency, PayoutThreshold.amount_minor)
        .where(PayoutThreshold.effective_on <= at.date())
        .ext(distinct_on(PayoutThreshold.currency))
        .order_by(PayoutThreshold.currency, PayoutThreshold.effective_on.desc())
    )
    return statement.subquery("holds")


def currencies(at: datetime) -> frozenset[str]:
    """The currencies that money can be owed in: those with a threshold."""
    statement = select(PayoutThreshold.currency).where(PayoutThreshold.effective_on <= at.date())
    return frozenset(db.session.scalars(statement))


def adopt(
    amount: Money, effective_on: date, actor: str, at: datetime, rate_on: date | None = None
) -> None:
    """Let this threshold hold from a day on, today or later. What holds before stays as it is.

    `rate_on`: the day of the exchange rate that it was made from; it is in our table.

    Raises:
        BadInput: a day in the past or one that has a threshold already, a currency that nobody
            pays with, or an amount that a processor cannot pay. The message says which.
    """
    if effective_on < at.date():
        raise BadInput(f"{effective_on} is in the past: a threshold holds from {at.date()} on")
    _require_payable(amount, at.date())
    adopted = db.session.scalar(
        insert(PayoutThreshold)
        .values(
            currency=amount.currency,
            effective_on=effective_on,
            amount_minor=amount.minor,
            adopted_by=actor,
            adopted_at=at,
            rate_on=rate_on,
        )
        .on_conflict_do_nothing()
        .returning(PayoutThreshold.currency)
    )
    if adopted is None:
        raise BadInput(
            f"{amount.currency} has a threshold from {effective_on} on already: choose another day"
        )


def _require_payable(amount: Money, on: date) -> None:
    if not in_tender(amount.currency, on):
        raise BadInput(f"{amount.currency} is no currency that anybody pays with today")
    if amount.currency in stripe_amounts.UNKNOWN:  # nor does PayPal know them
        raise BadInput(f"no processor can pay {amount.currency}")
    step = Money(step_minor(amount.currency), amount.currency)
    if not step.minor <= amount.minor <= MINOR_MAX or amount.minor % step.minor:
        raise BadInput(
            f"a threshold of {amount} cannot be paid: take a multiple of {step}, above zero"
        )


def in_tender(currency: str, on: date) -> bool:
    """Is it legal tender anywhere on this day? Source: Unicode CLDR."""
    return any(
        currency in get_territory_currencies(str(territory), on, on)
        for territory in Locale("en").territories
    )


def step_minor(currency: str) -> int:
    """What every processor can pay a multiple of, in minor units."""
    return max(stripe_amounts.payout_step(currency), paypal_amounts.payout_step(currency))


def versions() -> list[PayoutThreshold]:
    """Every threshold there was, is or will be, by currency, the latest first."""
    statement = select(PayoutThreshold).order_by(
        PayoutThreshold.currency, PayoutThreshold.effective_on.desc()
    )
    return list(db.session.scalars(statement))
