"""A deposit: money that arrives counts once, when a payment that fits ours has succeeded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, KeyConflict
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Deposit, DepositStatus, Mismatch, Purpose
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.processors.base import Snapshot
from marketplace.processors.outbox import ProcessorRequest
from marketplace.processors.polled import CHECKS_MAX
from tests.make import make_brand, make_campaign, make_deposit, make_operator, payment_of
from tests.within import at_once, locked, refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLEARING = postings.processor_clearing("stripe")
FEES = postings.processor_fees("stripe")


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def request(
    amount: Money, purpose: Purpose = Purpose.FUND_POOL, form_key: UUID | None = None
) -> Deposit:
    operator = make_operator()
    deposit = deposits.request(
        purpose,
        amount,
        requested_by=operator.id,
        payer_email=operator.email,
        form_key=form_key or new_id(),
        site_url="http://127.0.0.1:8000/operator",
        description="Pool",
        at=AT,
    )
    db.session.commit()
    return deposit


@pytest.fixture
def deposit() -> Deposit:
    """500.00 USD for the fund's pool, just asked for."""
    return request(usd(50_000))


def page_of(deposit: Deposit, **changes: Any) -> Snapshot:
    """The hosted page as the processor made it."""
    told: dict[str, Any] = {
        "kind": "checkout",
        "remote_id": f"cs_{deposit.id.hex}",
        "our_ref": deposit.id.hex,
        "state": "open",
        "livemode": False,
        "amount": deposit.amount,
        "url": "http://127.0.0.1:9/pay",
    }
    return Snapshot(**(told | changes))


def receive(id: UUID, at: datetime = AT, **changes: object) -> Deposit:
    deposit = locked(Deposit, id)
    deposits.received(deposit, payment_of(deposit, **changes), at)
    db.session.commit()
    return deposit


def books() -> tuple[Money, Money, Money]:
    """What is at the processor, what it charged us, what the fund's pool holds."""
    held = tuple(balance(account, "USD") for account in (CLEARING, FEES, postings.POOLS["fund"]))
    db.session.rollback()
    return held  # type: ignore[return-value]


# ---- asking for it


def test_a_request_intends_one_checkout_with_our_pages_and_posts_nothing(deposit: Deposit) -> None:
    asked = db.session.scalars(select(ProcessorRequest)).one()
    assert (asked.subject_type, asked.subject_id) == ("deposit", deposit.id)
    page = f"http://127.0.0.1:8000/operator/deposits/{deposit.id}"
    assert asked.body["success_url"] == f"{page}?returned=paid"
    assert asked.body["cancel_url"] == f"{page}?returned=left"
    assert deposit.expires_at == AT + timedelta(hours=24)
    assert transactions_of(deposit.cause) == []


@pytest.mark.parametrize("minor", [-1, 0, 99, 100_000_000])
def test_an_amount_no_card_takes_is_refused_naming_the_bounds(minor: int) -> None:
    operator = make_operator()
    with refused(BadInput) as refusal:
        deposits.request(
            Purpose.FUND_POOL,
            usd(minor),
            requested_by=operator.id,
            payer_email=operator.email,
            form_key=new_id(),
            site_url="http://127.0.0.1:8000/operator",
            description="Pool",
            at=AT,
        )
    assert refusal.value.fields == {"amount": "at least 1.00 USD, at most 999999.99 USD"}


@pytest.mark.parametrize("minor", [100, 99_999_999])
def test_the_bounds_themselves_are_taken(minor: int) -> None:
    assert request(usd(minor)).amount == usd(minor)


def test_a_form_that_is_sent_twice_asks_once() -> None:
    key = new_id()
    request(usd(500), form_key=key)
    make_operator()
    with refused(IntegrityError, match="uq_deposit_form_key"):
        request(usd(500), form_key=key)


# ---- the hosted page


def test_a_made_page_is_kept_and_asked_about(deposit: Deposit) -> None:
    deposits.opened(deposit, page_of(deposit), AT)
    db.session.commit()
    assert deposit.status == DepositStatus.PENDING
    assert (deposit.checkout_ref, deposit.checkout_url) == (
        f"cs_{deposit.id.hex}",
        "http://127.0.0.1:9/pay",
    )
    assert deposit.next_check_at == AT + timedelta(seconds=20)


