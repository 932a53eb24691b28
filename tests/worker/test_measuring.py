"""Solvency over the wire: both processors are asked, and a healthy marketplace is never short."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit, Purpose
from marketplace.money import Money
from marketplace.payouts import shortfall, solvency
from marketplace.payouts.solvency import SolvencyDay
from marketplace.processors.stripe import Stripe
from marketplace.worker import measuring, polling
from tests.make import make_brand, make_campaign, make_deposit, make_operator
from tests.sandbox.scenes import Scenes
from tests.sandbox.server import SandboxServer
from tests.webhooks import paypal_world as world
from tests.worker import ways

SOON = timedelta(minutes=5)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def measured() -> SolvencyDay:
    measuring.measure(clock.now())
    db.session.commit()
    (row,) = solvency.latest()
    assert (shortfall.of("USD") is None) is (row.ours is None or row.ours.minor >= 0)
    return row


def paid_in(sandbox: SandboxServer, deposit: Deposit) -> UUID:
    """Open the hosted page, pay there, and hear of it by asking."""
    id = deposit.id
    while ways.send():
        pass
    opened = db.session.get_one(Deposit, id)
    assert opened.checkout_ref
    sandbox.pay(opened.checkout_ref)
    return id


def heard() -> None:
    for job in (polling.deposits, polling.refunds, polling.payouts):
        while job(clock.now() + SOON):
            db.session.remove()


@pytest.fixture
def filled(joined: Stripe, sandbox: SandboxServer) -> SandboxServer:
    """500.00 USD of our own in the gift pool: it bears the fees of what follows."""
    operator = make_operator()
    deposit = deposits.request(
        Purpose.GIFT_POOL,
        usd(50_000),
        requested_by=operator.id,
        payer_email=operator.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/operator",
        description="Pool",
        at=clock.now(),
    )
    db.session.commit()
    paid_in(sandbox, deposit)
    heard()
    return sandbox


def test_money_that_is_not_available_yet_covers(joined: Stripe, sandbox: SandboxServer) -> None:
    sandbox.settings(funds_delay_s=86_400)
    team = make_brand()
    paid_in(sandbox, make_deposit(team, make_campaign(team, status="approved")))
    heard()
    row = measured()
    assert row.cash == row.pending == usd(30_000 - 900)  # 2.9 % and 0.30 are Stripe's


def test_a_first_deposit_lacks_the_processor_fee_until_somebody_brings_it_in(
    joined: Stripe, sandbox: SandboxServer, filled: SandboxServer
) -> None:
    """The brand could ask for all of it back: what Stripe kept must come from us."""
    before = measured().ours
    assert before is not None
    team = make_brand()
    paid_in(sandbox, make_deposit(team, make_campaign(team, status="approved")))
    assert measured().ours == before + usd(30_000 - 900), "there, and not in our books yet"
    heard()
    assert measured().ours == before - usd(900)


def test_a_refund_that_is_on_its_way_is_neither_there_nor_missing(
    filled: SandboxServer, sandbox: SandboxServer
) -> None:
    team = make_brand()
    deposit = paid_in(sandbox, make_deposit(team, make_campaign(team, status="canceled")))
    heard()
    ours = measured().ours
    refunds.request(deposit, usd(20_000), actor="user:1", form_key=new_id(), at=clock.now())
    db.session.commit()
    assert measured().ours == ours, "asked for, not sent"
    sandbox.fault("refunds.create", "reset_after")
    ways.send()  # it was made, and nobody told us
    row = measured()
    assert (row.ours, row.in_flight) == (ours, usd(20_000))
    ways.waits_are_over()
    while ways.send():
        pass
    heard()
    row = measured()
    assert (row.ours, row.in_flight) == (ours, usd(0))


def test_a_payout_at_paypal_is_covered_at_every_step_and_its_fee_is_ours(
    filled: SandboxServer, sandbox: SandboxServer
) -> None:
    payout = world.reserved()
    amount = payout.amount
    paypal_has = usd(100_000)
    world.fund(sandbox)
    before = measured().ours
    assert before is not None
    sandbox.fault("paypal.payouts.create", "reset_after")
    world.send()
    assert world.status(payout) == "unknown"
    row = measured()
    fee = usd(min(amount.minor * 2 // 100, 2_000))
    assert row.in_flight == amount
    assert row.at("paypal") == paypal_has - amount - fee
    assert row.ours == before - fee
    ways.waits_are_over()
    world.send()
    heard()
    assert world.status(payout) == "paid"
    row = measured()
    assert (row.in_flight, row.ours) == (usd(0), before - fee)


def test_money_that_left_without_us_is_a_shortfall(
    filled: SandboxServer, sandbox: SandboxServer, joined: Stripe
) -> None:
    """Our books would say the same as before: the processor's word is the proof."""
    team = make_brand()
    paid_in(sandbox, make_deposit(team, make_campaign(team, status="canceled")))
    heard()
    ours = measured().ours
    assert ours is not None
    assert ours.minor >= 0
    client = sandbox.client()
    account = Scenes(sandbox, client).account()
    client.v1.transfers.create(
        {"amount": ours.minor + 1, "currency": "usd", "destination": account}
    )
    assert measured().ours == usd(-1)
    found = shortfall.of("USD")
    assert found is not None
    assert found.missing == usd(1)


@pytest.mark.parametrize("call", ["balance.retrieve", "paypal.balances.retrieve"])
def test_a_processor_that_is_away_makes_the_day_unknown(
    filled: SandboxServer, sandbox: SandboxServer, call: str
) -> None:
    sandbox.fault(call, "reset_before", times=None)
    row = measured()
    assert (row.cash, row.ours) == (None, None)


def test_the_command_says_what_it_found_and_exits_1_if_anything_is_wrong(
    filled: SandboxServer, sandbox: SandboxServer, app: Flask
) -> None:
    runner: FlaskCliRunner = app.test_cli_runner()
    good = runner.invoke(args=["solvency", "measure"])
    assert (good.exit_code, "USD: covered" in good.output) == (0, True), good.output
    sandbox.fault("balance.retrieve", "reset_before", times=None)
    bad = runner.invoke(args=["solvency", "measure"])
    assert bad.exit_code == 1
