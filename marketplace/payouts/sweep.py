"""The sweep: old balances below the threshold are paid all the same. Off until somebody adopts it.

    holding_limit   before the processor may hold the money no longer, by the creator's country
    yearly          once the oldest unpaid cent has been available for a year

Each Monday there is a run of such balances, of all creators; the runs of their own schedules pay
them by the same gate. A balance is as old as its oldest cent that was not paid out: the first that
matured is the first that is paid.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Select, Subquery, false, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.errors import BadInput
from marketplace.extensions import Base, db
from marketplace.ledger import balances
from marketplace.parties.creator import Creator
from marketplace.payouts import threshold
from marketplace.payouts.gate import Lift

SWEEP = "sweep"  # the rhythm of its runs
TIME_ZONE = "UTC"
RULES = (Lift.HOLDING_LIMIT, Lift.YEARLY)

# How long Stripe lets a platform hold what is owed. Source: docs.stripe.com/connect/manual-payouts.
HOLDING_DAYS = {"TH": 10, "US": 730}
HOLDING_DAYS_ELSEWHERE = 90
YEAR_DAYS = 365
# So long before its limit a balance is swept: a week to the next sweep, three days to be approved.
LEAD_DAYS = 10

# What makes money available for the first time; what comes back was available before.
_MATURED = ("earning_matured", "earning_released")
# Since when: a contest that is over makes nothing younger, its earning counts from its maturity.
_MATURED_AT = """coalesce((SELECT g.matures_at FROM earning_hold h JOIN earning g
    ON g.id = h.earning_id WHERE h.id = t.cause_id AND t.kind = 'earning_released'),
    t.effective_at)"""


class PayoutSweep(Base):
    """From this day on, a rule of the sweep is on or off. Nothing is ever changed."""

    __tablename__ = "payout_sweep"
    __table_args__ = (
        CheckConstraint("rule IN ('holding_limit', 'yearly')", name="rule"),
        CheckConstraint(
            "effective_on >= (adopted_at AT TIME ZONE 'UTC')::date", name="never_backdated"
        ),
    )

    rule: Mapped[str] = mapped_column(primary_key=True)
    effective_on: Mapped[date] = mapped_column(primary_key=True)
    is_on: Mapped[bool]
    adopted_by: Mapped[str]  # 'user:<hex>'
    adopted_at: Mapped[datetime]


def adopt(rule: str, is_on: bool, effective_on: date, actor: str, at: datetime) -> None:
    """Let a rule be on or off from a day on, today or later.

    Raises:
        BadInput: a day in the past, or one on which this rule was decided already.
    """
    if effective_on < at.date():
        raise BadInput(f"{effective_on} is in the past: a rule holds from {at.date()} on")
    adopted = db.session.scalar(
        insert(PayoutSweep)
        .values(rule=rule, effective_on=effective_on, is_on=is_on, adopted_by=actor, adopted_at=at)
        .on_conflict_do_nothing()
        .returning(PayoutSweep.rule)
    )
    if adopted is None:
        raise BadInput(f"{rule} was decided for {effective_on} already: choose another day")


def versions() -> list[PayoutSweep]:
    """Every decision there was, by rule, the latest first."""
    statement = select(PayoutSweep).order_by(PayoutSweep.rule, PayoutSweep.effective_on.desc())
    return list(db.session.scalars(statement))


def rules_on(at: datetime) -> dict[Lift, date]:
    """The rules that are on at this instant (dates are UTC days), and since which day."""
    statement = (
        select(PayoutSweep)
        .where(PayoutSweep.effective_on <= at.date())
        .ext(distinct_on(PayoutSweep.rule))
        .order_by(PayoutSweep.rule, PayoutSweep.effective_on.desc())
    )
    return {Lift(it.rule): it.effective_on for it in db.session.scalars(statement) if it.is_on}


def schedules(at: datetime) -> dict[tuple[str, str], datetime]:
    """The schedule of sweeps, and since when there is one; none while every rule is off."""
    since = rules_on(at).values()
    return {(SWEEP, TIME_ZONE): datetime.combine(min(since), time(0), UTC)} if since else {}


# ---- when a balance is old enough


def _after_days(rule: Lift, country: str) -> int:
    """How old a balance is, in days, when the threshold does not hold any more."""
    if rule == Lift.YEARLY:
        return YEAR_DAYS
    return HOLDING_DAYS.get(country, HOLDING_DAYS_ELSEWHERE) - LEAD_DAYS


def _unspent() -> Subquery:
    """What every creator has available, and since when its oldest cent is."""
    return balances.unspent("creator_available", _MATURED, _MATURED_AT)


def lifting(
    creator: Creator, currency: str, rules: Collection[Lift]
) -> tuple[datetime, Lift] | None:
    """From when on the threshold does not hold for this balance, and why; None if never."""
    unspent = _unspent()
    mine = select(unspent.c.since).where(
        unspent.c.owner == creator.ledger_owner, unspent.c.currency == currency
    )
    since = db.session.scalar(mine) if rules else None
    if since is None:
        return None
    days = {rule: _after_days(rule, creator.country) for rule in rules}
    rule = min(days, key=lambda it: (days[it], it))
    return since + timedelta(days=days[rule]), rule


def balances_due(at: datetime) -> Select[UUID, str]:
    """Creator and currency of every balance below its threshold that is old enough."""
    unspent = _unspent()
    holds = threshold.current(at)
    old_enough = [_old_enough(unspent.c.since, rule, at) for rule in rules_on(at)]
    return (
        select(Creator.id, unspent.c.currency)
        .join(unspent, balances.id_of("creator", unspent.c.owner) == Creator.id)
        .join(holds, holds.c.currency == unspent.c.currency)
        .where(unspent.c.balance_minor < holds.c.amount_minor, or_(false(), *old_enough))
        .order_by(Creator.id, unspent.c.currency)
    )


def _old_enough(since: ColumnElement[datetime], rule: Lift, at: datetime) -> ColumnElement[bool]:
    def by(country: str) -> ColumnElement[bool]:
        return since <= at - timedelta(days=_after_days(rule, country))

    named = [(Creator.country == country) & by(country) for country in HOLDING_DAYS]
    return or_(Creator.country.not_in(HOLDING_DAYS) & by(""), *named)