@pytest.mark.parametrize(
    "wrong",
    [{"amount": usd(5)}, {"amount": Money(50_000, "EUR")}, {"our_ref": "0" * 32}],
    ids=["amount", "currency", "reference"],
)
def test_nobody_is_sent_to_a_page_that_asks_for_something_else(
    deposit: Deposit, wrong: dict[str, Any]
) -> None:
    with refused(Mismatch):
        deposits.opened(deposit, page_of(deposit, **wrong), AT)


def test_a_refused_page_ends_the_deposit_and_says_why(deposit: Deposit) -> None:
    deposits.rejected(deposit, "not in this country", AT)
    db.session.commit()
    assert (deposit.status, deposit.rejection) == (DepositStatus.REJECTED, "not in this country")
    deposits.rejected(deposit, "again", AT)
    assert deposit.rejection == "not in this country"


def test_a_refusal_of_what_is_open_or_paid_changes_nothing(deposit: Deposit) -> None:
    deposits.opened(deposit, page_of(deposit), AT)
    deposits.rejected(deposit, "too late", AT)
    assert (deposit.status, deposit.rejection) == (DepositStatus.PENDING, None)


def test_an_unpaid_page_expires_and_is_asked_about_no_more(deposit: Deposit) -> None:
    deposits.opened(deposit, page_of(deposit), AT)
    deposits.expired(deposit, AT)
    db.session.commit()
    assert (deposit.status, deposit.next_check_at) == (DepositStatus.EXPIRED, None)
    deposits.expired(deposit, AT)
    assert len(statuses.history(deposit)) == 3


def test_questions_come_soon_at_first_then_hourly_then_never(deposit: Deposit) -> None:
    deposits.opened(deposit, page_of(deposit), AT)
    waits = []
    at = AT
    while deposit.next_check_at is not None:
        waits.append(deposit.next_check_at - at)
        at = deposit.next_check_at
        deposit.check_later(at)
    assert waits[:4] == [timedelta(seconds=20), timedelta(minutes=2)] + [
        timedelta(minutes=15),
        timedelta(hours=1),
    ]
    assert len(waits) == CHECKS_MAX
    assert set(waits[3:]) == {timedelta(hours=1)}


def test_a_payer_who_returns_is_asked_about_soon_and_not_ever_sooner(deposit: Deposit) -> None:
    deposits.opened(deposit, page_of(deposit), AT)
    for _ in range(4):
        deposit.check_later(AT)
    db.session.commit()
    assert deposit.next_check_at == AT + timedelta(hours=1)
    deposits.payer_returned(deposit.id, AT)
    db.session.commit()
    assert deposit.next_check_at == AT + timedelta(seconds=20)
    deposits.payer_returned(deposit.id, AT + timedelta(seconds=5))
    assert deposit.next_check_at == AT + timedelta(seconds=20)  # reloading delays nothing


def test_a_payer_who_returns_when_all_is_known_changes_nothing(deposit: Deposit) -> None:
    receive(deposit.id)
    deposits.payer_returned(deposit.id, AT)
    assert (deposit.status, deposit.next_check_at) == (DepositStatus.SUCCEEDED, None)


# ---- the payment


def test_a_payment_is_booked_with_the_processors_fee(deposit: Deposit) -> None:
    receive(deposit.id, fee=usd(1_480))
    assert deposit.status == DepositStatus.SUCCEEDED
    assert deposit.charge_ref == f"ch_{deposit.id.hex}"
    assert books() == (usd(50_000 - 1_480), usd(1_480), usd(50_000))
    posted = transactions_of(deposit.cause)
    assert {it.key for it in posted} == {
        f"deposit:ch_{deposit.id.hex}",
        f"processor_fee:txn_{deposit.id.hex}",
    }
    assert deposit.next_check_at is None


def test_the_same_payment_again_posts_nothing(deposit: Deposit) -> None:
    receive(deposit.id)
    before = books()
    for _ in range(3):
        receive(deposit.id, at=AT + timedelta(hours=1))
    assert books() == before
    assert len(transactions_of(deposit.cause)) == 2
    assert [move.event for move in statuses.history(deposit)] == ["create", "succeed"]


def test_eight_workers_with_one_payment_book_it_once(app: Flask, deposit: Deposit) -> None:
    results = at_once(app, *[partial(_receive_quietly, deposit.id)] * 8)
    assert results == [None] * 8
    assert len(transactions_of(deposit.cause)) == 2


