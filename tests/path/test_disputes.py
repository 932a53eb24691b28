"""A cardholder disputes a brand's payment, over real HTTP: the brand bears it, both books agree."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from marketplace import clock
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns import ending
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import debt, reservation, standing
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit
from marketplace.funding.dispute import Dispute, DisputeStatus
from marketplace.funding.refund import Refund, RefundStatus
from marketplace.ledger import dispute_postings, postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.reconciliation.mirror import BalanceTransaction
from marketplace.webhooks import inbox
from tests.agreeing import make_agreement, work_of
from tests.make import BrandTeam, make_brand, make_campaign, make_creator
from tests.path.story import SITE, Story, event_states, our_books, their_books
from tests.reconciliation.scenes import reconcile
from tests.reconciliation.scenes import standing as standing_differences
from tests.within import locked


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team(story: Story) -> BrandTeam:
    return make_brand()


@pytest.fixture
def paid(story: Story, team: BrandTeam) -> Deposit:
    """300.00 USD, really paid in for a campaign that is open now."""
    campaign = make_campaign(team, status="awaiting_funds")
    deposit = story.ask_for_top_up(team, campaign)
    story.work()
    story.pay(deposit)
    story.work()
    return deposit


def campaign_of(deposit: Deposit) -> Campaign:
    return db.session.get_one(Campaign, deposit.campaign_id)


def disputed(story: Story, deposit: Deposit, **options: object) -> str:
    assert deposit.charge_ref
    id = story.sandbox.dispute(deposit.charge_ref, **options)
    story.work()
    return id


def only_dispute() -> Dispute:
    db.session.rollback()
    return db.session.scalars(select(Dispute)).one()


def books(team: BrandTeam) -> tuple[Money, Money]:
    """What the brand has free, and what it owes."""
    owner = team.brand.ledger_owner
    found = (
        reservation.available(owner, "USD"),
        balance(dispute_postings.brand_debt(owner), "USD"),
    )
    db.session.rollback()
    return found


def test_a_lost_chargeback_is_debt_until_it_is_paid_and_a_creators_pay_is_untouched(
    story: Story, team: BrandTeam, paid: Deposit
) -> None:
    agreement = make_agreement(campaign_of(paid).id, work="submitted")
    id = disputed(story, paid)
    dispute = only_dispute()
    assert dispute.status == DisputeStatus.NEEDS_RESPONSE
    assert dispute.answer_by is not None
    assert books(team) == (usd(0), usd(30_000))
    assert standing.of(team.brand.id).suspended

    # What was agreed before is approved and paid while the brand is suspended.
    deliverables.approve(work_of(agreement.id).id, "user:1", clock.now())
    db.session.commit()
    creator = f"creator:{agreement.creator_id.hex}"
    earned = balance(postings.creator_pending(creator), "USD") + balance(
        postings.creator_available(creator), "USD"
    )
    assert earned + balance(postings.PLATFORM_FEES, "USD") == usd(10_000)

    story.sandbox.decide_dispute(id, "lost")
    story.work()
    assert only_dispute().status == DisputeStatus.LOST
    assert books(team) == (usd(0), usd(30_000))

    # The campaign is called off: what it had left repays a part; a card pays the rest.
    ending.cancel(locked(Campaign, campaign_of(paid).id), "user:1", "over", clock.now())
    db.session.commit()
    story.work()
    assert books(team) == (usd(0), usd(10_000))
    asked = debt.pay(
        team.brand,
        usd(10_000),
        payer_id=team.user.id,
        payer_email=team.user.email,
        form_key=new_id(),
        site_url=f"{SITE}/brand",
        at=clock.now(),
    )
    db.session.commit()
    story.work()
    story.pay(asked)
    story.work()
    assert books(team) == (usd(0), usd(0))
    assert not standing.of(team.brand.id).suspended
    assert set(event_states()) <= {"done", "ignored"}


def test_a_won_chargeback_leaves_only_the_fee(story: Story, team: BrandTeam, paid: Deposit) -> None:
    id = disputed(story, paid, amount=12_345)
    assert books(team) == (usd(0), usd(12_345))
    story.sandbox.decide_dispute(id, "won")
    story.work()
    assert only_dispute().status == DisputeStatus.WON
    assert books(team) == (usd(0), usd(0))
    assert not standing.of(team.brand.id).suspended
    assert reservation.reserved(campaign_of(paid).ledger_owner, "USD") == usd(30_000)


@pytest.mark.parametrize("fault", ["duplicate", "reorder", "lost"])
def test_whatever_happens_to_the_webhooks_it_is_posted_once(
    story: Story, team: BrandTeam, paid: Deposit, fault: str
) -> None:
    story.sandbox.fault("webhook.charge.dispute.*", fault, times=None if fault == "lost" else 1)
    id = disputed(story, paid)
    story.sandbox.decide_dispute(id, "won")
    story.work()
    if fault == "lost":  # nobody told us: the list of events does
        assert db.session.scalars(select(Dispute)).all() == []
        inbox.catch_up("stripe", clock.now().replace(year=2020))
        story.work()
    assert only_dispute().status == DisputeStatus.WON
    assert books(team) == (usd(0), usd(0))


def test_a_decision_of_which_we_never_hear_is_asked_for(
    story: Story, team: BrandTeam, paid: Deposit
) -> None:
    id = disputed(story, paid)
    story.sandbox.fault("webhook.charge.dispute.*", "lost", times=None)
    story.sandbox.decide_dispute(id, "won")
    story.work()
    assert only_dispute().status == DisputeStatus.NEEDS_RESPONSE
    story.pass_days(1)
    assert only_dispute().status == DisputeStatus.WON
    story.pass_a_minute()
    assert books(team) == (usd(0), usd(0))


def test_a_refund_that_a_dispute_overtakes_is_refused_and_only_the_dispute_counts(
    story: Story, team: BrandTeam, paid: Deposit
) -> None:
    ending.cancel(locked(Campaign, campaign_of(paid).id), "user:1", "over", clock.now())
    db.session.commit()
    # The bank was faster, and we have not heard of it when the refund is asked for.
    assert paid.charge_ref
    story.sandbox.dispute(paid.charge_ref)
    refunds.request(paid.id, usd(20_000), actor="user:1", form_key=new_id(), at=clock.now())
    db.session.commit()
    story.work()
    story.pass_a_minute()
    story.pass_days(1)
    assert db.session.scalars(select(Refund.status)).all() == [RefundStatus.FAILED]
    assert only_dispute().withdrawn_minor == 30_000
    assert books(team) == (usd(0), usd(0))


def test_a_refund_that_was_first_leaves_only_the_rest_to_be_disputed(
    story: Story, team: BrandTeam, paid: Deposit
) -> None:
    ending.cancel(locked(Campaign, campaign_of(paid).id), "user:1", "over", clock.now())
    refunds.request(paid.id, usd(20_000), actor="user:1", form_key=new_id(), at=clock.now())
    db.session.commit()
    story.work()
    disputed(story, paid)
    assert only_dispute().withdrawn_minor == 10_000
    assert books(team) == (usd(0), usd(0))


def test_an_inquiry_closes_without_a_posting_or_becomes_a_chargeback(
    story: Story, team: BrandTeam, paid: Deposit
) -> None:
    id = disputed(story, paid, inquiry=True)
    assert only_dispute().status == DisputeStatus.INQUIRY
    assert not standing.of(team.brand.id).suspended
    story.sandbox.decide_dispute(id, "escalated")
    story.work()
    assert only_dispute().status == DisputeStatus.NEEDS_RESPONSE
    assert books(team) == (usd(0), usd(30_000))


def test_what_nobody_answers_is_lost_on_its_day(
    story: Story, team: BrandTeam, paid: Deposit
) -> None:
    disputed(story, paid)
    due = only_dispute().answer_by
    assert due is not None
    days = (due - clock.now()).days
    story.pass_days(days)
    assert only_dispute().status == DisputeStatus.NEEDS_RESPONSE
    story.pass_days(2)
    assert only_dispute().status == DisputeStatus.LOST


def test_a_charge_that_we_do_not_know_waits_and_nothing_is_posted(
    story: Story, team: BrandTeam, paid: Deposit
) -> None:
    db.session.execute(
        Deposit.__table__.update().values(charge_ref="ch_of_somebody_else")  # type: ignore[attr-defined]
    )
    charge = story.sandbox.books()["charges"][0]["id"]
    db.session.commit()
    story.sandbox.dispute(charge, inquiry=True)
    story.work()
    assert "retry" in event_states()
    assert db.session.scalars(select(Dispute)).all() == []
    db.session.execute(Deposit.__table__.update().values(charge_ref=charge))  # type: ignore[attr-defined]
    db.session.commit()
    story.retry()
    assert only_dispute().status == DisputeStatus.INQUIRY


@pytest.mark.parametrize("outcome", ["lost", "won"])
def test_what_a_dispute_moved_is_no_difference_to_the_processors_own_account(
    story: Story, team: BrandTeam, paid: Deposit, outcome: str
) -> None:
    id = disputed(story, paid)
    story.sandbox.decide_dispute(id, outcome)
    story.work()
    reconcile()
    assert standing_differences() == []
    moved = set(db.session.scalars(select(BalanceTransaction.type)))
    assert moved == {"charge", "dispute"} | ({"dispute_reversal"} if outcome == "won" else set())


# ---- a payment that filled a pool


def pool_books(creator_owner: str) -> tuple[Money, Money, Money]:
    """What the fund's pool has, what the creator earned, and our revenue."""
    db.session.rollback()
    found = (
        balance(postings.POOLS["fund"], "USD"),
        balance(postings.creator_pending(creator_owner), "USD"),
        balance(postings.PLATFORM_FEES, "USD"),
    )
    db.session.rollback()
    return found


