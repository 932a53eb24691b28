"""Money that really moves at the sandbox, and a reconciliation brought to its end."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from marketplace import clock
from marketplace.campaigns import ending
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.earnings.earning import EarningKind
from marketplace.earnings.maturity import mature_due
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Deposit, Purpose
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.processors import registry
from marketplace.reconciliation import run as runs
from marketplace.reconciliation.difference import STANDING, Difference
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.webhooks import converge, inbox
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS
from tests.make import (
    do_runs,
    import_rows,
    make_brand,
    make_campaign,
    make_creator,
    make_deposit,
    run_after_maturity,
)
from tests.processors.make import usd
from tests.sandbox.server import SandboxServer
from tests.worker import ways

RECONCILING = ("reconciliation", "webhook events")


def send() -> None:
    """Send what is due, as the worker does."""
    while ways.send():
        pass


def asked_for(operator_id: UUID, minor: int) -> UUID:
    """A deposit into the fund's pool that is asked for."""
    operator = db.session.get_one(User, operator_id)
    requested = deposits.request(
        Purpose.FUND_POOL,
        usd(minor),
        requested_by=operator.id,
        payer_email=operator.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/operator",
        description="Pool",
        at=clock.now(),
    )
    db.session.commit()
    return requested.id


def pay(sandbox: SandboxServer, deposit_id: UUID) -> None:
    """Open the deposit's checkout and pay there; nobody tells us."""
    send()
    checkout = db.session.get_one(Deposit, deposit_id, populate_existing=True).checkout_ref
    db.session.rollback()
    assert checkout
    sandbox.pay(checkout)


def paid(sandbox: SandboxServer, operator_id: UUID, minor: int = 50_000) -> UUID:
    """A deposit that was paid without our hearing of it."""
    deposit_id = asked_for(operator_id, minor)
    pay(sandbox, deposit_id)
    return deposit_id


def receiver(sandbox: SandboxServer) -> UUID:
    """A creator with an account at Stripe that is really there, and has cooled off."""
    creator_id = make_creator().creator.id
    asked = destinations.connect(creator_id, "pay@example.com", "USD", "system", clock.now()).id
    db.session.commit()
    send()
    destination = lock(Destination, asked)
    assert destination is not None
    assert destination.remote_account is not None
    sandbox.complete_onboarding(destination.remote_account)
    snapshot = registry.get("stripe").fetch("recipient", destination.remote_account, None)
    converge.apply(snapshot, clock.now() - 2 * destinations.COOLING)
    db.session.commit()
    return creator_id


def reserved_for(creator_ids: list[UUID], amount: str = "150.00") -> list[UUID]:
    """A payout for each, out of the pool, reserved by a run and not sent yet."""
    creators = [db.session.get_one(Creator, id) for id in creator_ids]
    day = clock.now().date()
    rows = [f"R-{new_id().hex},{it.handle},{amount},USD,{day}" for it in creators]
    import_rows(EarningKind.FUND, rows)
    while mature_due(clock.now() + timedelta(days=8)):
        db.session.commit()
    for creator in creators:
        do_runs(run_after_maturity(creator))
    found = db.session.query(Payout.id).filter(Payout.creator_id.in_(creator_ids)).all()
    db.session.rollback()
    return [id for (id,) in found]


def payout_status(payout_id: UUID) -> str:
    found: str = db.session.get_one(Payout, payout_id, populate_existing=True).status
    db.session.rollback()
    return found


def deposit_status(deposit_id: UUID) -> str:
    found: str = db.session.get_one(Deposit, deposit_id, populate_existing=True).status
    db.session.rollback()
    return found


def reconcile(processor: str = "stripe") -> ReconciliationRun:
    """One run by hand, brought to its end."""
    begun = runs.under_way(processor) or runs.begin(processor, clock.now())
    db.session.commit()
    assert begun
    for _ in range(3):
        work = drain(jobs=[job for job in JOBS if job.name in RECONCILING])
        assert work.failed == {}
        run = db.session.get_one(ReconciliationRun, begun, populate_existing=True)
        if run.state == "done":
            break
        waits_are_over()
    assert run.state == "done", (run.state, run.last_error)
    db.session.expunge(run)
    db.session.rollback()
    return run


def waits_are_over() -> None:
    """Let a run that waits be due at once."""
    db.session.query(ReconciliationRun).update({"next_try_at": clock.wall_now()})
    db.session.commit()


def standing(processor: str = "stripe") -> list[tuple[str, str, int, int]]:
    """The differences that stand: what is compared, type, the processor's sum, ours."""
    rows = db.session.query(Difference).filter(
        Difference.status.in_(STANDING), Difference.processor == processor
    )
    found = [(it.leg, it.type, it.theirs_minor, it.ours_minor) for it in rows]
    db.session.rollback()
    return sorted(found)


def handle_events() -> None:
    """Handle what the inbox has, as the worker does."""
    while inbox.handle_next(clock.now()):
        db.session.remove()


def follow(deposit_id: UUID) -> None:
    """Ask about a deposit, so that its money is there from the beginning."""
    checkout = db.session.get_one(Deposit, deposit_id, populate_existing=True).checkout_ref
    assert checkout
    converge.apply(registry.get("stripe").fetch("checkout", checkout, None), clock.now())
    db.session.commit()


def refundable(sandbox: SandboxServer) -> UUID:
    """A brand's deposit whose campaign was canceled: it may have all of it back."""
    team = make_brand()
    actor = f"user:{team.user.id.hex}"
    deposit = make_deposit(team, make_campaign(team, status="awaiting_funds")).id
    pay(sandbox, deposit)
    follow(deposit)
    campaign = lock(Campaign, db.session.get_one(Deposit, deposit).campaign_id or new_id())
    assert campaign is not None
    ending.cancel(campaign, actor, "no longer wanted", clock.now())
    db.session.commit()
    return deposit
