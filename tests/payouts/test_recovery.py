"""Debt is repaid by payouts: at most a quarter of each, and back to the cent if one is not made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from marketplace import clock
from marketplace.earnings.earning import Earning, EarningKind, Owed, accrue
from marketplace.earnings.maturity import mature_due
from marketplace.errors import InsufficientFunds
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import payout as payouts
from marketplace.payouts.explain import as_json, decision_for
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.recovery import RECOVERY_BPS, Parts, divide
from marketplace.payouts.run import PayoutRunLine
from marketplace.processors.stripe_amounts import PAYOUT_STEPS, payout_step, to_stripe
from marketplace.verify import findings
from tests.agreeing import make_agreement
from tests.make import (
    do_runs,
    earn_matured,
    fill_pool,
    make_brand,
    make_campaign,
    make_clawback,
    make_creator,
    make_destination,
    make_payout,
    reserve,
    run_after_maturity,
)
from tests.make import make_member as join_program
from tests.scripted import MADE, Scripted, scripted, send
from tests.within import locked, refused, within

__all__ = ["scripted", "within"]

Owner = psycopg.Connection[Any]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def huf(minor: int) -> Money:
    return Money(minor, "HUF")


# ---- how a balance is divided


def test_an_instalment_is_a_quarter_of_the_payout() -> None:
    """A14: a debt of 120.00, 200.00 available."""
    parts = divide(usd(20_000), usd(12_000))
    assert (parts.recovered, parts.paid, parts.stays) == (usd(5_000), usd(15_000), usd(0))


def test_a_small_debt_is_repaid_as_a_whole() -> None:
    parts = divide(usd(20_000), usd(1))
    assert (parts.recovered, parts.paid) == (usd(1), usd(19_999))


@pytest.mark.parametrize(("available", "recovered"), [(10_002, 2_500), (10_006, 2_502), (2, 0)])
def test_a_quarter_is_rounded_half_even(available: int, recovered: int) -> None:
    assert divide(usd(available), usd(99_999)).recovered == usd(recovered)


def test_a_currency_of_whole_units_is_paid_in_whole_units() -> None:
    """A18: 12,345.67 HUF available, 12,345 are paid, 0.67 stay."""
    parts = divide(huf(1_234_567), huf(0), payout_step("HUF"))
    assert (parts.paid, parts.stays) == (huf(1_234_500), huf(67))


def test_a_debt_of_broken_units_leaves_what_is_paid_whole() -> None:
    parts = divide(huf(1_234_567), huf(1_050), payout_step("HUF"))
    assert (parts.recovered, parts.paid, parts.stays) == (huf(1_050), huf(1_233_500), huf(17))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from([1, 10, 100]))
def test_the_parts_sum_to_the_balance_and_debt_never_takes_more_than_a_quarter(
    available: int, debt: int, step: int
) -> None:
    parts = divide(usd(available), usd(debt), step)
    assert parts.recovered + parts.paid + parts.stays == usd(available)
    assert parts.paid.minor % step == 0
    assert 0 <= parts.stays.minor < step
    assert usd(0) <= parts.recovered <= usd(debt)
    taken = parts.recovered + parts.paid
    assert parts.recovered <= taken.share(RECOVERY_BPS)
    if parts.recovered < usd(debt):
        assert (taken.share(RECOVERY_BPS) - parts.recovered).minor < step


@pytest.mark.parametrize("currency", sorted({*PAYOUT_STEPS, "USD", "JPY", "ISK", "UGX"}))
def test_stripe_can_write_whatever_is_a_multiple_of_its_step(currency: str) -> None:
    for steps in (1, 3, 12_345):
        to_stripe(Money(steps * payout_step(currency), currency))


# ---- a creator who owes


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


def owes(creator: Creator, minor: int, spent: int = 20_000) -> None:
    """Let a creator be paid for something of which that much is undone afterwards."""
    payout = make_payout(creator, f"{spent // 100}.{spent % 100:02} USD")
    assert payout.amount == usd(spent)
    earning = db.session.query(Earning).filter_by(creator_id=creator.id).limit(1).one()
    make_clawback(earning, spent - minor)


def books(creator: Creator) -> tuple[int, int, int]:
    """Available, in a payout, and debt, in cents."""
    owner = creator.ledger_owner
    accounts = (postings.creator_available, postings.payout_reserved_of, postings.creator_debt)
    found = [balance(account(owner), "USD").minor for account in accounts]
    db.session.rollback()
    return found[0], found[1], found[2]


@pytest.fixture
def instalment(creator: Creator, scripted: Scripted) -> Payout:
    """A14's payout, reserved: the debt of 120.00 is from something that was paid out before."""
    owes(creator, 12_000)
    send(scripted, MADE)
    assert books(creator) == (0, 0, 12_000)
    return make_payout(creator, "200.00 USD")


def test_an_instalment_is_withheld_and_the_rest_is_paid(
    creator: Creator, instalment: Payout, scripted: Scripted
) -> None:
    """A14: withheld 50.00, paid 150.00, the debt is 70.00."""
    assert (instalment.amount, instalment.recovered) == (usd(15_000), usd(5_000))
    assert books(creator) == (0, 15_000, 7_000)
    send(scripted, MADE)
    paid = db.session.get_one(Payout, instalment.id, populate_existing=True)
    assert (paid.status, paid.amount) == (PayoutStatus.PAID, usd(15_000))
    assert books(creator) == (0, 0, 7_000)
    amounts = {it.our_ref: it.amount for it in scripted.made.values()}
    assert amounts[instalment.id.hex] == usd(15_000)


