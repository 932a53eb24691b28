"""From a brand's card to a creator's account, over real HTTP, whatever the wire does to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask

from marketplace import clock, verify
from marketplace.campaigns import ending
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.earnings.statement import month, months, statement
from marketplace.extensions import db
from marketplace.funding import refund as refunds
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit, DepositStatus
from marketplace.funding.refund import RefundStatus
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import returning
from marketplace.payouts.destination import DestinationStatus
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Reason
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus
from marketplace.payouts.run import PayoutRunLine
from marketplace.worker.draining import drain
from tests.conftest import Web
from tests.make import BrandTeam, make_brand, make_campaign, make_creator
from tests.path.story import Story, checkout_id, event_states, our_books, their_books
from tests.webhooks.sender import Sender, event
from tests.within import at_once, locked


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team(story: Story) -> BrandTeam:
    return make_brand()


@pytest.fixture
def campaign(team: BrandTeam) -> Campaign:
    """It awaits 300.00 USD."""
    return make_campaign(team, status="awaiting_funds")


@pytest.fixture
def payee(story: Story) -> Creator:
    """150.00 USD that have matured, an active destination, and money at the processor."""
    story.fill_pool(usd(40_000))
    creator = make_creator("ines", since=clock.now()).creator
    story.onboard(creator)
    story.earns(creator, "150.00 USD")
    return creator


def only_payout() -> Payout:
    db.session.rollback()
    return db.session.query(Payout).one()


def wait_for_the_run(story: Story) -> None:
    """Seven days to mature, and seven more: a Monday has passed."""
    story.pass_days(7)
    story.pass_days(7)


def one_transfer(story: Story, payout: Payout) -> bool:
    """Did the processor make exactly one transfer, of this payout's amount?"""
    made = story.sandbox.books()["transfers"]
    return [(it["transfer_group"], it["amount"]) for it in made] == [
        (payout.id.hex, f"{payout.amount.decimal}")
    ]


# ---- the whole path


def test_a_brand_pays_in_a_creator_is_paid_out_and_both_books_agree(
    story: Story, team: BrandTeam, campaign: Campaign
) -> None:
    # A brand tops up its campaign.
    deposit = story.ask_for_top_up(team, campaign)
    assert campaign.status == CampaignStatus.AWAITING_FUNDS
    story.work()
    story.pay(deposit)
    story.work()
    assert (deposit.status, campaign.status) == (DepositStatus.SUCCEEDED, CampaignStatus.OPEN)
    assert reservation.reserved(campaign.ledger_owner, "USD") == usd(30_000)

    # Another one is called off, and part of its money goes back to the card.
    other = make_campaign(team, status="awaiting_funds", flat_fee_minor=5_000)
    paid = story.ask_for_top_up(team, other)
    story.work()
    story.pay(paid)
    story.work()
    ending.cancel(locked(Campaign, other.id), "user:1", "no longer wanted", clock.now())
    refund = refunds.request(paid.id, usd(4_000), actor="user:1", form_key=new_id(), at=clock.now())
    db.session.commit()
    story.work()
    assert refund.status == RefundStatus.SUCCEEDED
    assert reservation.available(team.brand.ledger_owner, "USD") == usd(11_000)

    # An operator fills the pool and imports what creators earned.
    story.fill_pool(usd(40_000))
    joined = clock.now()
    ines = make_creator("ines", time_zone="Asia/Kathmandu", since=joined).creator
    tom = make_creator("tom", since=joined).creator
    assert story.onboard(ines).status == DestinationStatus.ACTIVE
    story.onboard(tom)
    story.earns(ines, "150.25 USD")
    story.earns(tom, "99.99 USD")

    # It matures, a Monday comes, and what reached the threshold leaves.
    wait_for_the_run(story)
    payout = only_payout()
    assert (payout.creator_id, payout.amount) == (ines.id, usd(15_025))
    assert payout.status == PayoutStatus.PAID
    assert one_transfer(story, payout)
    excluded = db.session.query(PayoutRunLine).filter_by(creator_id=tom.id, state="excluded")
    assert {blocker["missing"]["minor"] for line in excluded for blocker in line.blockers} == {1}

    _statements_add_up(ines, owed=usd(0))
    _statements_add_up(tom, owed=usd(9_999))
    assert [it for it in verify.findings(db.session.connection()) if it.rows] == []
    assert our_books()["USD"] == {
        "charges": 30_000 + 15_000 + 40_000,
        "fees": 900 + 465 + 1_190,
        "refunds": 4_000,
        "disputes": 0,
        "transfers": 15_025,
        "balance": 85_000 - 2_555 - 4_000 - 15_025,
    }


