"""What a creator was paid in a period, and what came back: a statement's sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from marketplace.extensions import db
from marketplace.money import Money
from marketplace.payouts import rest
from marketplace.payouts.payout import Payout
from marketplace.statuses import StatusChange

# After these moves the debt that a payout had recovered is back; of a return, if it was never paid.
_GIVEN_BACK = ("cancel", "fail", "return")


@dataclass(frozen=True)
class PaidOut:
    """What was paid and came back, and what of the debt was repaid, less what is owed again."""

    paid: Money
    returned: Money
    repaid: Money
    became_debt: Money  # of payouts that arrived after they had failed, what was not there any more


def paid_out(creator_id: UUID, currency: str, since: datetime, until: datetime) -> PaidOut:
    """The sums of one creator's payouts at `since` <= instant < `until`."""
    moved = select(
        StatusChange.event,
        Payout.transfer_ref.is_not(None),
        func.sum(Payout.amount_minor),
        func.sum(Payout.recovered_minor),
        func.sum(Payout.late_debt_minor),
    ).join(Payout, Payout.id == StatusChange.thing_id)
    rows = db.session.execute(
        moved.where(
            StatusChange.thing == Payout.__tablename__,
            StatusChange.at >= since,
            StatusChange.at < until,
            Payout.creator_id == creator_id,
            Payout.currency == currency,
        ).group_by(StatusChange.event, Payout.transfer_ref.is_not(None))
    )
    paid = returned = repaid = late = 0
    for event, was_paid, amount_minor, recovered_minor, late_debt_minor in rows:
        if event == "create":
            repaid += int(recovered_minor)
        elif event == "pay":
            paid += int(amount_minor)
        elif event == "arrive":
            paid, late = paid + int(amount_minor), late + int(late_debt_minor or 0)
        elif event == "return" and was_paid:
            returned += int(amount_minor)
        elif event in _GIVEN_BACK:
            repaid -= int(recovered_minor)
    paid += rest.paid_rests(creator_id, currency, since, until).minor
    return PaidOut(*(Money(it, currency) for it in (paid, returned, repaid, late)))
