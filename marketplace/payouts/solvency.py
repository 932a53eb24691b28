"""Solvency: per currency, our cash at the processors beside what creators and brands own of it.

    books      what is owed, and what has left without an answer yet
    record     what the processors said beside it: a row per day and currency, and the shortfalls

A row is the last measurement of its day (UTC) that was answered in full, or an unknown one: that
neither begins nor ends a shortfall, and the processors are asked again soon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db
from marketplace.funding.refund import Refund, RefundStatus
from marketplace.ledger import audit
from marketplace.money import Money, zero
from marketplace.payouts import shortfall
from marketplace.payouts.leaving import to_bank
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.processors.bank import Bank
from marketplace.processors.base import Op
from marketplace.processors.listing import Cash
from marketplace.processors.outbox import ProcessorRequest

AGAIN_AFTER = timedelta(minutes=10)  # while a currency is short, or a processor does not answer
LATE_AFTER = timedelta(days=1)  # without an answer for so long, somebody must look
_ONE_WRITER = 0x736F6C76  # a number of our own: two measurements are written one after the other

# What a processor may have paid already, although the books wait for its word.
_LEFT = (PayoutStatus.SENDING, PayoutStatus.UNKNOWN, PayoutStatus.UNCLAIMED)

Said = Mapping[str, Mapping[str, Cash] | None]  # by processor and currency; None = no answer


class SolvencyDay(Base):
    """One day and currency. Amounts in minor units; cash is NULL if a processor did not answer."""

    __tablename__ = "solvency_day"
    __table_args__ = (
        CheckConstraint("(cash_minor IS NULL) = (pending_minor IS NULL)", name="cash_is_whole"),
        CheckConstraint("in_flight_minor >= 0", name="in_flight_not_negative"),
    )

    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    cash_minor: Mapped[int | None]  # at all processors, by their own word, and in our bank account
    pending_minor: Mapped[int | None]  # of it, not to be paid out yet
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)  # by processor: [available, pending]
    clearing_minor: Mapped[int]  # what our books say lies at the processors
    creators_minor: Mapped[int]
    brands_minor: Mapped[int]
    in_flight_minor: Mapped[int]  # of both, it has left and no answer has come yet

    @property
    def cash(self) -> Money | None:
        return None if self.cash_minor is None else self._money(self.cash_minor)

    @property
    def pending(self) -> Money:
        return self._money(self.pending_minor or 0)

    @property
    def creators(self) -> Money:
        return self._money(self.creators_minor)

    @property
    def brands(self) -> Money:
        return self._money(self.brands_minor)

    @property
    def in_flight(self) -> Money:
        return self._money(self.in_flight_minor)

    @property
    def needed(self) -> Money:
        """What must lie at the processors: all that others own, less what has left already."""
        return self.creators + self.brands - self.in_flight

    @property
    def ours(self) -> Money | None:
        """What is left for us, the pools included; below zero it is a shortfall."""
        return None if self.cash is None else self.cash - self.needed

    def at(self, processor: str) -> Money | None:
        """What this processor said, available or not; None if it said nothing."""
        said = self.said.get(processor)
        return None if said is None else self._money(sum(said))

    def _money(self, minor: int) -> Money:
        return Money(minor, self.currency)


@dataclass(frozen=True)
class Books:
    """Our side of it, in one currency."""

    clearing: Mapping[str, Money]  # by processor
    creators: Money
    brands: Money
    in_flight: Money

    @property
    def needed(self) -> Money:
        return self.creators + self.brands - self.in_flight


def books() -> dict[str, Books]:
    """What the books say now, by currency."""
    in_flight = _in_flight()
    clearing = _clearing()
    found = {}
    for position in audit.positions(audit.trial_balance()):
        currency = position.at_processors.currency
        found[currency] = Books(
            clearing=clearing.get(currency, {}),
            creators=position.owed_to_creators,
            brands=position.owed_to_brands,
            in_flight=Money(in_flight.get(currency, 0), currency),
        )
    return found


def _clearing() -> dict[str, dict[str, Money]]:
    by_currency: dict[str, dict[str, Money]] = {}
    for held in audit.accounts(None, "processor_clearing", None, limit=1_000):
        processor = held.account.owner.removeprefix("processor:")
        by_currency.setdefault(held.balance.currency, {})[processor] = held.balance
    return by_currency


def _in_flight() -> dict[str, int]:
    """Payouts and refunds that were sent and have no final answer, in minor units by currency."""
    was_sent = (
        select(ProcessorRequest.id)
        .where(
            ProcessorRequest.op == Op.REFUND,
            ProcessorRequest.subject_id == Refund.id,
            ProcessorRequest.first_sent_at.is_not(None),
        )
        .exists()
    )
    sums: dict[str, int] = {}
    for statement in (
        select(Payout.currency, func.sum(Payout.amount_minor))
        # What is in a bank file lies in the account, by the books, until it was executed.
        .where(Payout.status.in_(_LEFT), ~to_bank())
        .group_by(Payout.currency),
        select(Refund.currency, func.sum(Refund.amount_minor))
        .where(Refund.status == RefundStatus.REQUESTED, was_sent)
        .group_by(Refund.currency),
    ):
        for currency, minor in db.session.execute(statement):
            sums[currency] = sums.get(currency, 0) + int(minor)
    return sums


def record(before: Mapping[str, Books], said: Said, at: datetime) -> None:
    """Write a measurement down. `before`: the books before the processors were asked.

    What moved while they were asked is in one reading of the books and not in the other: the one
    that needs less counts, so that a deposit or a payout under way is never taken for a shortfall.
    """
    after = books()
    db.session.execute(select(func.pg_advisory_xact_lock(_ONE_WRITER)))
    for currency, now in after.items():
        own = min((now, before.get(currency, now)), key=lambda it: it.needed)
        known = {**said, **_in_our_bank(own.clearing)}
        cash = _sum(currency, known, own.clearing)
        _write(currency, own, cash, said, at)
        if cash is not None:
            shortfall.measured(own.needed - cash.total, at)


def _in_our_bank(clearing: Mapping[str, Money]) -> Said:
    """What lies in our bank account by our books: nobody can be asked, so they stand in for it."""
    held = clearing.get(Bank.name)
    return {Bank.name: {held.currency: Cash(held, zero(held.currency))}} if held else {}


def _sum(currency: str, said: Said, clearing: Mapping[str, Money]) -> Cash | None:
    """Our cash at all processors; None unless each answered at which anything may lie."""
    nothing = Cash(zero(currency), zero(currency))
    total = nothing
    for processor in {*said, *(name for name, money in clearing.items() if money)}:
        answer = said.get(processor)
        if answer is None:
            return None
        part = answer.get(currency, nothing)
        total = Cash(total.available + part.available, total.pending + part.pending)
    return total


def _write(currency: str, own: Books, cash: Cash | None, said: Said, at: datetime) -> None:
    told = {
        processor: [part.available.minor, part.pending.minor]
        for processor, answer in said.items()
        if answer is not None and (part := answer.get(currency)) is not None
    }
    values = {
        "asked_at": at,
        "cash_minor": None if cash is None else cash.total.minor,
        "pending_minor": None if cash is None else cash.pending.minor,
        "said": told,
        "clearing_minor": sum(money.minor for money in own.clearing.values()),
        "creators_minor": own.creators.minor,
        "brands_minor": own.brands.minor,
        "in_flight_minor": own.in_flight.minor,
    }
    row = insert(SolvencyDay).values(day=at.date(), currency=currency, **values)
    of_the_day = [SolvencyDay.day, SolvencyDay.currency]
    changed = {"asked_at": at} if cash is None else values
    db.session.execute(row.on_conflict_do_update(index_elements=of_the_day, set_=changed))
    db.session.expire_all()


# ---- when


def is_due(at: datetime) -> bool:
    """Is it a new day, or time to ask again because something is short or unknown?"""
    last = db.session.scalar(select(func.max(SolvencyDay.asked_at)))
    if last is None:
        return bool(audit.accounts(None, None, None, limit=1))
    if last.date() < at.date():
        return True
    return at - last >= AGAIN_AFTER and (bool(shortfall.all_short()) or bool(unanswered()))


# ---- what was found


def latest() -> list[SolvencyDay]:
    """The last row of each currency."""
    newest = (
        select(SolvencyDay)
        .ext(distinct_on(SolvencyDay.currency))
        .order_by(SolvencyDay.currency, SolvencyDay.day.desc())
    )
    return list(db.session.scalars(newest))


def since(day: date) -> list[SolvencyDay]:
    """Every row from this day on, by currency, the newest first."""
    statement = (
        select(SolvencyDay)
        .where(SolvencyDay.day >= day)
        .order_by(SolvencyDay.currency, SolvencyDay.day.desc())
    )
    return list(db.session.scalars(statement))


def known(currencies: Iterable[str]) -> dict[str, SolvencyDay]:
    """Of each currency the last row in which every processor answered."""
    statement = (
        select(SolvencyDay)
        .where(SolvencyDay.currency.in_(list(currencies)), SolvencyDay.cash_minor.is_not(None))
        .ext(distinct_on(SolvencyDay.currency))
        .order_by(SolvencyDay.currency, SolvencyDay.day.desc())
    )
    return {row.currency: row for row in db.session.scalars(statement)}


def unanswered() -> list[SolvencyDay]:
    """The last rows of the currencies in which a processor did not answer."""
    return [row for row in latest() if row.cash_minor is None]
