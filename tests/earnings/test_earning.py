"""An earning: gross = platform fee + net, owed once, available when it matures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.earnings import earning as earnings
from marketplace.earnings import maturity
from marketplace.earnings.earning import Earning, EarningKind, EarningStatus, Owed
from marketplace.errors import InsufficientFunds
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.parties.creator import Creator
from tests.make import fill_pool, make_creator
from tests.within import at_once, refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
Owner = psycopg.Connection[Any]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def owed(creator: Creator, amount: Money, ref: str, kind: EarningKind = EarningKind.FUND) -> Owed:
    return Owed(kind, creator.id, amount, postings.POOLS[kind], ref)


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


@pytest.fixture
def pool() -> None:
    """1,000.00 USD in each pool."""
    for kind in (EarningKind.FUND, EarningKind.GIFT):
        fill_pool(kind, usd(100_000))


@pytest.fixture
def terms(owner: Owner) -> Iterator[Owner]:
    """For a test that adds terms: the owner's connection; what it added is gone afterwards."""
    yield owner
    owner.rollback()
    owner.execute("DELETE FROM income_terms WHERE effective_on > '2025-12-31'")
    owner.commit()


def add_terms(owner: Owner, on: str, bps: int, days: int, kind: str = "fund") -> None:
    owner.execute("INSERT INTO income_terms VALUES (%s, %s, %s, %s)", [kind, on, bps, days])
    owner.commit()


def books(creator: Creator) -> tuple[Money, Money, Money]:
    """What a creator waits for, what they have available, what we took."""
    pending = balance(postings.creator_pending(creator.ledger_owner), "USD")
    available = balance(postings.creator_available(creator.ledger_owner), "USD")
    ours = balance(postings.PLATFORM_FEES, "USD")
    db.session.rollback()
    return pending, available, ours


# ---- owing


@pytest.mark.usefixtures("pool")
def test_an_earning_is_pending_first_and_paid_from_its_pool(creator: Creator) -> None:
    (earning,) = earnings.accrue([owed(creator, usd(12_345), "import:G-1")], "user:1", AT)
    db.session.commit()
    assert (earning.status, earning.net, earning.platform_fee_minor) == ("pending", usd(12_345), 0)
    assert (earning.accrued_at, earning.matures_at) == (AT, AT + WEEK)
    assert books(creator) == (usd(12_345), usd(0), usd(0))
    assert balance(postings.POOLS["fund"], "USD") == usd(100_000 - 12_345)
    (posted,) = transactions_of(earning.cause)
    assert posted.key == f"earning_accrued:{earning.id.hex}"


@pytest.mark.usefixtures("pool")
def test_each_kind_is_paid_from_its_own_pool(creator: Creator) -> None:
    earnings.accrue([owed(creator, usd(100), "import:1", EarningKind.GIFT)], "user:1", AT)
    db.session.commit()
    assert balance(postings.POOLS["gift"], "USD") == usd(99_900)
    assert balance(postings.POOLS["fund"], "USD") == usd(100_000)


@pytest.mark.usefixtures("pool")
def test_earnings_come_back_in_the_order_in_which_they_are_owed(creator: Creator) -> None:
    lines = [owed(creator, usd(n), f"import:{n}") for n in (300, 100, 200)]
    made = earnings.accrue(lines, "user:1", AT)
    assert [it.net for it in made] == [usd(300), usd(100), usd(200)]
    assert earnings.accrue([], "user:1", AT) == []
    db.session.commit()


@pytest.mark.usefixtures("pool")
def test_a_source_is_owed_once_per_kind(creator: Creator) -> None:
    earnings.accrue([owed(creator, usd(100), "import:G-1")], "user:1", AT)
    db.session.commit()
    with refused(IntegrityError, match="uq_earning_kind_source_ref"):
        earnings.accrue([owed(creator, usd(100), "import:G-1")], "user:1", AT)
    with refused(IntegrityError):
        earnings.accrue([owed(creator, usd(1), "x"), owed(creator, usd(2), "x")], "user:1", AT)
    earnings.accrue([owed(creator, usd(100), "import:G-1", EarningKind.GIFT)], "user:1", AT)
    db.session.commit()


