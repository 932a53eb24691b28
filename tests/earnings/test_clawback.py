"""A clawback: from pending, from available, or as debt; to the cent and to where it came from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from marketplace import clock, statuses
from marketplace.database.identifier import new_id
from marketplace.earnings import earning as earnings
from marketplace.earnings import maturity
from marketplace.earnings.clawback import Clawback, claw_back, kept
from marketplace.earnings.earning import Earning, EarningKind, Owed
from marketplace.earnings.terms import Terms
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.verify import findings
from tests.make import fill_pool, make_creator, make_payout
from tests.within import locked, refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = AT + timedelta(days=30)
POOL = postings.POOLS["fund"]
FILLED = 100_000
Owner = psycopg.Connection[Any]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


@pytest.fixture(autouse=True)
def pool(app: Flask, within: Flask) -> None:
    """1,000.00 USD from which everything here is earned."""
    fill_pool(EarningKind.FUND, usd(FILLED))


def commission(creator: Creator, minor: int, terms: Terms | None = None) -> Earning:
    """A sale's commission, pending for 30 days; 2.9 % on top unless the terms say otherwise."""
    line = Owed(EarningKind.COMMISSION, creator.id, usd(minor), POOL, f"order:{new_id()}", terms)
    (earning,) = earnings.accrue([line], "system", AT)
    db.session.commit()
    return earning


def mature() -> None:
    while maturity.mature_due(LATER):
        db.session.commit()
    db.session.rollback()


def undo(earning: Earning, keep: int, source_ref: str = "", at: datetime = AT) -> Clawback | None:
    made = claw_back(
        earning,
        usd(keep),
        reason="order_refunded",
        source_ref=source_ref or f"refund:{new_id()}",
        back_to=POOL,
        actor="system",
        at=at,
    )
    db.session.commit()
    return made


def books(creator: Creator) -> tuple[int, int, int]:
    """Pending, available and debt, in cents."""
    owner = creator.ledger_owner
    accounts = (postings.creator_pending, postings.creator_available, postings.creator_debt)
    found = tuple(balance(account(owner), "USD").minor for account in accounts)
    db.session.rollback()
    return found[0], found[1], found[2]


def ours() -> Money:
    return balance(postings.PLATFORM_FEES, "USD")


def left_in_pool() -> Money:
    return balance(POOL, "USD")


def spend(creator: Creator) -> None:
    """A payout takes all that is available."""
    make_payout(creator, "150.00 USD")


# ---- the worked examples


def test_a_partial_refund_in_the_hold_takes_the_difference(creator: Creator) -> None:
    """A1, A2: 15 % of 49.90 is 7.48; 20.00 of it are refunded, 15 % of 29.90 is 4.48."""
    earning = commission(creator, 748)
    made = undo(earning, 448)
    assert made is not None
    assert (made.net, made.debt) == (usd(300), usd(0))
    assert (earning.net, earning.status, kept(earning)) == (usd(748), "pending", usd(448))
    assert books(creator) == (448, 0, 0)
    mature()
    assert books(creator) == (0, 448, 0)


def test_a_full_refund_after_the_payout_is_a_debt_of_all_of_it(creator: Creator) -> None:
    """A3: the 7.48 of A1 are paid already."""
    earning = commission(creator, 748)
    mature()
    spend(creator)
    assert books(creator) == (0, 0, 0)
    made = undo(earning, 0)
    assert made is not None
    assert (made.net, made.debt, made.reason) == (usd(748), usd(748), "order_refunded")
    assert made.earning_id == earning.id
    assert (earning.net, earning.status) == (usd(748), "available")
    assert books(creator) == (0, 0, 748)


def test_the_brand_gets_its_platform_fee_back_with_the_commission(creator: Creator) -> None:
    """A17: a commission of 10.00 at 2.9 % costs 10.29, and undone it costs nothing."""
    earning = commission(creator, 1_000)
    assert (earning.gross_minor, earning.net_minor) == (1_029, 1_000)
    assert left_in_pool() == usd(FILLED - 1_029)
    undo(earning, 400)
    assert ours() == usd(12)  # 29 cents times 400 / 1,000 is 11.6
    assert left_in_pool() == usd(FILLED - 412)
    undo(earning, 0)
    assert (ours(), left_in_pool()) == (usd(0), usd(FILLED))
    assert books(creator) == (0, 0, 0)


# ---- before it matures


def test_all_of_a_pending_earning_makes_it_reversed_with_the_reason(creator: Creator) -> None:
    earning = commission(creator, 748)
    undo(earning, 448)
    undo(earning, 0)
    assert earning.status == "reversed"
    assert statuses.history(earning)[-1].reason == "order_refunded"
    assert earning.net == usd(748), "the row is never edited"
    mature()
    assert books(creator) == (0, 0, 0)
    assert undo(earning, 0) is None


