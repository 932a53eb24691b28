"""What an operator reads before a run leaves: sums per rail, the cash for them, and what is new.

The same for a run and for one that is only foreseen: both are a list of `Pay`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money, zero
from marketplace.payouts import solvency
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, RunStatus

# An amount that moved by more than half of what it was is shown as changed.
CHANGED_BPS = 5_000


@dataclass(frozen=True)
class Pay:
    """One payout of a run: to whom, over which processor, how much."""

    creator_id: UUID
    rail: str
    amount: Money


@dataclass(frozen=True)
class Sum:
    """What a run pays in one currency over one rail, and our cash there by the books."""

    rail: str
    payouts: int
    need: Money
    cash: Money
    said: Money | None  # by the processor, when it was last asked
    said_at: datetime | None

    @property
    def short(self) -> Money | None:
        """What is missing there; None if it is covered."""
        return self.need - self.cash if self.need > self.cash else None


@dataclass(frozen=True)
class Change:
    """A creator's payout beside the one in the run before: None = there is none."""

    creator_id: UUID
    before: Money | None
    now: Money | None


def pays_of(run_id: UUID) -> list[Pay]:
    """The payouts of a run, but for those that were called off."""
    rows = db.session.execute(
        select(Payout, Destination.processor)
        .join(Destination, Destination.id == Payout.destination_id)
        .where(Payout.run_id == run_id, Payout.status != PayoutStatus.CANCELED)
        .order_by(Payout.creator_id, Payout.currency)
    )
    return [Pay(payout.creator_id, rail, payout.amount) for payout, rail in rows]


def sums(pays: Iterable[Pay]) -> list[Sum]:
    """Per currency and rail what is paid, beside what the books say we have there."""
    needs: dict[tuple[str, str], tuple[int, Money]] = {}
    for pay in pays:
        key = pay.amount.currency, pay.rail
        payouts, need = needs.get(key, (0, zero(pay.amount.currency)))
        needs[key] = payouts + 1, need + pay.amount
    known = solvency.known(currency for currency, _ in needs)
    found = []
    for (currency, rail), (payouts, need) in sorted(needs.items()):
        cash = balances.balance(postings.processor_clearing(rail), currency)
        day = known.get(currency)
        said = day.at(rail) if day else None
        found.append(Sum(rail, payouts, need, cash, said, day.asked_at if day and said else None))
    return found


def run_before(rhythm: str, time_zone: str, due_at: datetime) -> PayoutRun | None:
    """The run of this schedule that fell due last before `due_at`."""
    statement = (
        select(PayoutRun)
        .where(
            PayoutRun.rhythm == rhythm,
            PayoutRun.time_zone == time_zone,
            PayoutRun.due_at < due_at,
            PayoutRun.status != RunStatus.REJECTED,
        )
        .order_by(PayoutRun.due_at.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def changes(then: Sequence[Pay], now: Sequence[Pay]) -> list[Change]:
    """Who is new, who is gone, and whose amount moved by more than half, per currency."""
    old = {(pay.creator_id, pay.amount.currency): pay.amount for pay in then}
    new = {(pay.creator_id, pay.amount.currency): pay.amount for pay in now}
    both = [Change(key[0], old.get(key), new.get(key)) for key in sorted({*old, *new})]
    return [change for change in both if _is_told(change)]


def _is_told(change: Change) -> bool:
    if change.before is None or change.now is None:
        return True
    moved = abs(change.now.minor - change.before.minor)
    return moved * 10_000 > change.before.minor * CHANGED_BPS