def _statements_add_up(creator: Creator, owed: Money) -> None:
    total = usd(0)
    for named in reversed(months(creator, clock.now())):
        told = statement(creator, month(named, creator.time_zone), "USD")
        assert told.opening == total
        for line in told.lines():
            total = total + line.change
        assert told.closing == total
    assert total == owed


# ---- a top-up, whatever happens on the way


@pytest.mark.parametrize("fault", ["timeout_after_success", "reset_before", "e429", "e500_stored"])
def test_a_checkout_whose_answer_is_lost_is_booked_once(
    story: Story, team: BrandTeam, campaign: Campaign, fault: str
) -> None:
    story.sandbox.fault("checkout.sessions.create", fault, hold_s=1.5)
    deposit = story.ask_for_top_up(team, campaign)
    story.work()
    assert deposit.status == DepositStatus.CREATED
    story.retry()
    if fault.startswith("e500"):
        # The processor repeats what it stored under the key; after a day a new key is safe.
        story.pass_days(1)
        story.retry()
        story.retry()
    story.pay(deposit)
    story.work()
    booked_once(story, deposit, campaign)


def booked_once(story: Story, deposit: Deposit, campaign: Campaign) -> None:
    db.session.expire_all()
    assert (deposit.status, campaign.status) == (DepositStatus.SUCCEEDED, CampaignStatus.OPEN)
    assert [it.kind for it in transactions_of(deposit.cause)].count("deposit_received") == 1
    assert len(story.sandbox.books()["charges"]) == 1
    assert reservation.reserved(campaign.ledger_owner, "USD") == usd(30_000)
    assert balance(postings.processor_fees("stripe"), "USD") == usd(900)
    assert our_books()["USD"]["charges"] == 30_000


WIRE = ("duplicate", "reorder", "delay", "forged_signature", "altered_body")
WRONG = ("wrong_amount", "wrong_currency", "wrong_livemode")


@pytest.mark.parametrize("fault", [*WIRE, *WRONG])
def test_a_payment_is_booked_once_whatever_happens_to_its_webhooks(
    story: Story, team: BrandTeam, campaign: Campaign, fault: str
) -> None:
    deposit = story.ask_for_top_up(team, campaign)
    story.work()
    # The last one of a payment is overtaken by none, and would be waited for.
    on = "webhook.charge.succeeded" if fault == "reorder" else "webhook.*"
    story.sandbox.fault(on, fault, times=None, n=3, delay_s=0.5)
    story.pay(deposit)
    story.work()
    booked_once(story, deposit, campaign)
    assert story.sandbox.faults()["fired"]
    assert set(event_states()) <= {"done", "ignored"}


def test_a_payment_whose_webhooks_are_all_lost_is_found_by_asking(
    story: Story, team: BrandTeam, campaign: Campaign
) -> None:
    deposit = story.ask_for_top_up(team, campaign)
    story.work()
    story.sandbox.fault("webhook.*", "lost", times=None)
    story.pay(deposit)
    story.work()
    assert deposit.status == DepositStatus.PENDING
    story.pass_a_minute()
    booked_once(story, deposit, campaign)
    assert event_states() == []


