"""Alarms about our cash at the processors: too little of it, or nobody knows how much."""

from __future__ import annotations

from collections.abc import Iterator

from flask import url_for
from flask_babel import gettext

from marketplace import clock
from marketplace.payouts import shortfall, solvency
from marketplace.payouts.shortfall import Shortfall, ShortfallStatus
from marketplace.web import formats
from marketplace.web.alarm import Alarm, alarm, oldest


def alarms() -> Iterator[Alarm]:
    yield from alarm(
        oldest(Shortfall.status_at, Shortfall.status == ShortfallStatus.SHORT),
        clock.now(),
        tone="bad",
        icon="scale",
        title=gettext("Currencies that are short"),
        text=gettext(
            "Our cash at the processors lacks %(missing)s of what is owed, and nothing is paid in"
            " such a currency: bring in what is missing.",
            missing=", ".join(formats.money(it.missing) for it in shortfall.all_short()),
        ),
        url=url_for("public.solvency_page"),
    )
    unanswered = solvency.unanswered()
    if unanswered:
        known = solvency.known(row.currency for row in unanswered)
        last = [known[it.currency].asked_at for it in unanswered if it.currency in known]
        age = clock.now() - min(last or [min(it.asked_at for it in unanswered)])
        yield Alarm(
            tone="bad" if age >= solvency.LATE_AFTER else "wait",
            icon="scale",
            title=gettext("Cash that is not known"),
            text=gettext("A processor does not say what lies there. It is asked again soon."),
            count=len(unanswered),
            age=age,
            url=url_for("public.solvency_page"),
        )
