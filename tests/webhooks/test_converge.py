"""From what the processor says to one call of the domain; what does not fit is quarantined."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.funding.refund import Refund, RefundStatus
from marketplace.money import Money
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.processors.base import IDEMPOTENCY_ERROR, Kind, Outcome, Snapshot, Verdict
from marketplace.processors.outbox import ProcessorRequest
from marketplace.webhooks import converge
from marketplace.webhooks.converge import NotYet, Quarantine
from tests.make import (
    make_brand,
    make_campaign,
    make_creator,
    make_deposit,
    make_destination,
    make_payout,
    pay,
    payment_of,
)
from tests.within import locked, refused, within

__all__ = ["within"]


@pytest.fixture
def deposit() -> Deposit:
    """300.00 USD for a campaign, just asked for."""
    team = make_brand()
    return make_deposit(team, make_campaign(team, status="awaiting_funds"))


@pytest.fixture
def payout() -> Payout:
    """150.00 USD, on their way."""
    payout = make_payout(make_creator("ines").creator)
    assert converge.before_send(request_of(payout.id), clock.now())
    db.session.commit()
    return payout


@pytest.fixture
def refund() -> Refund:
    """100.00 USD of a deposit whose campaign was canceled."""
    team = make_brand()
    campaign = make_campaign(team, status="canceled")
    deposit = pay(make_deposit(team, campaign))
    asked = refunds.request(
        deposit.id, Money(10_000, "USD"), actor="user:1", form_key=new_id(), at=clock.now()
    )
    db.session.commit()
    return asked


def request_of(subject_id: UUID) -> ProcessorRequest:
    return db.session.query(ProcessorRequest).filter_by(subject_id=subject_id).one()


def told(kind: Kind, subject_id: UUID, state: str, amount: Money | None = None) -> Snapshot:
    return Snapshot(
        kind=kind,
        remote_id=f"{kind}_1",
        our_ref=subject_id.hex,
        state=state,
        livemode=False,
        amount=amount,
    )


def transfer_of(payout: Payout) -> Snapshot:
    account = db.session.get_one(Destination, payout.destination_id).remote_account
    return replace(told("transfer", payout.id, "paid", payout.amount), account=account)


def apply(snapshot: Snapshot) -> str:
    outcome = converge.apply(snapshot, clock.now())
    db.session.commit()
    return outcome


def answer(
    subject_id: UUID, verdict: Verdict, snapshot: Snapshot | None = None, code: str = "a_code"
) -> None:
    outcome = Outcome(verdict, snapshot, code=code, message="a reason")
    converge.answered(request_of(subject_id), outcome, clock.now())
    db.session.commit()


# ---- what belongs to a row of ours


def test_a_checkout_opens_a_deposit_and_an_expired_one_ends_it(deposit: Deposit) -> None:
    page = replace(told("checkout", deposit.id, "open", deposit.amount), url="http://127.0.0.1:9/")
    assert apply(page) == "done"
    assert (deposit.status, deposit.checkout_url) == (DepositStatus.PENDING, page.url)
    assert apply(replace(page, state="expired")) == "done"
    assert deposit.status == DepositStatus.EXPIRED


def test_a_payment_counts_only_once_it_has_succeeded(deposit: Deposit) -> None:
    for state in ("processing", "failed", "canceled", "requires_action", "a new word"):
        assert apply(payment_of(deposit, state=state)) == "ignored"
        assert deposit.status == DepositStatus.CREATED
    assert apply(payment_of(deposit)) == "done"
    assert deposit.status == DepositStatus.SUCCEEDED


def test_a_checkout_that_is_shown_again_after_its_payment_changes_nothing(
    deposit: Deposit,
) -> None:
    apply(payment_of(deposit))
    assert apply(told("checkout", deposit.id, "complete", deposit.amount)) == "done"
    assert apply(told("checkout", deposit.id, "expired", deposit.amount)) == "done"
    assert deposit.status == DepositStatus.SUCCEEDED


def test_a_transfer_pays_its_payout(payout: Payout) -> None:
    assert apply(transfer_of(payout)) == "done"
    assert (payout.status, payout.transfer_ref) == (PayoutStatus.PAID, "transfer_1")


def test_a_transfer_that_came_back_whole_returns_its_payout(payout: Payout) -> None:
    back = replace(transfer_of(payout), state="reversed")
    apply(transfer_of(payout))
    for _ in range(8):
        assert apply(back) == "done"
    assert payout.status == PayoutStatus.RETURNED


def test_what_was_paid_before_it_came_back_is_old_news_afterwards(payout: Payout) -> None:
    apply(replace(transfer_of(payout), state="reversed"))
    assert apply(transfer_of(payout)) == "done"
    assert payout.status == PayoutStatus.RETURNED


def test_a_refund_follows_the_processor(refund: Refund) -> None:
    for state, status in (
        ("pending", RefundStatus.REQUESTED),
        ("succeeded", RefundStatus.SUCCEEDED),
        ("failed", RefundStatus.FAILED),
    ):
        assert apply(told("refund", refund.id, state, refund.amount)) == "done"
        assert refund.status == status


def test_an_account_moves_its_destination_with_and_without_our_reference() -> None:
    creator = make_creator("ines").creator
    asked = destinations.connect(creator.id, "i@example.com", "USD", "user:1", clock.now())
    db.session.commit()
    account = replace(told("recipient", asked.id, "restricted"), remote_id="acct_1")
    assert apply(account) == "done"
    assert asked.status == DestinationStatus.RESTRICTED
    assert apply(replace(account, our_ref=None, state="active")) == "done"
    assert asked.status == DestinationStatus.ACTIVE


def test_a_kind_of_no_concern_is_ignored() -> None:
    assert apply(told("connected_payout", new_id(), "paid")) == "ignored"


@pytest.mark.parametrize("kind", ["checkout", "payment", "transfer", "refund", "recipient"])
@pytest.mark.parametrize("ref", ["0" * 32, None, "", "no id at all"], ids=str)
def test_what_names_nothing_of_ours_may_come_later(kind: Kind, ref: str | None) -> None:
    snapshot = replace(told(kind, new_id(), "succeeded"), our_ref=ref)
    with refused(NotYet):
        apply(snapshot)


# ---- what does not fit


def test_another_payment_is_quarantined(deposit: Deposit) -> None:
    with refused(Quarantine, match="300.00 USD, the payment 3000.00 USD"):
        apply(payment_of(deposit, amount=Money(300_000, "USD")))
    with refused(Quarantine):
        apply(payment_of(deposit, amount=Money(30_000, "EUR")))


def test_another_page_is_quarantined(deposit: Deposit) -> None:
    with refused(Quarantine, match="the checkout 1.00 USD"):
        apply(told("checkout", deposit.id, "open", Money(100, "USD")))


def test_another_transfer_is_quarantined(payout: Payout) -> None:
    good = transfer_of(payout)
    for wrong in (
        replace(good, amount=Money(1, "USD")),
        replace(good, amount=Money(15_000, "EUR")),
        replace(good, account="acct_of_somebody_else"),
        replace(good, state="partly_reversed"),
        replace(good, state="a new word"),
    ):
        with refused(Quarantine):
            apply(wrong)


def test_a_payout_that_was_paid_and_of_which_a_part_came_back_is_quarantined(
    payout: Payout,
) -> None:
    good = transfer_of(payout)
    apply(good)
    with refused(Quarantine, match="is partly_reversed"):
        apply(replace(good, state="partly_reversed"))


def test_a_transfer_that_came_back_whole_must_be_the_payouts_own(payout: Payout) -> None:
    back = replace(transfer_of(payout), state="reversed")
    for wrong in (replace(back, amount=Money(1, "USD")), replace(back, account="acct_of_another")):
        with refused(Quarantine):
            apply(wrong)
    apply(replace(back, state="paid"))
    with refused(Quarantine, match="two transfers"):
        apply(replace(back, remote_id="transfer_2"))


def test_two_transfers_for_one_payout_are_quarantined(payout: Payout) -> None:
    good = transfer_of(payout)
    apply(good)
    with refused(Quarantine, match="two transfers"):
        apply(replace(good, remote_id="transfer_2"))


def test_a_late_success_of_what_had_failed_is_paid_all_the_same(payout: Payout) -> None:
    answer(payout.id, Verdict.REJECTED)
    assert payout.status == PayoutStatus.FAILED
    apply(transfer_of(payout))
    assert payout.status == PayoutStatus.PAID
    assert payout.late_debt_minor == 0


def test_a_transfer_that_came_back_of_what_had_failed_came_and_went(payout: Payout) -> None:
    answer(payout.id, Verdict.REJECTED)
    apply(replace(transfer_of(payout), state="reversed"))
    assert payout.status == PayoutStatus.RETURNED


def test_another_refund_is_quarantined(refund: Refund) -> None:
    with refused(Quarantine):
        apply(told("refund", refund.id, "succeeded", Money(1, "USD")))
    apply(told("refund", refund.id, "succeeded", refund.amount))
    with refused(Quarantine, match="made twice"):
        apply(replace(told("refund", refund.id, "succeeded", refund.amount), remote_id="refund_2"))


def test_a_second_account_for_one_destination_is_quarantined() -> None:
    destination = make_destination(make_creator("ines").creator, "acct_1")
    with refused(Quarantine, match="another account"):
        apply(replace(told("recipient", destination.id, "active"), remote_id="acct_2"))


def test_real_money_is_never_taken_for_test_money(
    deposit: Deposit, payout: Payout, refund: Refund
) -> None:
    for snapshot in (
        payment_of(deposit),
        told("checkout", deposit.id, "open", deposit.amount),
        transfer_of(payout),
        told("refund", refund.id, "succeeded", refund.amount),
        told("recipient", payout.destination_id, "restricted"),
    ):
        with refused(Quarantine, match="live or test"):
            apply(replace(snapshot, livemode=True))


# ---- answers to our own requests


def test_a_done_request_is_applied(payout: Payout, deposit: Deposit) -> None:
    answer(payout.id, Verdict.DONE, transfer_of(payout))
    assert payout.status == PayoutStatus.PAID
    answer(deposit.id, Verdict.DONE, told("checkout", deposit.id, "open", deposit.amount))
    assert deposit.status == DepositStatus.PENDING


def test_an_answer_for_somebody_else_is_quarantined(payout: Payout) -> None:
    other = make_payout(make_creator("tom").creator)
    with refused(Quarantine, match="what was made is for"):
        answer(payout.id, Verdict.DONE, transfer_of(other))


def test_a_busy_processor_means_nothing(payout: Payout) -> None:
    answer(payout.id, Verdict.BUSY)
    assert payout.status == PayoutStatus.SENDING


def test_no_answer_puts_a_payout_in_doubt_and_nothing_else(
    payout: Payout, deposit: Deposit, refund: Refund
) -> None:
    for subject in (payout, deposit, refund):
        answer(subject.id, Verdict.UNKNOWN)
    assert payout.status == PayoutStatus.UNKNOWN
    assert (deposit.status, refund.status) == (DepositStatus.CREATED, RefundStatus.REQUESTED)


def test_a_refusal_ends_what_was_asked_and_says_why(
    payout: Payout, deposit: Deposit, refund: Refund
) -> None:
    creator = make_creator("tom").creator
    asked = destinations.connect(creator.id, "t@example.com", "USD", "user:1", clock.now())
    db.session.commit()
    for subject in (payout, deposit, refund, asked):
        answer(subject.id, Verdict.REJECTED)
    assert (payout.status, payout.failure) == (PayoutStatus.FAILED, "a_code: a reason")
    assert (deposit.status, deposit.rejection) == (DepositStatus.REJECTED, "a reason")
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, "a reason")
    assert (asked.status, asked.refusal) == (DestinationStatus.REFUSED, "a reason")


def test_a_refund_whose_key_met_another_body_keeps_its_money_set_aside(refund: Refund) -> None:
    answer(refund.id, Verdict.REJECTED, code=IDEMPOTENCY_ERROR)
    assert refund.status == RefundStatus.REQUESTED


def test_a_refusal_of_what_is_done_already_changes_nothing(
    payout: Payout, deposit: Deposit, refund: Refund
) -> None:
    apply(transfer_of(payout))
    apply(payment_of(deposit))
    apply(told("refund", refund.id, "succeeded", refund.amount))
    destination = db.session.get_one(Destination, payout.destination_id)
    for subject in (payout, deposit, refund, destination):
        answer(subject.id, Verdict.REJECTED)
    assert payout.status == PayoutStatus.PAID
    assert deposit.status == DepositStatus.SUCCEEDED
    assert refund.status == RefundStatus.SUCCEEDED
    assert destination.status == DestinationStatus.ACTIVE


# ---- may it leave?


def test_only_a_payout_is_asked_whether_it_may_leave(payout: Payout, deposit: Deposit) -> None:
    assert converge.before_send(request_of(deposit.id), clock.now())
    deposits.rejected(locked(Deposit, deposit.id), "no", clock.now())
    assert converge.before_send(request_of(deposit.id), clock.now())
    assert converge.before_send(request_of(payout.id), clock.now())
    answer(payout.id, Verdict.REJECTED)
    assert not converge.before_send(request_of(payout.id), clock.now())
    db.session.commit()
