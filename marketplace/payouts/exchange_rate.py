"""Exchange rates of the European Central Bank, copied into a table of ours and never changed.

They come with the package `currencyconverter`: nothing is asked over the network, and newer rates
come with a newer release. What was adopted on a rate keeps pointing to our copy of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from importlib.metadata import version

from currency_converter import CurrencyConverter, RateNotFoundError
from sqlalchemy import CheckConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Numeric

from marketplace.errors import BadInput
from marketplace.extensions import Base, db
from marketplace.money import Money
from marketplace.payouts.equivalent import equivalent

FRESH_DAYS = 45  # a release a month, and two weeks to install it


class ExchangeRate(Base):
    """How many units of a currency a euro was worth on a day, exactly as published."""

    __tablename__ = "exchange_rate"
    __table_args__ = (CheckConstraint("per_euro > 0", name="per_euro"),)

    currency: Mapped[str] = mapped_column(primary_key=True)
    published_on: Mapped[date] = mapped_column(primary_key=True)
    per_euro: Mapped[Decimal] = mapped_column(Numeric())
    source: Mapped[str]


@dataclass(frozen=True)
class Rates:
    """All rates of one day, in units per euro."""

    published_on: date
    per_euro: Mapping[str, Decimal]

    def age_days(self, today: date) -> int:
        return (today - self.published_on).days

    def of_hundred_dollars(self, currency: str) -> Money:
        """What 100 USD were in this currency, down to the minor unit.

        Raises:
            BadInput: the day has no rate of it.
        """
        if currency not in self.per_euro:
            raise BadInput(
                f"the European Central Bank has no rate of {currency} on {self.published_on}:"
                " adopt an amount of your own with --amount"
            )
        return equivalent(currency, self.per_euro[currency], self.per_euro["USD"])


def rates_of(day: date) -> Rates:
    """The latest rates that were published by this day, once they are in our table.

    Raises:
        BadInput: there were none yet.
    """
    _copy(day)
    last = select(func.max(ExchangeRate.published_on)).where(ExchangeRate.published_on <= day)
    published_on = db.session.scalar(last)
    if published_on is None:
        raise BadInput(f"there are no exchange rates of {day} or before: name a later day")
    return rates_on([published_on])[published_on]


def rates_on(days: Collection[date]) -> dict[date, Rates]:
    """The rates of exactly these days, as they are in our table."""
    per_euro: dict[date, dict[str, Decimal]] = {day: {} for day in days}
    rows = select(ExchangeRate).where(ExchangeRate.published_on.in_(days))
    for rate in db.session.scalars(rows):
        per_euro[rate.published_on][rate.currency] = rate.per_euro
    return {day: Rates(day, rates) for day, rates in per_euro.items()}


def require_fresh(rates: Rates, today: date) -> None:
    """Refuse to decide on old rates without knowing it.

    Raises:
        BadInput: they are older than `FRESH_DAYS`.
    """
    age_days = rates.age_days(today)
    if age_days > FRESH_DAYS:
        raise BadInput(
            f"the latest exchange rates are {age_days} days old: upgrade currencyconverter, or"
            f" decide on them with --as-of {rates.published_on}"
        )


def _copy(day: date) -> None:
    """Copy what was published last by this day; rates that are there already stay as they are."""
    known = CurrencyConverter(decimal=True)
    first, last = known.bounds["USD"]
    published_on, rates = min(day, last), dict[str, Decimal]()
    while published_on >= first and not (rates := _published(known, published_on)):
        published_on -= timedelta(days=1)  # nothing is published on weekends and holidays
    source = f"ECB, by currencyconverter {version('currencyconverter')}"
    for currency, per_euro in sorted(rates.items()):
        db.session.execute(
            insert(ExchangeRate)
            .values(currency=currency, published_on=published_on, per_euro=per_euro, source=source)
            .on_conflict_do_nothing()
        )


def _published(known: CurrencyConverter, day: date) -> dict[str, Decimal]:
    """What the ECB published on this very day; nothing if it did not."""
    rates: dict[str, Decimal] = {}
    for currency in known.currencies - {"EUR"}:
        try:
            rates[currency] = known.convert(1, "EUR", currency, day)
        except RateNotFoundError:
            continue  # not that day, or not in that age
    return {"EUR": Decimal(1), **rates} if "USD" in rates else {}
