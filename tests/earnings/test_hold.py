"""A contested earning: neither payable nor gone, until somebody decides or time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace import clock, statuses
from marketplace.earnings import earning as earnings
from marketplace.earnings import hold as holds
from marketplace.earnings import maturity
from marketplace.earnings.clawback import kept
from marketplace.earnings.earning import Earning, EarningKind, Owed
from marketplace.earnings.hold import EarningHold
from marketplace.earnings.statement import month, statement
from marketplace.errors import BadInput, NotFound, WrongState
from marketplace.extensions import db
from marketplace.ledger import audit, postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import leaving
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Blocker, Reason
from marketplace.payouts.payout import Payout
from marketplace.webhooks import converge
from tests.make import (
    earn,
    earn_matured,
    fill_pool,
    make_clawback,
    make_creator,
    make_destination,
    make_payout,
    transfer_of,
)
from tests.within import locked, refused, within

__all__ = ["within"]

POOL = postings.POOLS["fund"]
OPERATOR = "user:1"


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


def newest(creator: Creator) -> Earning:
    mine = db.session.query(Earning).filter_by(creator_id=creator.id)
    return mine.order_by(Earning.id.desc()).limit(1).one()


def contest(earning: Earning, *, days: int = 14, at: datetime | None = None) -> EarningHold:
    hold = holds.contest(
        earning.id,
        reason="ineligible",
        evidence="The entry is older than the contest.",
        days=days,
        actor=OPERATOR,
        at=at or clock.now(),
    )
    db.session.commit()
    return hold


def books(creator: Creator) -> tuple[int, int, int]:
    """Pending, contested and available, in cents."""
    owner = creator.ledger_owner
    accounts = (postings.creator_pending, postings.creator_contested, postings.creator_available)
    found = tuple(balance(account(owner), "USD").minor for account in accounts)
    db.session.rollback()
    return found[0], found[1], found[2]


def test_a_contested_prize_is_held_and_said_and_the_rest_is_below_the_threshold(
    creator: Creator,
) -> None:
    """A13: gifts 20.00, fund 35.00, prize 45.00, the prize contested: 55.00 are available."""
    make_destination(creator)
    earn_matured(creator, "20.00 USD", EarningKind.GIFT)
    earn_matured(creator, "35.00 USD", EarningKind.FUND)
    fill_pool(EarningKind.FUND, usd(4_500))
    at = clock.now() - timedelta(days=30)
    (prize,) = earnings.accrue(
        [Owed(EarningKind.PRIZE, creator.id, usd(4_500), POOL, "won:1")], "system", at
    )
    while maturity.mature_due(clock.now()):
        db.session.commit()
    assert decision_for(creator, "USD", clock.now()).payable, "A12: 100.00 are"
    hold = contest(prize)

    decision = decision_for(creator, "USD", clock.now())
    assert decision.facts.available == usd(5_500)
    assert decision.total == usd(10_000), "none of it is gone"
    assert decision.blockers == (
        Blocker(Reason.CONTESTED, on="operator", until=hold.review_at, amount=usd(4_500)),
        Blocker(Reason.BELOW_THRESHOLD, on="time", missing=usd(4_500)),
    )
    assert decision.missing() == usd(4_500)


def test_what_is_not_contested_goes_on_being_paid(creator: Creator) -> None:
    make_destination(creator)
    earn_matured(creator, "45.00 USD")
    contest(newest(creator))
    earn_matured(creator, "100.00 USD")
    decision = decision_for(creator, "USD", clock.now())
    assert decision.payable
    assert decision.parts.paid == usd(10_000)
    assert decision.total == usd(14_500)


def test_a_pending_earning_is_held_and_does_not_mature(creator: Creator) -> None:
    earn(creator, "45.00 USD")
    earning = newest(creator)
    contest(earning, days=30)
    assert books(creator) == (0, 4_500, 0)
    assert not maturity.mature_due(clock.now() + timedelta(days=20))
    assert books(creator) == (0, 4_500, 0)


def test_released_before_it_matures_it_is_pending_again_and_matures_then(creator: Creator) -> None:
    earn(creator, "45.00 USD")
    earning = newest(creator)
    contest(earning)
    holds.release(earning.id, actor=OPERATOR, reason="it is in order", at=clock.now())
    db.session.commit()
    assert (earning.status, earning.review_at, books(creator)) == ("pending", None, (4_500, 0, 0))
    assert maturity.mature_due(clock.now() + timedelta(days=8))
    db.session.commit()
    assert books(creator) == (0, 0, 4_500)


@pytest.mark.parametrize("matured", [False, True])
def test_released_after_it_would_have_matured_it_is_available(
    creator: Creator, matured: bool
) -> None:
    earn(creator, "45.00 USD")
    earning = newest(creator)
    later = earning.matures_at
    if matured:
        assert maturity.mature_due(later)
        db.session.commit()
    contest(earning, at=later if matured else clock.now())
    holds.release(earning.id, actor=OPERATOR, reason="it is in order", at=later)
    db.session.commit()
    assert (earning.status, books(creator)) == ("available", (0, 0, 4_500))


def test_without_a_decision_the_hold_ends_by_itself_and_the_earning_stands(
    creator: Creator,
) -> None:
    earn_matured(creator, "45.00 USD")
    earning = newest(creator)
    hold = contest(earning, at=clock.now() + timedelta(days=8))
    assert holds.next_review() == hold.review_at
    assert not holds.release_due(hold.review_at - timedelta(seconds=1))
    assert holds.release_due(hold.review_at)
    db.session.commit()
    assert (earning.status, books(creator)) == ("available", (0, 0, 4_500))
    last = statuses.history(earning)[-1]
    assert (last.event, last.actor) == ("release", "system")
    assert last.reason == "Nobody decided in time: the earning stands."
    assert not holds.release_due(hold.review_at)


def test_a_contest_that_stands_takes_all_of_it_back_to_where_it_came_from(
    creator: Creator,
) -> None:
    earn_matured(creator, "45.00 USD")
    earning = newest(creator)
    hold = contest(earning)
    clawback = holds.uphold(
        earning.id, back_to=POOL, actor=OPERATOR, reason="it is not", at=clock.now()
    )
    db.session.commit()
    assert (clawback.net, clawback.debt) == (usd(4_500), usd(0))
    assert (clawback.reason, clawback.source_ref) == ("ineligible", f"hold:{hold.id.hex}")
    assert (earning.status, kept(earning), books(creator)) == ("reversed", usd(0), (0, 0, 0))
    assert balance(POOL, "USD") == usd(4_500)


def test_a_refund_meanwhile_takes_from_what_is_held_and_leaves_no_debt(creator: Creator) -> None:
    earn_matured(creator, "45.00 USD")
    earning = newest(creator)
    contest(earning)
    assert make_clawback(earning, 1_000).debt == usd(0)
    assert (earning.status, books(creator)) == ("contested", (0, 1_000, 0))
    later = clock.now() + timedelta(days=8)
    holds.release(earning.id, actor=OPERATOR, reason="the rest stands", at=later)
    db.session.commit()
    assert books(creator) == (0, 0, 1_000)


def test_an_earning_is_contested_again_once_it_was_released(creator: Creator) -> None:
    earn_matured(creator, "45.00 USD")
    earning = newest(creator)
    for _ in range(2):
        contest(earning)
        later = clock.now() + timedelta(days=8)
        holds.release(earning.id, actor=OPERATOR, reason="it is in order", at=later)
        db.session.commit()
    assert len(holds.holds_of(earning)) == 2
    assert books(creator) == (0, 0, 4_500)


def test_what_is_contested_is_still_owed_in_the_statement_and_in_our_position(
    creator: Creator,
) -> None:
    earn_matured(creator, "45.00 USD")
    contest(newest(creator))
    told = statement(creator, month(f"{clock.now():%Y-%m}", creator.time_zone), "USD")
    assert (len(list(told.lines())), told.closing) == (1, usd(4_500)), "a hold is no change of it"
    (position,) = audit.positions(audit.trial_balance())
    assert position.owed_to_creators == usd(4_500)


def test_what_is_kept_of_a_debtors_earning_can_be_held_out_of_later_money(
    creator: Creator,
) -> None:
    """100.00 are paid out, 60.00 of it become debt; then 150.00 more are there, 40.00 are held."""
    payout = make_payout(creator, "100.00 USD")
    assert leaving.may_send(locked(Payout, payout.id), clock.now())
    converge.apply(transfer_of(payout), clock.now())
    db.session.commit()
    first = newest(creator)
    make_clawback(first, 4_000)
    earn_matured(creator, "150.00 USD")
    contest(first)
    assert books(creator) == (0, 4_000, 15_000 - 4_000)
    holds.uphold(first.id, back_to=POOL, actor=OPERATOR, reason="it is so", at=clock.now())
    db.session.commit()
    assert books(creator) == (0, 0, 15_000 - 4_000)


def test_what_was_paid_out_cannot_be_held(creator: Creator) -> None:
    make_payout(creator, "150.00 USD")
    with refused(BadInput) as refusal:
        contest(newest(creator))
    assert refusal.value.fields["reason"] == (
        "It was paid out, or is on its way: only 0.00 USD is left."
    )


def test_only_what_is_there_is_contested_and_only_what_is_contested_is_decided(
    creator: Creator,
) -> None:
    earn(creator, "45.00 USD")
    earning = newest(creator)
    decided = {"actor": OPERATOR, "reason": "no", "at": clock.now()}
    with refused(WrongState):
        holds.release(earning.id, **decided)  # type: ignore[arg-type]
    with refused(WrongState):
        holds.uphold(earning.id, back_to=POOL, **decided)  # type: ignore[arg-type]
    contest(earning)
    with refused(WrongState):
        contest(earning)
    holds.uphold(earning.id, back_to=POOL, **decided)  # type: ignore[arg-type]
    db.session.commit()
    with refused(WrongState):
        contest(earning)
    with refused(NotFound):
        holds.release(creator.id, **decided)  # type: ignore[arg-type]


def test_of_an_earning_that_was_clawed_back_nothing_is_left_to_hold(creator: Creator) -> None:
    earn_matured(creator, "45.00 USD")
    make_clawback(newest(creator))
    with refused(BadInput) as refusal:
        contest(newest(creator))
    assert refusal.value.fields["reason"] == "Nothing of it is left to hold."


def test_the_creator_is_told_of_the_contest_and_of_its_end_in_their_language(
    creator: Creator,
) -> None:
    db.session.get_one(User, creator.user_id).locale = "fr"
    earn_matured(creator, "45.00 USD")
    contest(newest(creator))
    later = datetime.now(UTC) + timedelta(days=30)
    assert holds.release_due(later)
    db.session.commit()
    first, second = db.session.query(Mail).order_by(Mail.id).all()
    assert "contest" in first.subject
    assert "45,00" in first.subject
    assert "The entry is older than the contest." in first.body
    assert "/creator" in first.body
    assert "Personne n’a décidé à temps" in second.body