def test_an_event_delivered_eight_times_at_once_has_one_effect(
    app: Flask, web: Web, story: Story, team: BrandTeam, campaign: Campaign
) -> None:
    deposit = story.ask_for_top_up(team, campaign)
    story.work()
    story.sandbox.fault("webhook.*", "lost", times=None)
    story.pay(deposit)
    told = event("checkout.session.completed", checkout_id(deposit))

    assert at_once(app, *[partial(Sender(web.url), told)] * 8) == [200] * 8
    assert event_states() == ["new"]
    works: list[Callable[[], object]] = [lambda: drain().failed] * 4
    assert at_once(app, *works) == [{}] * 4
    story.work()

    booked_once(story, deposit, campaign)
    assert event_states() == ["done"]


@pytest.mark.parametrize("fault", WRONG)
def test_a_payment_that_does_not_fit_is_not_booked_before_it_does(
    story: Story, team: BrandTeam, campaign: Campaign, fault: str
) -> None:
    deposit = story.ask_for_top_up(team, campaign)
    story.work()
    story.sandbox.fault("payment_intents.retrieve", fault, times=None)
    story.pay(deposit)
    story.work()
    assert deposit.status == DepositStatus.PENDING
    assert transactions_of(deposit.cause) == []
    assert "quarantined" in event_states()

    untold = {"on": "webhook.v2.*", "fault": "lost", "times": None}
    story.sandbox.call("PUT", "faults", [untold])  # it answers again
    story.pass_a_minute()
    booked_once(story, deposit, campaign)


# ---- a payout, whatever happens on the way


@pytest.mark.parametrize(
    "fault",
    ["timeout_after_success", "reset_after", "e500_after_success", "e500_stored", "wrong_amount"],
)
def test_a_transfer_is_paid_once_whatever_becomes_of_its_answer(
    story: Story, payee: Creator, fault: str
) -> None:
    story.sandbox.fault("transfers.create", fault, hold_s=1.5)
    wait_for_the_run(story)
    story.pass_days(1)  # the run may have been a minute ago, and the safe window is a day
    story.retry()
    story.retry()
    payout = only_payout()
    assert payout.status == PayoutStatus.PAID
    assert one_transfer(story, payout)
    assert balance(postings.creator_available(payee.ledger_owner), "USD") == usd(0)


@pytest.mark.parametrize("fault", ["duplicate", "lost"])
def test_a_transfer_is_booked_once_whatever_happens_to_its_webhook(
    story: Story, payee: Creator, fault: str
) -> None:
    story.sandbox.fault("webhook.transfer.created", fault, times=None, n=3)
    wait_for_the_run(story)
    payout = only_payout()
    assert payout.status == PayoutStatus.PAID
    assert len(transactions_of(payout.cause)) == 2
    assert one_transfer(story, payout)


def test_a_payout_waits_for_our_funds_and_is_paid_when_they_come(
    story: Story, payee: Creator
) -> None:
    story.sandbox.settings(funds_delay_s=30 * 86_400)  # of what is paid from now on
    story.fill_pool(usd(3_000))  # ours: it covers what the processor keeps
    story.earns(payee, "240.00 USD")  # more than is available there
    wait_for_the_run(story)
    payout = only_payout()
    assert (payout.amount, payout.status) == (usd(39_000), PayoutStatus.HELD)
    assert payout.hold_reason == HoldReason.PROCESSOR_FUNDS

    story.sandbox.settings(funds_delay_s=0)
    story.fill_pool(usd(10_000))
    story.pass_days(1)

    payout = only_payout()
    assert payout.status == PayoutStatus.PAID
    assert one_transfer(story, payout)


def test_what_our_cash_does_not_cover_stops_the_run_until_it_is_brought_in(
    story: Story, payee: Creator
) -> None:
    story.earns(payee, "240.00 USD")  # with the first 150.00 more than is left of it at Stripe
    wait_for_the_run(story)
    assert db.session.query(Payout).count() == 0
    decision = decision_for(db.session.query(Creator).one(), "USD", clock.now())
    assert [it.reason for it in decision.blockers] == [Reason.NOT_COVERED]
    db.session.rollback()

    story.fill_pool(usd(10_000))
    wait_for_the_run(story)

    assert one_transfer(story, only_payout())