def _receive_quietly(id: UUID) -> None:
    receive(id)


def test_a_fee_that_is_known_later_is_asked_for_and_booked_once(deposit: Deposit) -> None:
    receive(deposit.id, fee=None, fee_ref=None)
    assert books() == (usd(50_000), usd(0), usd(50_000))
    assert deposit.next_check_at == AT + timedelta(seconds=20)

    for _ in range(2):
        receive(deposit.id, at=AT + timedelta(minutes=1), fee=usd(1_480))
        assert books() == (usd(50_000 - 1_480), usd(1_480), usd(50_000))
        assert deposit.next_check_at is None
    assert deposit.processor_fee_minor == 1_480


def test_a_payment_that_cost_nothing_has_no_fee_to_book(deposit: Deposit) -> None:
    receive(deposit.id, fee=usd(0))
    assert len(transactions_of(deposit.cause)) == 1
    assert (deposit.processor_fee_minor, deposit.next_check_at) == (0, None)


def test_a_fee_in_another_currency_is_booked_in_that_currency(deposit: Deposit) -> None:
    receive(deposit.id, fee=Money(1_300, "EUR"))
    assert balance(FEES, "EUR") == Money(1_300, "EUR")
    assert books() == (usd(50_000), usd(0), usd(50_000))


def test_each_purpose_fills_its_own_account() -> None:
    receive(request(usd(700), Purpose.GIFT_POOL).id)
    assert balance(postings.POOLS["gift"], "USD") == usd(700)
    assert balance(postings.POOLS["fund"], "USD") == usd(0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": usd(50_001)},
        {"amount": usd(5_000)},
        {"amount": Money(50_000, "EUR")},
        {"our_ref": "0" * 32},
        {"our_ref": None},
    ],
    ids=["more", "less", "currency", "another's", "nobody's"],
)
@pytest.mark.parametrize("paid_before", [False, True])
def test_what_is_not_the_payment_we_asked_for_is_a_mismatch(
    deposit: Deposit, paid_before: bool, wrong: dict[str, object]
) -> None:
    if paid_before:
        receive(deposit.id, fee=None, fee_ref=None)
    with refused(Mismatch):
        deposits.received(deposit, payment_of(deposit, **wrong), AT)


def test_a_second_charge_for_one_deposit_is_a_mismatch(deposit: Deposit) -> None:
    receive(deposit.id)
    with refused(Mismatch, match="another charge"):
        deposits.received(deposit, payment_of(deposit, charge_ref="ch_other"), AT)


def test_one_charge_pays_one_deposit(deposit: Deposit) -> None:
    receive(deposit.id)
    other = request(usd(50_000))
    with refused(KeyConflict):
        deposits.received(
            other, payment_of(other, charge_ref=deposit.charge_ref, fee_ref="txn_2"), AT
        )


def test_a_payment_of_a_rejected_deposit_is_a_mismatch(deposit: Deposit) -> None:
    deposits.rejected(deposit, "no", AT)
    db.session.commit()
    with refused(Mismatch, match="rejected, yet a payment exists"):
        deposits.received(deposit, payment_of(deposit), AT)


def test_what_is_paid_in_the_last_second_counts(deposit: Deposit) -> None:
    deposits.opened(deposit, page_of(deposit), AT)
    deposits.expired(deposit, AT)
    db.session.commit()
    receive(deposit.id)
    assert deposit.status == DepositStatus.SUCCEEDED
    assert books()[2] == usd(50_000)


def test_a_payment_may_come_before_the_page_was_reported(deposit: Deposit) -> None:
    receive(deposit.id)
    deposits.opened(deposit, page_of(deposit), AT)
    assert deposit.status == DepositStatus.SUCCEEDED


# ---- the database


def test_the_database_refuses_money_without_a_charge_and_a_campaign_without_its_brand(
    owner: psycopg.Connection[Any],
) -> None:
    team = make_brand()
    deposit = make_deposit(team, make_campaign(team, status="awaiting_funds"))
    for change in (
        "status = 'succeeded'",
        "charge_ref = 'ch_1'",
        "brand_id = NULL",
        "campaign_id = NULL",
        "purpose = 'fund_pool'",
        "amount_minor = 0",
        "status = 'nonsense'",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE deposit SET {change} WHERE id = %s", [deposit.id])
        owner.rollback()