@pytest.mark.usefixtures("pool")
def test_a_pool_pays_no_more_than_it_holds_and_then_nothing_of_the_batch(creator: Creator) -> None:
    lines = [owed(creator, usd(99_999), "import:1"), owed(creator, usd(2), "import:2")]
    with refused(InsufficientFunds):
        earnings.accrue(lines, "user:1", AT)


@pytest.mark.usefixtures("pool")
def test_money_of_another_currency_is_not_in_the_pool(creator: Creator) -> None:
    with refused(InsufficientFunds):
        earnings.accrue([owed(creator, Money(1, "EUR"), "import:1")], "user:1", AT)


# ---- terms


@pytest.mark.usefixtures("pool")
def test_gross_is_our_fee_and_the_net(creator: Creator, terms: Owner) -> None:
    add_terms(terms, "2026-01-01", bps=1_250, days=3)
    (earning,) = earnings.accrue([owed(creator, usd(1_004), "import:1")], "user:1", AT)
    db.session.commit()
    # 12.5 % of 10.04 is 1.255: half a cent goes to the even cent.
    assert (earning.gross_minor, earning.platform_fee_minor, earning.net_minor) == (1_004, 126, 878)
    assert earning.matures_at == AT + timedelta(days=3)
    assert books(creator) == (usd(878), usd(0), usd(126))


@pytest.mark.usefixtures("pool")
def test_the_terms_are_those_of_the_day_in_utc(creator: Creator, terms: Owner) -> None:
    add_terms(terms, "2026-03-02", bps=1_000, days=10)
    add_terms(terms, "2026-03-03", bps=2_000, days=20)
    add_terms(terms, "2026-03-02", bps=9_000, days=90, kind="gift")
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    fees = []
    for at in (
        midnight - timedelta(days=1, microseconds=1),
        midnight - timedelta(microseconds=1),
        midnight,
    ):
        (earning,) = earnings.accrue([owed(creator, usd(1_000), f"at {at}")], "user:1", at)
        fees.append((earning.platform_fee_minor, earning.matures_at - at))
        db.session.commit()
    assert fees == [
        (0, timedelta(days=7)),
        (100, timedelta(days=10)),
        (200, timedelta(days=20)),
    ]


@pytest.mark.usefixtures("pool")
def test_new_terms_change_nothing_that_was_earned_before(creator: Creator, terms: Owner) -> None:
    (earning,) = earnings.accrue([owed(creator, usd(1_000), "import:1")], "user:1", AT)
    db.session.commit()
    add_terms(terms, "2026-01-02", bps=5_000, days=99)
    assert maturity.mature_due(AT + WEEK)
    db.session.commit()
    assert books(creator) == (usd(0), usd(1_000), usd(0))
    assert earning.status == EarningStatus.AVAILABLE


def test_the_application_cannot_change_terms(app_role: Owner) -> None:
    for change in ("UPDATE income_terms SET platform_fee_bps = 0", "DELETE FROM income_terms"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(change)
        app_role.rollback()


def test_the_database_refuses_impossible_terms(owner: Owner) -> None:
    for bps, days in ((-1, 7), (10_001, 7), (0, -1)):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute("INSERT INTO income_terms VALUES ('x', now(), %s, %s)", [bps, days])
        owner.rollback()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    gross=st.lists(st.integers(2, 5_000), min_size=1, max_size=6),
    bps=st.integers(0, 4_999),
)
def test_whatever_the_fee_the_parts_sum_to_what_left_the_pool(
    gross: list[int], bps: int, creator: Creator, pool: None, terms: Owner
) -> None:
    terms.execute("DELETE FROM income_terms WHERE effective_on > '2025-12-31'")
    add_terms(terms, "2026-01-01", bps=bps, days=7)
    before = balance(postings.POOLS["fund"], "USD")
    pending, _, ours = books(creator)
    lines = [owed(creator, usd(n), f"{clock.wall_now()} {i}") for i, n in enumerate(gross)]
    try:
        made = earnings.accrue(lines, "user:1", AT)
    except InsufficientFunds:
        db.session.rollback()
        assert sum(gross) > before.minor
        return
    db.session.commit()
    assert [it.platform_fee_minor for it in made] == [usd(n).share(bps).minor for n in gross]
    now_pending, _, now_ours = books(creator)
    left = before - balance(postings.POOLS["fund"], "USD")
    assert (now_pending - pending) + (now_ours - ours) == left == usd(sum(gross))


