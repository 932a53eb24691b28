"""Asking the processor ourselves: a webhook that never comes costs minutes and never money."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import refund as refunds
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.funding.refund import Refund, RefundStatus
from marketplace.ledger.balances import transactions_of
from marketplace.money import Money
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.processors.stripe import Stripe
from marketplace.worker import polling
from marketplace.worker.sender import send_next
from tests.make import BrandTeam, make_brand, make_campaign, make_creator, make_deposit
from tests.sandbox.server import SandboxServer
from tests.within import at_once, money_tables
from tests.worker import ways

SOON = timedelta(seconds=25)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def deaf(sandbox: SandboxServer, joined: Stripe) -> SandboxServer:
    """Every webhook is lost."""
    sandbox.fault("webhook.*", "lost", times=None)
    return sandbox


@pytest.fixture
def team(joined: Stripe) -> BrandTeam:
    return make_brand()


@pytest.fixture
def deposit(deaf: SandboxServer, team: BrandTeam) -> Deposit:
    """300.00 USD for a campaign that is canceled meanwhile; the payer is at the hosted page."""
    return opened(make_deposit(team, make_campaign(team, status="canceled")))


def opened(deposit: Deposit) -> Deposit:
    while send_next(clock.now()):
        pass
    db.session.rollback()
    assert deposit.checkout_ref
    return deposit


def ask(at: datetime) -> None:
    """Ask about everything that is due."""
    for job in (polling.deposits, polling.refunds, polling.destinations):
        while job(at):
            pass
    db.session.rollback()


def test_a_payment_nobody_told_us_of_is_found(
    deaf: SandboxServer, team: BrandTeam, deposit: Deposit
) -> None:
    assert deposit.checkout_ref
    deaf.pay(deposit.checkout_ref)
    at = clock.now()
    ask(at)
    assert deposit.status == DepositStatus.PENDING  # not yet: it is asked about soon

    ask(at + SOON)

    assert deposit.status == DepositStatus.SUCCEEDED
    assert deposit.processor_fee_minor == 900  # 2.9 % and 0.30
    assert deposit.next_check_at is None
    assert reservation.available(team.brand.ledger_owner, "USD") == usd(30_000)
    assert len(transactions_of(deposit.cause)) == 2


def test_an_unpaid_page_is_asked_about_later_and_later_until_it_expires(
    deaf: SandboxServer, deposit: Deposit
) -> None:
    assert deposit.checkout_ref
    deaf.decline(deposit.checkout_ref)
    at = clock.now() + SOON
    ask(at)
    assert deposit.status == DepositStatus.PENDING
    assert deposit.next_check_at == at + timedelta(minutes=2)

    ways.domain_time_passes(deaf, timedelta(hours=25))
    ask(clock.now())
    assert deposit.status == DepositStatus.EXPIRED
    assert transactions_of(deposit.cause) == []
    assert deposit.next_check_at is None


def test_a_pending_refund_is_followed(
    deaf: SandboxServer, team: BrandTeam, deposit: Deposit
) -> None:
    refund = a_refund(deaf, deposit, "refund_pending")
    assert refund.status == RefundStatus.REQUESTED
    ways.domain_time_passes(deaf, timedelta(minutes=1))
    ask(clock.now())
    assert (refund.status, refund.next_check_at) == (RefundStatus.SUCCEEDED, None)
    assert reservation.available(team.brand.ledger_owner, "USD") == usd(20_000)


def test_a_refund_that_fails_is_followed(
    deaf: SandboxServer, team: BrandTeam, deposit: Deposit
) -> None:
    refund = a_refund(deaf, deposit, "refund_fails")
    ways.domain_time_passes(deaf, timedelta(minutes=1))
    ask(clock.now())
    assert (refund.status, refund.next_check_at) == (RefundStatus.FAILED, None)
    assert reservation.available(team.brand.ledger_owner, "USD") == usd(30_000)


def a_refund(sandbox: SandboxServer, deposit: Deposit, fault: str) -> Refund:
    """100.00 USD of the paid deposit, on their way back."""
    assert deposit.checkout_ref
    sandbox.pay(deposit.checkout_ref)
    ask(clock.now() + SOON)
    refund = refunds.request(
        deposit.id, usd(10_000), actor="user:1", form_key=new_id(), at=clock.now()
    )
    db.session.commit()
    sandbox.fault("refunds.create", fault, delay_s=30)
    while send_next(clock.now()):
        pass
    db.session.rollback()
    assert refund.refund_ref
    return refund


def test_an_onboarding_that_was_finished_is_found(deaf: SandboxServer) -> None:
    creator = make_creator("ines").creator
    destination = destinations.connect(creator.id, "i@example.com", "USD", "user:1", clock.now())
    db.session.commit()
    while send_next(clock.now()):
        pass
    db.session.rollback()
    assert destination.remote_account
    deaf.complete_onboarding(destination.remote_account)
    ask(clock.now() + timedelta(days=1))
    assert destination.status == DestinationStatus.RESTRICTED  # nobody went there yet

    visited = db.session.get_one(Destination, destination.id)
    destinations.visited(visited, clock.now())
    db.session.commit()
    ask(clock.now() + SOON)

    assert (destination.status, destination.next_check_at) == (DestinationStatus.ACTIVE, None)


def test_a_row_whose_object_is_not_made_yet_is_not_asked_about(
    team: BrandTeam, deaf: object
) -> None:
    deposit = make_deposit(team, make_campaign(team, status="awaiting_funds"))
    deposit.check_soon(clock.now())
    db.session.commit()
    assert not polling.deposits(clock.now() + timedelta(days=1))
    deposits.rejected(deposit, "not wanted", clock.now())
    db.session.commit()


@pytest.mark.parametrize("fault", ["e503", "reset_before", "e429"])
def test_a_question_without_an_answer_is_asked_again(
    deaf: SandboxServer, deposit: Deposit, fault: str
) -> None:
    assert deposit.checkout_ref
    deaf.pay(deposit.checkout_ref)
    before = money_tables()
    deaf.fault("checkout.sessions.retrieve", fault)
    at = clock.now() + SOON
    assert polling.deposits(at)
    after = money_tables()
    assert deposit.next_check_at == at + timedelta(minutes=2)
    assert {table for table in before if before[table] != after[table]} == {"deposit"}

    ask(at + timedelta(minutes=3))
    assert deposit.status == DepositStatus.SUCCEEDED


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency", "wrong_livemode"])
def test_an_answer_that_does_not_fit_is_not_taken(
    deaf: SandboxServer, team: BrandTeam, deposit: Deposit, fault: str
) -> None:
    assert deposit.checkout_ref
    deaf.pay(deposit.checkout_ref)
    deaf.fault("payment_intents.retrieve", fault)
    at = clock.now() + SOON
    ask(at)
    assert deposit.status == DepositStatus.PENDING
    assert transactions_of(deposit.cause) == []

    ask(at + timedelta(minutes=3))
    assert deposit.status == DepositStatus.SUCCEEDED
    assert reservation.available(team.brand.ledger_owner, "USD") == usd(30_000)


def test_four_workers_ask_once(app: Flask, deaf: SandboxServer, deposit: Deposit) -> None:
    assert deposit.checkout_ref
    deaf.pay(deposit.checkout_ref)
    at = clock.now() + SOON
    db.session.commit()
    results = at_once(app, *[lambda: polling.deposits(at)] * 4)
    assert sorted(map(str, results)) == ["False"] * 3 + ["True"]
    db.session.expire_all()
    assert deposit.status == DepositStatus.SUCCEEDED
    assert len(transactions_of(deposit.cause)) == 2
