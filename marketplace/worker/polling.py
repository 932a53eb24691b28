"""One question to a processor about a row that waits for it: the cure for a lost webhook."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from marketplace.database.lock import lock_next
from marketplace.errors import ProcessorUnavailable
from marketplace.extensions import db
from marketplace.failpoints import Point, failpoint
from marketplace.funding.deposit import PROCESSOR, Deposit
from marketplace.funding.dispute import Dispute
from marketplace.funding.refund import Refund
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.processors import outbox, registry
from marketplace.processors.base import Kind, Op
from marketplace.webhooks import converge

log = logging.getLogger(__name__)

Row = Deposit | Refund | Dispute | Destination | Payout
Asked = tuple[str, str]  # at which processor, about what


def _asks(
    model: type[Row],
    kind: Kind,
    asked: Callable[[Any], Asked | None],
    *conditions: ColumnElement[bool],
) -> Callable[[datetime], bool]:
    """Return the job that asks about rows of one table."""
    job = f"{model.__tablename__}s to ask about"

    def ask_next(at: datetime) -> bool:
        """Ask about the row that has waited longest; False if none is due."""
        row = lock_next(model, model.next_check_at <= at, *conditions, order_by=model.next_check_at)
        if row is None:
            return False
        row.check_later(at)
        about = asked(row)
        failpoint(job, Point.WRITTEN)
        db.session.commit()  # claimed: nobody else asks; and no transaction is open meanwhile
        if about is None:
            return True  # we have heard of it before the answer to our own request
        processor, name = about
        if not registry.offers(processor):
            return True  # it was switched off: nobody can be asked
        failpoint(job, Point.BEFORE_CALL)
        try:
            snapshot = registry.get(processor).fetch(kind, name, None)
            failpoint(job, Point.ANSWERED)
            converge.apply(snapshot, at)
            failpoint(job, Point.BEFORE_COMMIT)
            db.session.commit()
        except (ProcessorUnavailable, converge.NotYet) as error:
            db.session.rollback()
            log.warning("%s %s: %s", kind, name, error)
        except converge.Quarantine as error:
            # Shown to operators by the event of the same object, which is quarantined too.
            db.session.rollback()
            log.error("%s %s does not fit our row: %s", kind, name, error)
        return True

    return ask_next


deposits = _asks(
    Deposit,
    "checkout",
    lambda it: (PROCESSOR, it.checkout_ref),
    Deposit.checkout_ref.is_not(None),
)
refunds = _asks(
    Refund, "refund", lambda it: (PROCESSOR, it.refund_ref), Refund.refund_ref.is_not(None)
)
disputes = _asks(Dispute, "dispute", lambda it: (PROCESSOR, it.dispute_ref))
destinations = _asks(
    Destination,
    "recipient",
    lambda it: (it.processor, it.remote_account),
    Destination.remote_account.is_not(None),
)
payouts = _asks(Payout, "transfer", lambda it: outbox.made(Op.TRANSFER, it.id))
