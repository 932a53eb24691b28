"""The first page of operators: what needs a look and since when, and whether the money is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from marketplace import clock, statuses
from marketplace.challenges.challenge import JUDGE_WITHIN
from marketplace.earnings import hold as holds
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.ledger import audit
from marketplace.money import Money
from marketplace.notifications import mail
from marketplace.processors.base import IDEMPOTENCY_ERROR, Ref, Verdict
from marketplace.processors.outbox import ProcessorRequest
from marketplace.webhooks import inbox
from marketplace.webhooks.event import WebhookEvent
from tests.challenges.make import make_challenge
from tests.make import (
    earn,
    earn_matured,
    fill_pool,
    make_brand,
    make_campaign,
    make_creator,
    make_difference,
    make_payout,
    make_returned,
)
from tests.web.operating import Operating, answer, operating

__all__ = ["operating"]


def test_an_empty_marketplace_is_all_clear(operating: Operating) -> None:
    page = operating.see("/operator")
    assert "All clear" in page
    assert "The books are empty" in page
    assert "Needs a look" not in page


def _three_hours_ago(act: Callable[[], None]) -> None:
    """Let this happen by a clock that is three hours behind; what it writes on the wall is now."""
    clock.set_offset(timedelta(hours=-3))
    act()
    clock.set_offset(timedelta(0))


def _answer(verdict: Verdict, code: str | None = None) -> None:
    make_payout(make_creator().creator)
    _three_hours_ago(lambda: answer(verdict, code))


def _event(state: str) -> None:
    ref = Ref("evt_1", "transfer.created", False, "transfer", "tr_1", None)
    inbox.store("stripe", "platform", ref, b"{}", {}, clock.wall_now() - timedelta(hours=3))
    handled = clock.wall_now() if state == "quarantined" else None
    db.session.execute(update(WebhookEvent).values(state=state, handled_at=handled))
    db.session.commit()


def _review() -> None:
    _answer(Verdict.REJECTED, IDEMPOTENCY_ERROR)
    old = clock.wall_now() - timedelta(hours=3)
    db.session.execute(
        update(ProcessorRequest)
        .where(ProcessorRequest.state == "needs_review")
        .values(created_at=old)
    )
    db.session.commit()


def _park_mail() -> None:
    letter = mail.write(
        "a@b.example", "Hello", "", clock.now() - timedelta(hours=3), clock.wall_now()
    )
    letter.state = "parked"
    db.session.commit()


def _late_judging() -> None:
    clock.set_offset(-JUDGE_WITHIN - timedelta(days=60))
    made = make_challenge(make_brand())
    clock.set_offset(timedelta(0))
    statuses.advance(made, "close", clock.now() - timedelta(hours=3), statuses.SYSTEM)
    db.session.commit()


def _contest() -> None:
    """Three hours ago, on the demo clock."""
    earn_matured(make_creator().creator, "45.00 USD")
    earning = db.session.query(Earning).one()
    at = clock.now() - timedelta(hours=3)
    told = {"reason": "fraud", "evidence": "seen", "actor": statuses.SYSTEM}
    holds.contest(earning.id, days=14, at=at, **told)
    db.session.commit()


def _come_back() -> None:
    """Three hours ago, on the demo clock."""
    clock.set_offset(-timedelta(hours=3))
    make_returned(make_creator().creator)
    clock.set_offset(timedelta(0))


def _differ() -> None:
    clock.set_offset(timedelta(hours=-3))
    make_difference()
    clock.set_offset(timedelta(0))


ALARMS = {
    "Differences to the processors": _differ,
    "Contested earnings": _contest,
    "Contests whose judging is late": _late_judging,
    "Held payouts": lambda: _answer(Verdict.REJECTED, "balance_insufficient"),
    "Payouts that came back": _come_back,
    "Payouts without an answer": lambda: _answer(Verdict.UNKNOWN),
    "Quarantined events": lambda: _event("quarantined"),
    "Parked events": lambda: _event("parked"),
    "Events that are tried again": lambda: _event("retry"),
    "Requests that need review": _review,
    "Parked mail": _park_mail,
}


@pytest.mark.parametrize("title", ALARMS)
def test_what_needs_somebody_is_shown_with_its_age(operating: Operating, title: str) -> None:
    operating.within(ALARMS[title])
    page = operating.see("/operator")
    assert title in page
    assert "oldest: 3 hours" in page
    # What needs review holds its payout, too.
    expected = {title, "Held payouts"} if title == "Requests that need review" else {title}
    assert {other for other in ALARMS if other in page} == expected, "each for its own cause alone"


def test_the_age_of_an_event_does_not_move_with_the_demo_clock(operating: Operating) -> None:
    operating.within(lambda: _event("parked"))
    clock.set_offset(timedelta(days=30))
    assert "oldest: 3 hours" in operating.see("/operator")


def _everything_of_a_month() -> None:
    make_campaign(make_brand(), status="open")
    fill_pool(EarningKind.GIFT, Money(50_000, "USD"))
    make_payout(make_creator().creator, "150.00 USD")
    earn(make_creator().creator, "20.00 EUR")


def test_our_money_is_whose_the_books_say(operating: Operating) -> None:
    operating.within(_everything_of_a_month)

    trial = operating.within(audit.trial_balance)
    for lines in trial.values():
        assert sum(it.debit.minor for it in lines) == sum(it.credit.minor for it in lines)

    euros, dollars = operating.within(lambda: audit.positions(audit.trial_balance()))
    assert euros.owed_to_creators == Money(2_000, "EUR")
    assert euros.short == Money(88, "EUR"), "the processor kept 0.88 of the 20.00 that are owed"
    assert dollars.owed_to_brands == Money(30_000, "USD")
    assert dollars.in_pools == Money(50_000, "USD")
    assert not dollars.short

    page = operating.see("/operator")
    assert "Short by €0.88" in page
    assert "$300.00" in page
