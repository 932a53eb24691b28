"""One question to a processor about a row that waits for it: the cure for a lost webhook."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import InstrumentedAttribute

from marketplace.database.lock import lock_next
from marketplace.errors import ProcessorUnavailable
from marketplace.extensions import db
from marketplace.funding.deposit import PROCESSOR, Deposit
from marketplace.funding.refund import Refund
from marketplace.payouts.destination import Destination
from marketplace.processors import registry
from marketplace.processors.base import Kind
from marketplace.webhooks import converge

log = logging.getLogger(__name__)

Row = Deposit | Refund | Destination


def _asks(
    model: type[Row], kind: Kind, remote_id: InstrumentedAttribute[str | None]
) -> Callable[[datetime], bool]:
    """Return the job that asks about rows of one table."""

    def ask_next(at: datetime) -> bool:
        """Ask about the row that has waited longest; False if none is due."""
        row = lock_next(
            model,
            model.next_check_at <= at,
            remote_id.is_not(None),
            order_by=model.next_check_at,
        )
        if row is None:
            return False
        row.check_later(at)
        name = getattr(row, remote_id.key)
        db.session.commit()  # claimed: nobody else asks; and no transaction is open meanwhile
        try:
            snapshot = registry.get(PROCESSOR).fetch(kind, name, None)
            converge.apply(snapshot, at)
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


deposits = _asks(Deposit, "checkout", Deposit.checkout_ref)
refunds = _asks(Refund, "refund", Refund.refund_ref)
destinations = _asks(Destination, "recipient", Destination.remote_account)
