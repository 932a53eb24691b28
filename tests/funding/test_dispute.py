"""A dispute: what a card's bank takes of a brand's payment, the brand bears, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.campaigns import acceptance, budget, ending
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_where
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.funding import chargeback, debt, reservation, standing
from marketplace.funding import deposit as deposits
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit, DepositStatus, Mismatch
from marketplace.funding.dispute import Dispute, DisputeStatus
from marketplace.funding.refund import Refund, RefundStatus, refundable
from marketplace.ledger import dispute_postings, postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.processors.base import Snapshot
from marketplace.processors.listing import Moved
from tests.agreeing import ask_for_place, make_agreement, new_member, work_of
from tests.make import (
    BrandTeam,
    make_brand,
    make_campaign,
    make_deposit,
    make_operator,
    pay,
)
from tests.within import at_once, locked, refusals, refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
DUE = AT + timedelta(days=10)
FEE = Money(1_500, "USD")


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


@pytest.fixture
def running(team: BrandTeam) -> Campaign:
    """An open campaign whose 300.00 USD are reserved: nothing is free."""
    return make_campaign(team, status="open")


def paid_for(campaign: Campaign) -> Deposit:
    return db.session.scalars(select(Deposit).filter_by(campaign_id=campaign.id)).one()


def told(
    deposit: Deposit,
    state: str,
    minor: int = 30_000,
    *,
    taken: int | None = None,
    back: int = 0,
    ref: str = "dp_1",
    **changes: Any,
) -> Snapshot:
    """What the processor says of a dispute; the money was taken unless the bank only asks."""
    taken = (0 if state == "inquiry" else minor) if taken is None else taken
    moved = []
    if taken:
        moved.append(Moved(f"txn_{ref}_taken", usd(-taken), FEE))
    if back:
        moved.append(Moved(f"txn_{ref}_back", usd(back), usd(0)))
    said: dict[str, Any] = {
        "kind": "dispute",
        "remote_id": ref,
        "our_ref": None,
        "state": state,
        "livemode": False,
        "amount": usd(minor),
        "charge_ref": deposit.charge_ref,
        "moved": tuple(moved),
        "reason": "fraudulent",
        "answer_by": DUE,
    }
    return Snapshot(**(said | changes))


def converge(deposit: Deposit, snapshot: Snapshot, at: datetime = AT) -> Dispute:
    """As the worker does: the deposit's lock first, then the dispute's."""
    held = locked(Deposit, deposit.id)
    known = lock_where(Dispute, Dispute.dispute_ref == snapshot.remote_id)
    return chargeback.converge(held, known, snapshot, at)


def follow(deposit: Deposit, *snapshots: Snapshot) -> Dispute:
    for snapshot in snapshots:
        dispute = converge(deposit, snapshot)
        db.session.commit()
    return dispute


def repay() -> int:
    """Run the job until nothing more can be repaid; return how often it could."""
    times = 0
    while debt.repay_next(AT):
        db.session.commit()
        times += 1
    return times


def books(team: BrandTeam) -> tuple[Money, Money, Money]:
    """What the brand has free, what it owes, what we have at the processor besides its fees."""
    owner = team.brand.ledger_owner
    free = reservation.available(owner, "USD")
    owed = balance(dispute_postings.brand_debt(owner), "USD")
    gross = balance(postings.processor_clearing("stripe"), "USD") + balance(
        postings.processor_fees("stripe"), "USD"
    )
    db.session.rollback()
    return free, owed, gross


def mails(address: str) -> list[str]:
    found = select(Mail.subject).filter_by(to=address).order_by(Mail.id)
    return list(db.session.scalars(found))


# ---- the money


def test_what_is_free_bears_the_dispute_and_the_fee_is_ours(
    team: BrandTeam, deposit: Deposit
) -> None:
    fees = balance(postings.processor_fees("stripe"), "USD")
    dispute = follow(deposit, told(deposit, "needs_response", 20_000))
    assert books(team) == (usd(10_000), usd(0), usd(10_000))
    assert balance(postings.processor_fees("stripe"), "USD") == fees + FEE
    assert (dispute.withdrawn_minor, dispute.debt_minor) == (20_000, 0)
    assert dispute.answer_by == DUE
    assert [it.kind for it in transactions_of(dispute.cause)] == [
        "dispute_withdrawn",
        "processor_fee_charged",
    ]


def test_what_is_not_there_any_more_is_the_brands_debt_and_no_reservation_is_touched(
    team: BrandTeam, running: Campaign
) -> None:
    dispute = follow(paid_for(running), told(paid_for(running), "needs_response"))
    assert books(team) == (usd(0), usd(30_000), usd(0))
    assert reservation.reserved(running.ledger_owner, "USD") == usd(30_000)
    assert dispute.debt == usd(30_000)


def test_told_twice_and_in_any_order_it_is_posted_once(team: BrandTeam, deposit: Deposit) -> None:
    open_, won = told(deposit, "needs_response"), told(deposit, "won", back=30_000)
    dispute = follow(deposit, open_, open_, told(deposit, "under_review"), won, won)
    assert dispute.status == DisputeStatus.WON
    assert books(team) == (usd(30_000), usd(0), usd(30_000))
    assert len(transactions_of(dispute.cause)) == 3


def test_heard_of_only_when_it_is_won_it_took_and_gave_back(
    team: BrandTeam, deposit: Deposit
) -> None:
    dispute = follow(deposit, told(deposit, "won", back=30_000))
    assert books(team) == (usd(30_000), usd(0), usd(30_000))
    assert dispute.next_check_at is None


def test_a_dispute_that_is_won_gives_back_what_it_took_and_the_debt_is_repaid_first(
    team: BrandTeam, running: Campaign
) -> None:
    paid = paid_for(running)
    follow(paid, told(paid, "needs_response"), told(paid, "won", back=30_000))
    assert books(team) == (usd(30_000), usd(30_000), usd(30_000))
    assert repay() == 1
    assert books(team) == (usd(0), usd(0), usd(30_000))
    assert not standing.of(team.brand.id).suspended


def test_a_dispute_that_is_lost_leaves_the_debt(team: BrandTeam, running: Campaign) -> None:
    paid = paid_for(running)
    dispute = follow(paid, told(paid, "needs_response"), told(paid, "lost"))
    assert (dispute.status, dispute.next_check_at) == (DisputeStatus.LOST, None)
    assert books(team) == (usd(0), usd(30_000), usd(0))
    assert repay() == 0


def test_a_lost_dispute_can_still_be_won(team: BrandTeam, deposit: Deposit) -> None:
    follow(deposit, told(deposit, "lost"), told(deposit, "won", back=30_000))
    assert books(team) == (usd(30_000), usd(0), usd(30_000))


def test_a_fee_that_is_given_back_is_ours_again(deposit: Deposit) -> None:
    fees = balance(postings.processor_fees("stripe"), "USD")
    taken = Moved("txn_taken", usd(-30_000), FEE)
    back = Moved("txn_back", usd(30_000), -FEE)
    follow(deposit, told(deposit, "won", moved=(taken, back)))
    assert balance(postings.processor_fees("stripe"), "USD") == fees


def test_an_inquiry_takes_nothing_and_suspends_nobody(team: BrandTeam, deposit: Deposit) -> None:
    dispute = follow(deposit, told(deposit, "inquiry"))
    assert books(team) == (usd(30_000), usd(0), usd(30_000))
    assert not standing.of(team.brand.id).suspended
    assert dispute.next_check_at == AT + timedelta(days=1)
    follow(deposit, told(deposit, "closed", taken=0))
    assert dispute.status == DisputeStatus.CLOSED
    assert transactions_of(dispute.cause) == []


def test_an_inquiry_may_become_a_chargeback(team: BrandTeam, deposit: Deposit) -> None:
    dispute = follow(deposit, told(deposit, "inquiry"), told(deposit, "needs_response"))
    assert dispute.status == DisputeStatus.NEEDS_RESPONSE
    assert books(team) == (usd(0), usd(0), usd(0))


# ---- one budget with refunds


def test_a_disputed_deposit_is_not_refunded(deposit: Deposit) -> None:
    follow(deposit, told(deposit, "needs_response", 10_000))
    with refused(BadInput, match="The cardholder disputed this payment"):
        refunds.request(deposit.id, usd(100), actor="user:1", form_key=new_id(), at=AT)
    follow(deposit, told(deposit, "lost", 10_000))
    with refused(BadInput, match="The cardholder disputed this payment"):
        refunds.request(deposit.id, usd(100), actor="user:1", form_key=new_id(), at=AT)


def test_refunds_and_disputes_share_one_budget(team: BrandTeam, deposit: Deposit) -> None:
    follow(deposit, told(deposit, "won", 10_000, back=4_000))
    assert refundable(deposit) == usd(24_000)
    refund = refunds.request(deposit.id, usd(24_000), actor="user:1", form_key=new_id(), at=AT)
    db.session.commit()
    assert refundable(deposit) == usd(0)
    made = Snapshot("refund", "re_1", refund.id.hex, "succeeded", False, refund.amount)
    refunds.converge(locked(Refund, refund.id), made, AT)
    db.session.commit()
    with refused(Mismatch, match=r"only 0\.00 USD is left"):
        converge(deposit, told(deposit, "needs_response", 1, ref="dp_2"))


def test_a_dispute_waits_for_a_refund_whose_end_is_not_known(
    team: BrandTeam, deposit: Deposit
) -> None:
    refund = refunds.request(deposit.id, usd(12_000), actor="user:1", form_key=new_id(), at=AT)
    db.session.commit()
    dispute = follow(deposit, told(deposit, "needs_response"))
    assert (dispute.withdrawn_minor, dispute.next_check_at) == (0, AT + chargeback.SOON)
    assert standing.of(team.brand.id).suspended
    refunds.failed(locked(Refund, refund.id), "charge_disputed", AT)
    db.session.commit()
    follow(deposit, told(deposit, "needs_response"))
    assert books(team) == (usd(0), usd(0), usd(0))


def test_a_refund_and_a_dispute_at_once_never_take_more_than_was_charged(
    app: Flask, team: BrandTeam, deposit: Deposit
) -> None:
    id = deposit.id
    opened = told(deposit, "needs_response", 20_000)
    db.session.commit()

    def go_back() -> str:
        refunds.request(id, usd(20_000), actor="user:1", form_key=new_id(), at=AT)
        return "requested"

    def dispute() -> str:
        converge(db.session.get_one(Deposit, id), opened)
        return "disputed"

    results = at_once(app, go_back, dispute)
    assert {type(refusal) for refusal in refusals(results)} <= {BadInput}
    taken = db.session.scalars(select(Dispute.withdrawn_minor)).one()
    asked = db.session.scalars(select(Refund.status)).all()
    assert (taken, asked) in ((20_000, []), (0, [RefundStatus.REQUESTED]))
    assert refundable(db.session.get_one(Deposit, id)) == usd(10_000)


# ---- what the brand may not do meanwhile


def test_a_suspended_brand_reserves_refunds_and_agrees_nothing(
    team: BrandTeam, deposit: Deposit, running: Campaign
) -> None:
    other = make_campaign(team, status="awaiting_funds", title="Another")
    paid = paid_for(running)
    waiting = ask_for_place(running.id)
    follow(paid, told(paid, "needs_response", 1_000))
    assert books(team)[:2] == (usd(29_000), usd(0))
    with refused(BadInput, match="Suspended"):
        budget.fund_from_balance(locked(Campaign, other.id), "user:1", AT)
    with refused(BadInput, match="Suspended"):
        refunds.request(deposit.id, usd(100), actor="user:1", form_key=new_id(), at=AT)
    with refused(BadInput, match="Suspended"):
        acceptance.accept(waiting.id, "user:1", clock.now())
    member = new_member()
    with refused(BadInput, match="Suspended"):
        ask_for_place(running.id, member)
    follow(paid, told(paid, "won", 1_000, back=1_000))
    ask_for_place(running.id, member)
    assert acceptance.accept(waiting.id, "user:1", clock.now()).status == "active"
    db.session.commit()


def test_work_that_was_agreed_before_is_paid_while_the_brand_is_suspended(
    team: BrandTeam, running: Campaign
) -> None:
    agreement = make_agreement(running.id, work="submitted")
    paid = paid_for(running)
    follow(paid, told(paid, "needs_response"))
    deliverables.approve(work_of(agreement.id).id, "user:1", clock.now())
    db.session.commit()
    creator = f"creator:{agreement.creator_id.hex}"
    owed = balance(postings.creator_available(creator), "USD") + balance(
        postings.creator_pending(creator), "USD"
    )
    fee = balance(postings.PLATFORM_FEES, "USD")
    assert owed + fee == usd(10_000)
    assert reservation.reserved(running.ledger_owner, "USD") == usd(20_000)
    assert books(team)[:2] == (usd(0), usd(30_000))


def test_what_a_suspended_brand_pays_in_reserves_nothing_and_repays_first(
    team: BrandTeam, running: Campaign
) -> None:
    other = make_campaign(team, status="awaiting_funds", title="Another", budget_minor=50_000)
    paid = paid_for(running)
    follow(paid, told(paid, "needs_response"), told(paid, "lost"))
    pay(make_deposit(team, other))
    assert locked(Campaign, other.id).status == CampaignStatus.AWAITING_FUNDS
    assert books(team)[:2] == (usd(50_000), usd(30_000))
    repay()
    assert books(team)[:2] == (usd(20_000), usd(0))
    assert not standing.of(team.brand.id).suspended
    assert "Your debt of $300.00 is repaid" in mails(team.user.email)


def test_a_brand_pays_what_it_owes_by_card(team: BrandTeam, running: Campaign) -> None:
    paid = paid_for(running)
    follow(paid, told(paid, "lost"))
    asked = debt.pay(
        team.brand,
        usd(30_000),
        payer_id=team.user.id,
        payer_email=team.user.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/brand",
        at=AT,
    )
    db.session.commit()
    assert pay(asked).status == DepositStatus.SUCCEEDED
    repay()
    assert books(team) == (usd(0), usd(0), usd(30_000))


def test_a_debt_of_cents_is_paid_with_what_a_card_can_bring(team: BrandTeam) -> None:
    asked = debt.pay(
        team.brand,
        usd(7),
        payer_id=team.user.id,
        payer_email=team.user.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/brand",
        at=AT,
    )
    assert asked.amount == usd(deposits.AMOUNT_MINOR_MIN)


def test_a_campaign_that_ends_repays_the_debt(team: BrandTeam, running: Campaign) -> None:
    paid = paid_for(running)
    follow(paid, told(paid, "lost"))
    ending.cancel(locked(Campaign, running.id), "user:1", "no longer wanted", AT)
    db.session.commit()
    repay()
    assert books(team) == (usd(0), usd(0), usd(0))


# ---- what does not fit


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": usd(30_001)}, "disputed is"),
        ({"amount": Money(30_000, "EUR")}, "deposit"),
        ({"amount": None}, "about nothing"),
        ({"amount": usd(0)}, "about nothing"),
        ({"state": "nonsense"}, "no state that we know"),
        ({"moved": (Moved("t", usd(-30_001), usd(0)),)}, "is left"),
        ({"moved": (Moved("t", Money(-1, "EUR"), usd(0)),)}, "another currency"),
        ({"moved": (Moved("t", usd(5), usd(0)),)}, "moved money"),
        ({"moved": (Moved("t", usd(-5), FEE), Moved("u", usd(-6), FEE))}, "moved money"),
        ({"moved": (Moved("t", usd(-5), FEE), Moved("u", usd(6), FEE))}, "more than it took"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_what_does_not_fit_the_deposit_is_a_mismatch(
    deposit: Deposit, changes: dict[str, Any], why: str
) -> None:
    with refused(Mismatch, match=why):
        converge(deposit, replace(told(deposit, "needs_response"), **changes))


def test_a_decided_dispute_does_not_open_again(deposit: Deposit) -> None:
    follow(deposit, told(deposit, "won", back=30_000))
    with refused(Mismatch, match="is won, the bank says under_review"):
        converge(deposit, told(deposit, "under_review", back=30_000))


def test_money_that_moves_a_second_time_is_a_mismatch(deposit: Deposit) -> None:
    follow(deposit, told(deposit, "won", 10_000, back=10_000))
    for again in (
        (Moved("other", usd(-10_000), FEE),),
        (Moved("txn_dp_1_taken", usd(-10_000), FEE), Moved("other", usd(10_000), FEE)),
    ):
        with refused(Mismatch, match="twice"):
            converge(deposit, told(deposit, "won", 10_000, moved=again))


# ---- whom it concerns


def test_brand_and_operators_hear_of_it_once(team: BrandTeam, running: Campaign) -> None:
    operator = make_operator()
    paid = paid_for(running)
    opened = told(paid, "needs_response")
    follow(paid, opened, opened, told(paid, "under_review"), told(paid, "lost"))
    assert mails(team.user.email)[-2:] == [
        "Your payment of $300.00 is disputed",
        "The dispute over $300.00 is lost",
    ]
    assert mails(operator.email) == ["A payment of $300.00 is disputed: answer in time"]
    body = db.session.scalars(
        select(Mail.body).where(Mail.subject == "Your payment of $300.00 is disputed")
    ).one()
    assert "you owe $300.00" in body
    assert "what they earned is theirs" in body


# ---- the database


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = 0",
        "status = 'nonsense'",
        "withdrawn_ref = NULL",
        "debt_minor = withdrawn_minor + 1",
        "reinstated_minor = withdrawn_minor + 1, reinstated_ref = 'x'",
        "reinstated_minor = 1",
    ],
)
def test_the_database_refuses_what_cannot_be(
    deposit: Deposit, owner: psycopg.Connection[Any], change: str
) -> None:
    follow(deposit, told(deposit, "needs_response"))
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute(f"UPDATE dispute SET {change}")