def test_a_disputed_payment_into_a_pool_takes_what_it_has_and_then_our_revenue(
    story: Story,
) -> None:
    """The example of docs/money.md: 500.00 into the fund, of which 350.00 is earned."""
    filled = story.fill_pool(usd(50_000))
    creator = make_creator().creator
    owner = creator.ledger_owner
    story.earns(creator, "350.00 USD")
    assert pool_books(owner) == (usd(15_000), usd(35_000), usd(0))

    id = disputed(story, filled)

    dispute = only_dispute()
    assert (dispute.status, dispute.brand_id) == (DisputeStatus.NEEDS_RESPONSE, None)
    assert (dispute.withdrawn_minor, dispute.debt_minor) == (50_000, 35_000)
    assert pool_books(owner) == (usd(0), usd(35_000), usd(-35_000))
    assert our_books() == their_books(story.sandbox)

    story.sandbox.decide_dispute(id, "won")
    story.work()
    assert only_dispute().status == DisputeStatus.WON
    assert pool_books(owner) == (usd(15_000), usd(35_000), usd(0))
    assert our_books() == their_books(story.sandbox)
    assert set(event_states()) <= {"done", "ignored"}
    reconcile()
    assert standing_differences() == []


def test_a_lost_dispute_of_a_pool_is_told_to_operators_and_what_fills_it_later_stays(
    story: Story,
) -> None:
    filled = story.fill_pool(usd(50_000))
    creator = make_creator().creator
    story.earns(creator, "350.00 USD")
    id = disputed(story, filled)
    story.sandbox.decide_dispute(id, "lost")
    story.work()
    assert only_dispute().status == DisputeStatus.LOST
    bodies = db.session.scalars(
        select(Mail.body).where(Mail.subject == "A payment of $500.00 into a pool is lost")
    ).all()
    assert bodies
    assert all("$350.00 of it" in body for body in bodies)
    db.session.rollback()
    story.fill_pool(usd(10_000))
    assert pool_books(creator.ledger_owner) == (usd(10_000), usd(35_000), usd(-35_000))