def test_what_is_pending_says_what_will_mature(creator: Creator) -> None:
    undo(commission(creator, 748), 448)
    commission(creator, 100)
    ((pending, _),) = maturity.pending_of(creator.id, "USD")
    assert pending == usd(548)


def test_pending_money_of_another_earning_is_never_touched(creator: Creator) -> None:
    matured = commission(creator, 500)
    mature()
    spend(creator)
    commission(creator, 900)
    undo(matured, 0)
    assert books(creator) == (900, 0, 500)


# ---- after it matured


def test_available_money_covers_as_far_as_it_goes_and_the_rest_is_debt(creator: Creator) -> None:
    paid_out = commission(creator, 748)
    mature()
    spend(creator)
    commission(creator, 200)
    mature()
    made = undo(paid_out, 0)
    assert made is not None
    assert (made.net, made.debt) == (usd(748), usd(548))
    assert books(creator) == (0, 0, 548)


def test_a_clawback_is_one_posting_that_names_its_row(creator: Creator) -> None:
    earning = commission(creator, 1_000)
    made = undo(earning, 400)
    assert made is not None
    (posted,) = transactions_of(made.cause)
    assert posted.kind == "earning_clawed_back"
    assert {line.account.kind: line.amount.minor for line in posted.lines} == {
        "creator_pending": 600,
        "platform_fees": 17,
        "fund_pool": -617,
    }


# ---- what is said twice, and what is nonsense


def test_told_again_or_out_of_order_nothing_happens(creator: Creator) -> None:
    earning = commission(creator, 748)
    assert undo(earning, 448, "refund:1") is not None
    for keep in (448, 500, 748, 9_999):
        assert undo(earning, keep, "refund:1") is None
    assert books(creator) == (448, 0, 0)


def test_a_source_claws_back_once(creator: Creator) -> None:
    earning = commission(creator, 748)
    undo(earning, 448, "refund:1")
    with refused(IntegrityError, match="uq_clawback_source_ref"):
        undo(earning, 100, "refund:1")


def test_nobody_keeps_less_than_nothing_or_another_currency(creator: Creator) -> None:
    earning = commission(creator, 748)
    for keep in (usd(-1), Money(1, "EUR")):
        with refused(ValueError):
            claw_back(
                earning, keep, reason="x", source_ref="x", back_to=POOL, actor="system", at=AT
            )


def test_nobody_changes_a_clawback(creator: Creator, app_role: Owner, owner: Owner) -> None:
    undo(commission(creator, 748), 448)
    for change in ("UPDATE clawback SET net_minor = 1", "DELETE FROM clawback"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(change)
        app_role.rollback()
    for change in ("net_minor = 0", "platform_fee_minor = -1", "debt_minor = 301"):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE clawback SET {change}")
        owner.rollback()


# ---- for any order of refunds


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    net=st.integers(1, 3_000),
    bps=st.integers(0, 10_000),
    keeps=st.lists(st.integers(0, 3_000), max_size=6),
    matured_before=st.integers(0, 6),
)
def test_whatever_is_clawed_back_in_whatever_order_nothing_is_lost_or_made(
    net: int, bps: int, keeps: list[int], matured_before: int, creator: Creator
) -> None:
    before = left_in_pool(), ours(), books(creator)
    earning = commission(creator, net, Terms(bps, 30, fee_on_top=True))
    fee = earning.platform_fee_minor
    for number, keep in enumerate([*keeps, 0]):
        if number == matured_before:
            mature()
        standing = kept(earning).minor
        made = undo(earning, keep)
        assert (made is None) == (keep >= standing)
        held = min(standing, keep)
        assert kept(earning) == usd(held)
        fee_kept = (ours() - before[1]).minor
        assert abs(2 * (fee_kept * net - fee * held)) <= net, "in proportion, to half a cent"
        pending, available, debt = books(creator)
        assert pending + available - debt == sum(before[2][:2]) - before[2][2] + held
        assert (before[0] - left_in_pool()).minor == held + fee_kept
        assert [it.id for it in findings(db.session.connection()) if it.rows] == []
        db.session.rollback()
    assert (left_in_pool(), ours()) == before[:2], "undone as a whole, all of it is back"


# ---- at the same moment


def test_a_clawback_row_is_found_fresh_under_the_lock(creator: Creator) -> None:
    """A stale object of the session decides nothing."""
    earning = commission(creator, 748)
    mature()
    stale = db.session.get_one(Earning, earning.id)
    assert locked(Earning, stale.id).status == "available"
    undo(stale, 0, at=clock.now())
    assert books(creator) == (0, 0, 0)