def test_a_payout_that_fails_gives_everything_back_and_the_debt_too(
    creator: Creator, instalment: Payout, scripted: Scripted
) -> None:
    send(scripted, "amount_too_small")
    failed = db.session.get_one(Payout, instalment.id, populate_existing=True)
    assert failed.status == PayoutStatus.FAILED
    assert books(creator) == (20_000, 0, 12_000)


def test_a_payout_that_is_canceled_gives_everything_back_and_the_debt_too(
    creator: Creator, instalment: Payout
) -> None:
    payouts.cancel(locked(Payout, instalment.id), "user:1", "asked for", clock.now())
    db.session.commit()
    assert books(creator) == (20_000, 0, 12_000)


def test_a_debt_is_repaid_payout_by_payout_and_then_no_more(
    creator: Creator, instalment: Payout, scripted: Scripted
) -> None:
    recovered = [instalment.recovered]
    for _ in range(3):
        send(scripted, MADE)
        recovered.append(make_payout(creator, "150.00 USD").recovered)
    assert recovered == [usd(5_000), usd(3_750), usd(3_250), usd(0)]
    assert books(creator) == (0, 15_000, 0)


def test_the_threshold_asks_about_the_balance_before_debt_is_repaid(
    creator: Creator, scripted: Scripted
) -> None:
    owes(creator, 12_000)
    send(scripted, MADE)
    earn_matured(creator, "100.00 USD")
    decision = decision_for(creator, "USD", clock.now())
    assert decision.payable
    assert decision.facts.debt == usd(12_000)
    assert (decision.parts.recovered, decision.parts.paid) == (usd(2_500), usd(7_500))
    assert decision.debt_left == usd(9_500)
    told = as_json(decision)
    assert told["debt"] == {"minor": 12_000, "currency": "USD"}
    assert {name: it["minor"] for name, it in told["next_payout"].items()} == {
        "recovered": 2_500,
        "paid": 7_500,
        "stays": 0,
        "debt_left": 9_500,
    }


def test_a_cent_below_the_threshold_nothing_is_repaid_either(
    creator: Creator, scripted: Scripted
) -> None:
    owes(creator, 12_000)
    send(scripted, MADE)
    earn_matured(creator, "99.99 USD")
    do_runs(run_after_maturity(creator))
    assert books(creator) == (9_999, 0, 12_000)


def test_nobody_repays_more_than_they_owe(creator: Creator, instalment: Payout) -> None:
    """The books' own floor, should a caller have divided by yesterday's debt."""
    payouts.cancel(locked(Payout, instalment.id), "user:1", "asked for", clock.now())
    db.session.commit()
    with refused(InsufficientFunds, match="insufficient funds in creator_debt"):
        reserve(
            creator.id,
            make_destination(creator),
            instalment.run_id,
            Parts(recovered=usd(12_001), paid=usd(7_999), stays=usd(0)),
            clock.now(),
        )


# ---- one balance of all kinds (A12)


def test_five_kinds_cross_the_threshold_together_and_are_paid_once(creator: Creator) -> None:
    make_destination(creator)
    fill_pool(EarningKind.FUND, usd(50_000))
    shares = {"fund": 3_500, "gift": 2_000, "commission": 1_499, "prize": 2_100}
    at = clock.now() - timedelta(days=40)
    pool = postings.POOLS["fund"]
    accrue(
        [
            Owed(EarningKind(kind), creator.id, usd(minor), pool, f"x:{kind}")
            for kind, minor in shares.items()
        ],
        "system",
        at,
    )
    db.session.commit()
    join_program(creator)
    campaign = make_campaign(make_brand(), status="open", flat_fee_minor=1_000)
    make_agreement(campaign.id, creator, work="approved")
    _mature()
    decision = decision_for(creator, "USD", clock.now())
    # The flat fee is 10.00 less our 10 %.
    assert (decision.facts.available, decision.missing()) == (usd(9_999), usd(1))
    accrue([Owed(EarningKind.GIFT, creator.id, usd(1), pool, "x:last")], "system", at)
    db.session.commit()
    _mature()
    do_runs(run_after_maturity(creator))
    (only,) = db.session.query(Payout).filter_by(creator_id=creator.id)
    assert only.amount == usd(10_000)


def _mature() -> None:
    while mature_due(clock.now()):
        db.session.commit()
    db.session.rollback()


# ---- whole units, through a real run (A18)


@pytest.fixture
def forints(owner: Owner, app: Flask) -> Iterator[None]:
    """HUF has a threshold of 10,000.00, and a hundred times that as limit of a run."""
    owner.execute("INSERT INTO payout_threshold VALUES ('HUF', '2020-01-01', 1000000)")
    owner.execute("INSERT INTO payout_approval_limit VALUES ('HUF', '2020-01-01', 100000000)")
    owner.commit()
    yield
    owner.execute("DELETE FROM payout_threshold WHERE currency = 'HUF'")
    owner.execute("DELETE FROM payout_approval_limit WHERE currency = 'HUF'")
    owner.commit()


@pytest.mark.usefixtures("forints")
def test_a_payout_of_forints_is_whole_and_the_rest_stays_available(creator: Creator) -> None:
    payout = make_payout(creator, "12345.67 HUF")
    assert payout.amount == huf(1_234_500)
    assert balance(postings.creator_available(creator.ledger_owner), "HUF") == huf(67)
    line = db.session.query(PayoutRunLine).filter_by(payout_id=payout.id).one()
    assert line.state == "included"
    assert [it.id for it in findings(db.session.connection()) if it.rows] == []
