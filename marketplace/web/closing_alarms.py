"""Alarms about accounts that close: a rest that no rail can send waits for an operator."""

from __future__ import annotations

from collections.abc import Iterator

from flask import url_for
from flask_babel import gettext
from sqlalchemy import select

from marketplace import clock
from marketplace.extensions import db
from marketplace.parties.closing import AccountClosing, ClosingStatus
from marketplace.web.alarm import Alarm, alarm, oldest


def alarms() -> Iterator[Alarm]:
    unpayable = AccountClosing.status == ClosingStatus.UNPAYABLE
    first = db.session.scalar(
        select(AccountClosing).where(unpayable).order_by(AccountClosing.status_at).limit(1)
    )
    is_late = first is not None and first.settle_by <= clock.now()
    yield from alarm(
        oldest(AccountClosing.status_at, unpayable),
        clock.now(),
        tone="bad" if is_late else "wait",
        icon="log-out",
        title=gettext("Rests that no rail can send"),
        text=gettext("These accounts close once somebody has paid the rest another way."),
        url=url_for("operator.closings"),
    )
