"""What waits for an operator about bank accounts, and the files that pay them."""

from __future__ import annotations

from collections.abc import Iterator

from flask import url_for
from flask_babel import gettext
from sqlalchemy import and_

from marketplace import clock
from marketplace.payouts.destination import Destination
from marketplace.payouts.leaving import to_bank
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.web.alarm import Alarm, alarm, oldest


def alarms() -> Iterator[Alarm]:
    """Accounts that nobody has looked at, and payments of which the bank has not been heard."""
    named = and_(Destination.processor == "bank", Destination.status == "onboarding")
    yield from alarm(
        oldest(Destination.created_at, named),
        clock.now(),
        tone="bad",
        icon="landmark",
        title=gettext("Bank accounts to look at"),
        text=gettext("Nothing is paid there before somebody has looked whose they are."),
        url=url_for("operator.bank"),
    )
    yield from alarm(
        oldest(Payout.status_at, and_(to_bank(), Payout.status == PayoutStatus.SENDING)),
        clock.now(),
        tone="wait",
        icon="landmark",
        title=gettext("Payments in bank files without an answer"),
        text=gettext("Give each file to our bank once, then write its answer down."),
        url=url_for("operator.bank"),
    )