def test_a_creator_whose_account_is_restricted_is_paid_when_it_is_cured(
    story: Story, payee: Creator
) -> None:
    account = story.sandbox.books()["accounts"][0]["id"]
    story.sandbox.fault("webhook.v2.*", "lost", times=None)  # nobody tells us
    story.sandbox.fault("accounts.retrieve", "e503", times=None)  # nor answers
    story.sandbox.fail_onboarding(account)
    wait_for_the_run(story)
    payout = only_payout()
    assert (payout.status, payout.hold_reason) == (PayoutStatus.HELD, HoldReason.DESTINATION)

    untold = {"on": "webhook.v2.*", "fault": "lost", "times": None}
    story.sandbox.call("PUT", "faults", [untold])  # it answers again
    story.sandbox.complete_onboarding(account)
    story.pass_days(1)

    payout = only_payout()
    assert payout.status == PayoutStatus.PAID
    assert one_transfer(story, payout)


# ---- a payout that comes back


def transfer_ids(story: Story) -> list[str]:
    return [it["id"] for it in story.sandbox.books()["transfers"]]


def test_a_payout_comes_back_once_and_is_paid_again_after_its_creator_confirmed(
    story: Story, payee: Creator
) -> None:
    wait_for_the_run(story)
    (transfer,) = transfer_ids(story)
    story.sandbox.fault("webhook.transfer.reversed", "duplicate", n=8)
    story.sandbox.reverse(transfer)
    story.work()
    payout = only_payout()
    assert payout.status == PayoutStatus.RETURNED
    assert [it.kind for it in transactions_of(payout.cause)][2:] == ["payout_returned"]
    assert balance(postings.creator_available(payee.ledger_owner), "USD") == usd(15_000)
    assert our_books()["USD"]["transfers"] == 0

    story.pass_days(7)
    assert only_payout().id == payout.id, "it is not paid again by itself"
    assert transfer_ids(story) == [transfer]

    returning.confirm(locked(Payout, payout.id), f"user:{payee.user_id.hex}", clock.now())
    db.session.commit()
    story.pass_days(7)
    again = db.session.query(Payout).filter(Payout.id != payout.id).one()
    assert (again.status, again.amount) == (PayoutStatus.PAID, usd(15_000))
    assert len(transfer_ids(story)) == 2
    assert our_books() == their_books(story.sandbox)


def test_what_came_back_before_we_heard_that_it_was_made_is_paid_and_returned(
    story: Story, payee: Creator
) -> None:
    for on, fault in (
        ("transfers.create", "reset_after"),
        ("transfers.list", "reset_before"),
        ("webhook.transfer.created", "lost"),
        ("events.list", "reset_before"),  # else the day's reconciliation tells of it
    ):
        story.sandbox.fault(on, fault, times=None)
    wait_for_the_run(story)
    assert only_payout().status == PayoutStatus.UNKNOWN
    (transfer,) = transfer_ids(story)
    story.sandbox.reverse(transfer)
    story.work()
    payout = only_payout()
    assert payout.status == PayoutStatus.RETURNED
    kinds = [it.kind for it in transactions_of(payout.cause)]
    assert kinds == ["payout_reserved", "payout_paid", "payout_returned"]

    untold = {"on": "webhook.v2.*", "fault": "lost", "times": None}
    story.sandbox.call("PUT", "faults", [untold])  # it answers again
    story.retry()
    assert only_payout().status == PayoutStatus.RETURNED
    assert transfer_ids(story) == [transfer]
    assert our_books() == their_books(story.sandbox)


def test_of_what_came_back_in_part_an_operator_decides(story: Story, payee: Creator) -> None:
    wait_for_the_run(story)
    (transfer,) = transfer_ids(story)
    reversals = story.sandbox.client().v1.transfers.reversals
    reversals.create(transfer, {"amount": 5_000}, {"idempotency_key": "in part"})
    story.work()
    assert only_payout().status == PayoutStatus.PAID
    assert "quarantined" in event_states()

    reversals.create(transfer, {}, {"idempotency_key": "the rest"})
    story.work()
    assert only_payout().status == PayoutStatus.RETURNED
    assert our_books() == their_books(story.sandbox)