# ---- maturing


@pytest.mark.usefixtures("pool")
def test_an_earning_matures_at_its_instant_and_once(creator: Creator) -> None:
    earnings.accrue([owed(creator, usd(1_000), "import:1")], "user:1", AT)
    db.session.commit()
    assert maturity.next_maturity() == AT + WEEK
    assert not maturity.mature_due(AT + WEEK - timedelta(microseconds=1))
    assert maturity.mature_due(AT + WEEK)
    db.session.commit()
    assert books(creator) == (usd(0), usd(1_000), usd(0))
    assert not maturity.mature_due(AT + WEEK)
    assert maturity.next_maturity() is None


@pytest.mark.usefixtures("pool")
def test_maturity_comes_in_batches_the_earliest_first(
    creator: Creator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maturity, "MATURE_AT_ONCE", 2)
    for day in (2, 0, 1):
        at = AT + timedelta(days=day)
        earnings.accrue([owed(creator, usd(1 + day), f"import:{day}")], "user:1", at)
    db.session.commit()
    assert maturity.mature_due(AT + timedelta(days=30))
    db.session.commit()
    assert books(creator)[:2] == (usd(3), usd(1 + 2))
    assert maturity.mature_due(AT + timedelta(days=30))
    db.session.commit()
    assert not maturity.mature_due(AT + timedelta(days=30))


@pytest.mark.usefixtures("pool")
def test_four_workers_mature_everything_once(app: Flask, creator: Creator) -> None:
    earnings.accrue([owed(creator, usd(7), f"import:{n}") for n in range(40)], "user:1", AT)
    db.session.commit()
    results = at_once(app, *[lambda: maturity.mature_due(AT + WEEK)] * 4)
    assert True in results
    while maturity.mature_due(AT + WEEK):
        db.session.commit()
    db.session.rollback()
    assert books(creator) == (usd(0), usd(280), usd(0))


@pytest.mark.usefixtures("pool")
def test_what_is_pending_is_told_by_instant_and_currency(creator: Creator) -> None:
    fill_pool(EarningKind.FUND, Money(100, "EUR"))
    for n, (day, gross) in enumerate([(1, usd(5)), (0, usd(3)), (0, usd(4)), (0, Money(9, "EUR"))]):
        at = AT + timedelta(days=day)
        earnings.accrue([owed(creator, gross, f"import:{n}")], "user:1", at)
        db.session.commit()
    assert maturity.pending_of(creator.id, "USD") == [
        (usd(7), AT + WEEK),
        (usd(5), AT + WEEK + timedelta(days=1)),
    ]
    maturity.mature_due(AT + WEEK)
    db.session.commit()
    assert maturity.pending_of(creator.id, "USD") == [(usd(5), AT + WEEK + timedelta(days=1))]
    assert maturity.pending_of(creator.id, "EUR") == []


# ---- the database


@pytest.mark.usefixtures("pool")
def test_the_database_refuses_parts_that_are_not_the_whole(creator: Creator, owner: Owner) -> None:
    earnings.accrue([owed(creator, usd(100), "import:1")], "user:1", AT)
    db.session.commit()
    for change in (
        "gross_minor = 101",
        "net_minor = 99",
        "platform_fee_minor = -1, net_minor = 101",
        "net_minor = 0, platform_fee_minor = 100",
        "status = 'nonsense'",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE earning SET {change}")
        owner.rollback()
    assert db.session.query(Earning).count() == 1
