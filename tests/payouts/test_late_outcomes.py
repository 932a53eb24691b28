"""Late outcomes: each has its posting, its line on the statement, and its mail to the creator.

Stripe's are told here as snapshots; tests/webhooks/test_paypal.py hears PayPal's over HTTP.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from marketplace import clock
from marketplace.earnings.statement import month as month_of
from marketplace.earnings.statement import statement
from marketplace.errors import InsufficientFunds
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import claiming, leaving, refusal
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.processors.base import Snapshot
from marketplace.webhooks import converge
from tests.make import (
    make_creator,
    make_destination,
    make_payout,
    make_paypal_destination,
    transfer_of,
)
from tests.within import locked, refused, within

__all__ = ["within"]

DAY = timedelta(days=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture(params=["stripe", "paypal"])
def payout(request: pytest.FixtureRequest) -> Payout:
    """150.00 USD on their way, by either rail."""
    creator = make_creator("ines").creator
    make = make_destination if request.param == "stripe" else make_paypal_destination
    make(creator)
    made = make_payout(creator)
    assert leaving.may_send(locked(Payout, made.id), clock.now())
    db.session.commit()
    return made


def hear(payout: Payout, *states: str, at: datetime | None = None) -> None:
    """The worker fetched the transfer, and this is what it says."""
    for state in states:
        converge.apply(transfer_of(payout, state), at or clock.now())
        db.session.commit()
    db.session.refresh(payout)


def creator_of(payout: Payout) -> Creator:
    return db.session.get_one(Creator, payout.creator_id)


def books(payout: Payout) -> tuple[Money, Money, Money]:
    """What the creator has available, what is in a payout, what they owe."""
    accounts = postings.creator_available, postings.payout_reserved_of, postings.creator_debt
    found = [balance(account(payout.creator_owner), "USD") for account in accounts]
    return found[0], found[1], found[2]


def kinds(payout: Payout) -> list[str]:
    return [posted.kind for posted in transactions_of(payout.cause)]


def mails(payout: Payout) -> list[str]:
    """The subjects of what their creator was told of payouts."""
    person = db.session.get_one(User, creator_of(payout).user_id)
    found = select(Mail.subject).filter_by(to=person.email).order_by(Mail.id)
    return [it for it in db.session.scalars(found) if it.startswith("A payout of")]


def lines(payout: Payout, *months: datetime) -> list[tuple[str, Money, Money]]:
    """What the statements say of this payout: what happened, what is owed, what is debt."""
    found = []
    for month in sorted({f"{at:%Y-%m}" for at in (clock.now(), *months)}):
        creator = creator_of(payout)
        period = month_of(month, creator.time_zone)
        for line in statement(creator, period, "USD").lines():
            if line.entry.cause.id == payout.id:
                found.append((line.entry.kind, line.change, line.debt))
    return found


# ---- it fails


def test_what_fails_is_available_again_and_its_creator_is_told(payout: Payout) -> None:
    hear(payout, "failed", "failed")
    assert payout.status == PayoutStatus.FAILED
    assert books(payout) == (usd(15_000), usd(0), usd(0))
    assert kinds(payout) == ["payout_reserved", "payout_released"]
    assert mails(payout)[-1:] == ["A payout of $150.00 did not arrive."]
    assert mails(payout).count("A payout of $150.00 did not arrive.") == 1


def test_what_is_refused_for_good_is_told_like_a_failure(payout: Payout) -> None:
    refusal.refused(locked(Payout, payout.id), "amount_too_small", "too small", clock.now())
    db.session.commit()
    assert payout.status == PayoutStatus.FAILED
    assert mails(payout)[-1] == "A payout of $150.00 did not arrive."


# ---- late failure after paid, weeks later


@pytest.mark.parametrize("weeks", [1, 9])
def test_what_fails_after_it_was_paid_comes_back_whenever_that_is(
    payout: Payout, weeks: int
) -> None:
    late = clock.now() + timedelta(weeks=weeks)
    hear(payout, "paid")
    assert mails(payout) == []
    state = "reversed" if payout.transfer_ref and payout.transfer_ref.startswith("tr") else "failed"
    hear(payout, state, state, at=late)
    assert payout.status == PayoutStatus.RETURNED
    assert books(payout) == (usd(15_000), usd(0), usd(0))
    assert kinds(payout) == ["payout_reserved", "payout_paid", "payout_returned"]
    assert mails(payout) == ["A payout of $150.00 came back."]
    told = [(kind, owed) for kind, owed, _ in lines(payout, late)]
    assert told == [("payout_paid", usd(-15_000)), ("payout_returned", usd(15_000))]


# ---- late success after failed


def test_what_arrives_after_it_failed_is_taken_from_what_is_available(payout: Payout) -> None:
    hear(payout, "failed", "paid", "paid")
    assert (payout.status, payout.late_debt_minor) == (PayoutStatus.PAID, 0)
    assert books(payout) == (usd(0), usd(0), usd(0))
    assert kinds(payout) == ["payout_reserved", "payout_released", "payout_arrived_late"]
    assert mails(payout) == [
        "A payout of $150.00 did not arrive.",
        "A payout of $150.00 arrived after all.",
    ]
    assert lines(payout) == [("payout_arrived_late", usd(-15_000), usd(0))]


def test_what_arrives_late_and_is_not_there_any_more_becomes_debt(payout: Payout) -> None:
    hear(payout, "failed")
    again = make_payout(creator_of(payout), "50.00 USD")  # all that is available leaves anew
    assert again.amount == usd(20_000)
    hear(payout, "paid")
    assert payout.late_debt_minor == 15_000
    assert books(payout) == (usd(0), usd(20_000), usd(15_000))
    assert lines(payout) == [("payout_arrived_late", usd(0), usd(15_000))]
    body = db.session.scalars(select(Mail.body).where(Mail.subject.contains("after all"))).one()
    assert "$150.00 of it was not there any more" in body


def test_what_arrived_late_can_still_come_back(payout: Payout) -> None:
    hear(payout, "failed", "paid")
    hear(payout, "reversed")
    assert (payout.status, payout.late_debt_minor) == (PayoutStatus.RETURNED, 0)
    assert books(payout) == (usd(15_000), usd(0), usd(0))


def test_a_transfer_that_came_back_before_we_heard_that_it_was_made_after_all(
    payout: Payout,
) -> None:
    hear(payout, "failed", "reversed")
    assert payout.status == PayoutStatus.RETURNED
    assert books(payout) == (usd(15_000), usd(0), usd(0))
    assert kinds(payout)[-2:] == ["payout_arrived_late", "payout_returned"]


def test_what_is_spent_meanwhile_undoes_the_news_until_it_is_heard_again(
    payout: Payout, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(payout, "failed")
    make_payout(creator_of(payout), "50.00 USD")
    stale = lambda account, currency: usd(15_000)  # noqa: E731 - read before that payout
    with monkeypatch.context() as patched:
        patched.setattr("marketplace.payouts.late_arrival.balances.balance", stale)
        with refused(InsufficientFunds):
            converge.apply(transfer_of(payout, "paid"), clock.now())
    hear(payout, "paid")
    assert payout.late_debt_minor == 15_000


# ---- nobody claims it


@pytest.fixture
def unclaimed() -> Payout:
    creator = make_creator("ines").creator
    make_paypal_destination(creator)
    made = make_payout(creator)
    assert leaving.may_send(locked(Payout, made.id), clock.now())
    db.session.commit()
    return made


def remind(at: datetime) -> int:
    times = 0
    while claiming.remind_due(at):
        db.session.commit()
        times += 1
    return times


def test_a_creator_is_told_on_days_0_3_14_and_27_and_when_it_comes_back(
    unclaimed: Payout,
) -> None:
    """A22."""
    begun = clock.now()
    hear(unclaimed, "unclaimed", "unclaimed", at=begun)
    told_on = [0] * len(mails(unclaimed))
    for day in range(1, 31):
        assert claiming.next_reminder() in {begun + it * DAY for it in (3, 14, 27)} | {None}
        told_on += [day] * remind(begun + day * DAY)
    assert told_on == [0, 3, 14, 27]
    assert set(mails(unclaimed)) == {"A payout of $150.00 waits for you to claim it."}
    body = db.session.scalars(select(Mail.body).where(Mail.subject.contains("claim it"))).first()
    assert body is not None
    assert f"{begun + 30 * DAY:%B}" in body, "the day on which it comes back"

    hear(unclaimed, "returned", at=begun + 30 * DAY)
    assert (unclaimed.status, unclaimed.transfer_ref) == (PayoutStatus.RETURNED, None)
    assert books(unclaimed) == (usd(15_000), usd(0), usd(0))
    assert kinds(unclaimed) == ["payout_reserved", "payout_released"]
    assert mails(unclaimed)[-1] == "A payout of $150.00 came back."
    assert remind(begun + 60 * DAY) == 0


def test_a_worker_that_was_down_reminds_once_and_then_on_the_next_day_due(
    unclaimed: Payout,
) -> None:
    begun = clock.now()
    hear(unclaimed, "unclaimed", at=begun)
    assert remind(begun + 20 * DAY) == 1
    assert claiming.next_reminder() == begun + 27 * DAY


def test_who_claims_it_is_reminded_no_more(unclaimed: Payout) -> None:
    begun = clock.now()
    hear(unclaimed, "unclaimed", "paid", at=begun)
    assert unclaimed.status == PayoutStatus.PAID
    assert remind(begun + 3 * DAY) == 0
    assert claiming.next_reminder() is None


# ---- the database


@pytest.mark.parametrize("change", ["late_debt_minor = 0", "late_debt_minor = -1"])
def test_the_database_refuses_a_late_arrival_of_what_did_not_arrive(
    payout: Payout, owner: psycopg.Connection[Any], change: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="late_debt_once_arrived"):
        owner.execute(f"UPDATE payout SET {change}")


def test_a_snapshot_of_another_amount_is_no_late_arrival(payout: Payout) -> None:
    hear(payout, "failed")
    told: Snapshot = transfer_of(payout, "paid")
    wrong = Snapshot(
        told.kind, told.remote_id, told.our_ref, "paid", False, usd(1), account=told.account
    )
    with refused(converge.Quarantine):
        converge.apply(wrong, clock.now())
