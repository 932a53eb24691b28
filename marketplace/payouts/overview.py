"""What an operator reads before a run leaves: sums per rail, the cash for them, and what is new.

The same for a run and for one that is only foreseen: both are a list of `Pay`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money, zero
from marketplace.payouts import solvency
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import OPEN, Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, RunStatus

# An amount that moved by more than half of what it was is shown as changed.
CHANGED_BPS = 5_000


@dataclass(frozen=True)
class Pay:
    """One payout of a run: to whom, over which processor, how much."""

    creator_id: UUID
    rail: str
    amount: Money
    destination_id: UUID
    is_open: bool = True  # False: it left our cash already, or never will


@dataclass(frozen=True)
class Sum:
    """What a run pays in one currency over one rail, and our cash there by the books.

    One dollar covers one payout: what other runs have set aside of the cash does not cover this one
    as well, whichever of them leaves first.
    """

    rail: str
    payouts: int
    need: Money
    leaving: Money  # of the need: what our cash must still cover
    cash: Money
    promised: Money  # of the cash: to other runs' payouts, and in files that the bank has
    said: Money | None  # by the processor, when it was last asked
    said_at: datetime | None

    @property
    def short(self) -> Money | None:
        """What of this run is missing there if all others leave first; None if it is covered."""
        free = max(self.cash - self.promised, zero(self.need.currency))
        return self.leaving - free if self.leaving > free else None


@dataclass(frozen=True)
class Change:
    """A creator's payout beside the one in the run before: None = there is none."""

    creator_id: UUID
    before: Money | None
    now: Money | None
    is_elsewhere: bool = False  # it goes to another destination than the one before


def pays_of(run_id: UUID) -> list[Pay]:
    """The payouts of a run, but for those that were called off."""
    rows = db.session.execute(
        select(Payout, Destination.processor)
        .join(Destination, Destination.id == Payout.destination_id)
        .where(Payout.run_id == run_id, Payout.status != PayoutStatus.CANCELED)
        .order_by(Payout.creator_id, Payout.currency)
    )
    return [
        Pay(it.creator_id, rail, it.amount, it.destination_id, it.status in OPEN)
        for it, rail in rows
    ]


def sums(pays: Iterable[Pay], run_id: UUID | None = None) -> list[Sum]:
    """Per currency and rail what is paid, beside what the books say we have there.

    `run_id` is the run whose payouts these are; None for one that is only foreseen.
    """
    parts: dict[tuple[str, str], list[Pay]] = {}
    for pay in pays:
        parts.setdefault((pay.amount.currency, pay.rail), []).append(pay)
    known = solvency.known(currency for currency, _ in parts)
    promised = _promised(run_id)
    found = []
    for (currency, rail), of_part in sorted(parts.items()):
        day = known.get(currency)
        said = day.at(rail) if day else None
        found.append(
            Sum(
                rail,
                payouts=len(of_part),
                need=_total(of_part, currency),
                leaving=_total([pay for pay in of_part if pay.is_open], currency),
                cash=balances.balance(postings.processor_clearing(rail), currency),
                promised=promised.get((currency, rail), zero(currency)),
                said=said,
                said_at=day.asked_at if day and said else None,
            )
        )
    return found


def _total(pays: Iterable[Pay], currency: str) -> Money:
    return Money(sum(pay.amount.minor for pay in pays), currency)


def _promised(but: UUID | None) -> dict[tuple[str, str], Money]:
    """Per currency and rail what all other runs have set aside and no answer took off the books.

    A rejected run's is on its way back to its creators: nothing of it leaves.
    """
    statement = (
        select(Payout.currency, Destination.processor, func.sum(Payout.amount_minor))
        .join(Destination, Destination.id == Payout.destination_id)
        .join(PayoutRun, PayoutRun.id == Payout.run_id)
        .where(Payout.status.in_(OPEN), PayoutRun.status != RunStatus.REJECTED)
        .group_by(Payout.currency, Destination.processor)
    )
    if but is not None:
        statement = statement.where(Payout.run_id != but)
    rows = db.session.execute(statement)
    return {(currency, rail): Money(int(minor), currency) for currency, rail, minor in rows}


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
    """Who is new, gone or paid elsewhere, and whose amount moved by more than half, per currency.

    Those who are paid elsewhere come first: that is how somebody else's money is taken.
    """
    old = {(pay.creator_id, pay.amount.currency): pay for pay in then}
    new = {(pay.creator_id, pay.amount.currency): pay for pay in now}
    told = [_change(key[0], old.get(key), new.get(key)) for key in sorted({*old, *new})]
    return sorted(
        (change for change in told if _is_told(change)), key=lambda change: not change.is_elsewhere
    )


def _change(creator_id: UUID, old: Pay | None, new: Pay | None) -> Change:
    return Change(
        creator_id,
        before=old.amount if old else None,
        now=new.amount if new else None,
        is_elsewhere=bool(old and new and old.destination_id != new.destination_id),
    )


def _is_told(change: Change) -> bool:
    if change.is_elsewhere or change.before is None or change.now is None:
        return True
    moved = abs(change.now.minor - change.before.minor)
    return moved * 10_000 > change.before.minor * CHANGED_BPS
