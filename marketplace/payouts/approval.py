"""A run's approval: by the system below a limit, above it by an operator who did not make it.

lock_next_run   all lines are decided: locked, and approved at once if it is small
approve         four eyes: never who made the run, is paid by it, or last touched a destination
reject          nothing of it is sent; the worker gives every reservation back
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Select, exists, func, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.lock import lock_next
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import shortfall
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, PayoutRunLine, RunStatus
from marketplace.statuses import SYSTEM, StatusChange

BELOW_THE_LIMIT = "below the limit"


class ApprovalLimit(Base):
    """From this day on, a run that pays as much in this currency waits for an operator."""

    __tablename__ = "payout_approval_limit"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    currency: Mapped[str] = mapped_column(primary_key=True)
    effective_on: Mapped[date] = mapped_column(primary_key=True)
    amount_minor: Mapped[int]


def limit_of(currency: str, at: datetime) -> Money | None:
    """The limit at this instant (dates are UTC days). Without one, every run needs an operator."""
    statement = (
        select(ApprovalLimit.amount_minor)
        .where(ApprovalLimit.currency == currency, ApprovalLimit.effective_on <= at.date())
        .order_by(ApprovalLimit.effective_on.desc())
        .limit(1)
    )
    minor = db.session.scalars(statement).one_or_none()
    return None if minor is None else Money(minor, currency)


def totals(run_id: UUID) -> list[Money]:
    """What a run sets aside to be paid, per currency; what was called off since is not in it."""
    rows = db.session.execute(
        select(Payout.currency, func.sum(Payout.amount_minor))
        .where(Payout.run_id == run_id, Payout.status != PayoutStatus.CANCELED)
        .group_by(Payout.currency)
        .order_by(Payout.currency)
    )
    return [Money(int(minor), currency) for currency, minor in rows]


def above_limit(amounts: list[Money], at: datetime) -> list[Money]:
    """Those of these totals for which an operator must be asked."""
    return [
        amount
        for amount in amounts
        if (limit := limit_of(amount.currency, at)) is None or amount >= limit
    ]


def lock_next_run(at: datetime) -> bool:
    """Lock one run whose lines are all decided; False if there is none."""
    waiting = exists().where(PayoutRunLine.run_id == PayoutRun.id, PayoutRunLine.state == "waiting")
    run = lock_next(
        PayoutRun,
        PayoutRun.status == RunStatus.LOCKING,
        ~waiting,
        ~shortfall.stops_run(),
        order_by=PayoutRun.due_at,
    )
    if run is None:
        return False
    statuses.advance(run, "lock", at, SYSTEM)
    if not above_limit(totals(run.id), at):
        statuses.advance(run, "approve", at, SYSTEM, BELOW_THE_LIMIT)
    return True


def approve(run: PayoutRun, approver: User, at: datetime, reason: str = "") -> None:
    """An operator lets a locked run go. The caller has locked it.

    Raises:
        BadInput: a second pair of eyes is needed, and says why this one is not it.
        WrongState: it is not locked, or was decided meanwhile.
    """
    if statuses.allows(run, "approve"):
        for objection in objections(run, approver):
            raise BadInput("four eyes", {"decision": objection})
    statuses.advance(run, "approve", at, actor_of(approver), reason)


def reject(run: PayoutRun, actor: str, reason: str, at: datetime) -> None:
    """Nothing of a locked run is sent. The caller has locked it.

    Raises:
        WrongState: it is not locked, or was decided meanwhile.
    """
    statuses.advance(run, "reject", at, actor, reason)


def objections(run: PayoutRun, approver: User) -> Iterator[str]:
    """Why this person may not approve this run: a sentence each."""
    actor, name = actor_of(approver), approver.name
    for short in shortfall.stopping(run):
        yield says(
            "Our cash lacks %(missing)s of what is owed: the run waits until it is covered.",
            missing=short.missing,
        )
    if statuses.history(run)[0].actor == actor:
        yield says("%(name)s opened this run: another operator must approve it.", name=name)
    paid = (
        select(Creator.handle)
        .join(Payout, Payout.creator_id == Creator.id)
        .where(Payout.run_id == run.id, Creator.user_id == approver.id)
    )
    for handle in db.session.scalars(paid.limit(1)):
        yield says(
            "%(name)s is paid by this run, as @%(handle)s: another operator must approve it.",
            name=name,
            handle=handle,
        )
    for handle in db.session.scalars(_touched_last_by(run.id, actor)):
        yield says(
            "%(name)s was the last to change where @%(handle)s is paid:"
            " another operator must approve it.",
            name=name,
            handle=handle,
        )


def _touched_last_by(run_id: UUID, actor: str) -> Select[Any]:
    """The handle of a creator whom the run pays at a destination that `actor` touched last."""
    last = (
        select(StatusChange.actor)
        .where(
            StatusChange.thing == "destination",
            StatusChange.thing_id == Payout.destination_id,
            StatusChange.actor != SYSTEM,
        )
        .order_by(StatusChange.id.desc())
        .limit(1)
        .correlate(Payout)
        .scalar_subquery()
    )
    return (
        select(Creator.handle)
        .join(Payout, Payout.creator_id == Creator.id)
        .where(Payout.run_id == run_id, last == actor)
        .order_by(Creator.handle)
        .limit(1)
    )


def actor_of(person: User) -> str:
    """As the trace of statuses names a person."""
    return f"user:{person.id.hex}"
