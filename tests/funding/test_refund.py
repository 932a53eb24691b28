"""A refund: unspent money goes back once, never more than came, and returns if it bounces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.campaigns import budget, ending
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, InsufficientFunds
from marketplace.extensions import db
from marketplace.funding import refund as refunds
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit, Mismatch
from marketplace.funding.refund import Refund, RefundStatus, refundable
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.processors.base import Snapshot
from marketplace.processors.outbox import ProcessorRequest
from tests.make import BrandTeam, make_brand, make_campaign, make_deposit, pay
from tests.within import at_once, locked, refusals, refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


@pytest.fixture
def deposit(team: BrandTeam) -> Deposit:
    """300.00 USD, paid for a campaign that was canceled before: all of it is free."""
    campaign = make_campaign(team, status="awaiting_funds")
    deposit = make_deposit(team, campaign)
    ending.cancel(campaign, "user:1", "no longer wanted", AT)
    return pay(deposit)


def request(deposit: Deposit, amount: Money, form_key: UUID | None = None) -> Refund:
    refund = refunds.request(
        deposit.id, amount, actor="user:1", form_key=form_key or new_id(), at=AT
    )
    db.session.commit()
    return refund


def told(refund: Refund, state: str, **changes: Any) -> Snapshot:
    """What the processor says of a refund."""
    said: dict[str, Any] = {
        "kind": "refund",
        "remote_id": f"re_{refund.id.hex}",
        "our_ref": refund.id.hex,
        "state": state,
        "livemode": False,
        "amount": refund.amount,
    }
    return Snapshot(**(said | changes))


def follow(refund: Refund, *states: str) -> None:
    for state in states:
        refunds.converge(locked(Refund, refund.id), told(refund, state), AT)
        db.session.commit()


def books(team: BrandTeam) -> tuple[Money, Money, Money]:
    """What the brand has free, what is on its way back, what is at the processor."""
    owner = team.brand.ledger_owner
    free = reservation.available(owner, "USD")
    returning = balance(postings.refund_reserved_of(owner), "USD")
    gross = balance(postings.processor_clearing("stripe"), "USD") + balance(
        postings.processor_fees("stripe"), "USD"
    )
    db.session.rollback()
    return free, returning, gross


# ---- asking for it


def test_a_request_sets_the_money_aside_and_names_the_charge(
    team: BrandTeam, deposit: Deposit
) -> None:
    refund = request(deposit, usd(12_000))
    assert books(team) == (usd(18_000), usd(12_000), usd(30_000))
    assert refundable(deposit) == usd(18_000)
    asked = db.session.scalars(
        select(ProcessorRequest).where(ProcessorRequest.subject_id == refund.id)
    ).one()
    assert asked.body["charge"] == deposit.charge_ref
    assert asked.body["amount"] == 12_000


@pytest.mark.parametrize("amount", [usd(0), usd(-1), usd(30_001), Money(100, "EUR")], ids=str)
def test_only_what_is_left_of_the_deposit_goes_back(deposit: Deposit, amount: Money) -> None:
    with refused(BadInput) as refusal:
        request(deposit, amount)
    assert refusal.value.fields == {"amount": "more than zero, at most 300.00 USD"}


def test_several_refunds_share_one_budget(team: BrandTeam, deposit: Deposit) -> None:
    request(deposit, usd(12_000))
    request(deposit, usd(17_999))
    with refused(BadInput, match="amount"):
        request(deposit, usd(2))
    request(deposit, usd(1))
    assert refundable(deposit) == usd(0)
    assert books(team) == (usd(0), usd(30_000), usd(30_000))


def test_what_is_reserved_or_spent_cannot_go_back(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="awaiting_funds")
    deposit = pay(make_deposit(team, campaign))
    with refused(InsufficientFunds):
        request(deposit, usd(1))


def test_an_unpaid_deposit_has_nothing_to_go_back(team: BrandTeam) -> None:
    deposit = make_deposit(team, make_campaign(team, status="awaiting_funds"))
    assert refundable(deposit) == usd(0)
    with refused(BadInput):
        request(deposit, usd(1))


def test_a_form_that_is_sent_twice_refunds_once(deposit: Deposit) -> None:
    key = new_id()
    request(deposit, usd(100), key)
    with refused(IntegrityError, match="uq_refund_form_key"):
        request(deposit, usd(100), key)


def test_eight_at_once_share_one_budget(app: Flask, team: BrandTeam, deposit: Deposit) -> None:
    id = deposit.id
    db.session.commit()

    def one() -> str:
        refunds.request(id, usd(12_000), actor="user:1", form_key=new_id(), at=AT)
        return "requested"

    results = at_once(app, *[one] * 8)

    assert results.count("requested") == 2
    assert {type(refusal) for refusal in refusals(results)} == {BadInput}
    assert books(team) == (usd(6_000), usd(24_000), usd(30_000))


def test_a_refund_and_a_reservation_at_once_spend_the_money_once(
    app: Flask, team: BrandTeam, deposit: Deposit
) -> None:
    campaign_id = make_campaign(team, status="awaiting_funds").id
    deposit_id = deposit.id
    db.session.commit()

    def go_back() -> str:
        refunds.request(deposit_id, usd(30_000), actor="user:1", form_key=new_id(), at=AT)
        return "done"

    def fund() -> str:
        budget.fund_from_balance(locked(Campaign, campaign_id), "user:1", AT)
        return "done"

    results = at_once(app, go_back, fund)
    assert results.count("done") == 1
    assert [type(refusal) for refusal in refusals(results)] == [InsufficientFunds]


# ---- what becomes of it


def test_a_refund_that_succeeds_leaves_the_books_once(team: BrandTeam, deposit: Deposit) -> None:
    refund = request(deposit, usd(12_000))
    follow(refund, "pending")
    assert (refund.refund_ref, refund.status) == (f"re_{refund.id.hex}", RefundStatus.REQUESTED)
    assert refund.next_check_at == AT + timedelta(seconds=20)
    follow(refund, "succeeded", "succeeded", "pending")
    assert refund.status == RefundStatus.SUCCEEDED
    assert refund.next_check_at is None
    assert books(team) == (usd(18_000), usd(0), usd(18_000))
    assert len(transactions_of(refund.cause)) == 2


def test_a_refund_that_fails_gives_the_money_back(team: BrandTeam, deposit: Deposit) -> None:
    refund = request(deposit, usd(12_000))
    follow(refund, "pending", "failed", "failed")
    assert (refund.status, refund.next_check_at) == (RefundStatus.FAILED, None)
    assert refund.failure == "the card's bank sent it back"
    assert books(team) == (usd(30_000), usd(0), usd(30_000))
    assert refundable(deposit) == usd(30_000)


def test_a_refund_that_bounces_weeks_later_comes_back(team: BrandTeam, deposit: Deposit) -> None:
    refund = request(deposit, usd(12_000))
    follow(refund, "succeeded", "failed", "failed")
    assert refund.status == RefundStatus.FAILED
    assert books(team) == (usd(30_000), usd(0), usd(30_000))
    assert refundable(deposit) == usd(30_000)
    assert [it.kind for it in transactions_of(refund.cause)] == [
        "refund_reserved",
        "refund_paid",
        "refund_bounced",
    ]


def test_a_refused_refund_says_why(team: BrandTeam, deposit: Deposit) -> None:
    refund = request(deposit, usd(12_000))
    refunds.failed(refund, "the charge is too old", AT)
    db.session.commit()
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, "the charge is too old")
    assert books(team) == (usd(30_000), usd(0), usd(30_000))


@pytest.mark.parametrize("wrong", [usd(12_001), Money(12_000, "EUR"), None], ids=str)
@pytest.mark.parametrize("state", ["pending", "succeeded", "failed"])
def test_another_amount_is_a_mismatch(deposit: Deposit, state: str, wrong: Money | None) -> None:
    refund = request(deposit, usd(12_000))
    with refused(Mismatch):
        refunds.converge(refund, told(refund, state, amount=wrong), AT)


def test_a_second_refund_at_the_processor_is_a_mismatch(deposit: Deposit) -> None:
    refund = request(deposit, usd(12_000))
    follow(refund, "succeeded")
    with refused(Mismatch, match="made twice"):
        refunds.converge(refund, told(refund, "succeeded", remote_id="re_other"), AT)


@pytest.mark.parametrize("known", [True, False], ids=["known there", "refused at once"])
def test_a_success_after_a_failure_is_a_mismatch(deposit: Deposit, known: bool) -> None:
    refund = request(deposit, usd(12_000))
    if known:
        follow(refund, "failed")
    else:
        refunds.failed(refund, "refused", AT)
        db.session.commit()
    with refused(Mismatch, match="has failed, yet"):
        refunds.converge(refund, told(refund, "succeeded"), AT)


def test_one_refund_at_the_processor_is_one_refund_here(deposit: Deposit) -> None:
    first, second = request(deposit, usd(100)), request(deposit, usd(100))
    follow(first, "succeeded")
    with refused(IntegrityError, match="uq_refund_refund_ref"):
        refunds.converge(second, told(second, "succeeded", remote_id=first.refund_ref), AT)
        db.session.flush()


def test_the_database_refuses_a_refund_of_nothing(
    deposit: Deposit, owner: psycopg.Connection[Any]
) -> None:
    request(deposit, usd(100))
    for change in ("amount_minor = 0", "status = 'nonsense'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE refund SET {change}")
        owner.rollback()
