"""The whole marketplace for one test: people, the worker, the processor's pages and its webhooks.

Everything crosses the wire as it does in production: our requests to the sandbox over HTTP, its
signed webhooks to our own web server. Only time is the demo clock's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import text

from marketplace import clock, demo_clock
from marketplace.campaigns import budget
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Deposit, Purpose
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.money import Money, exponent
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination
from marketplace.processors import registry
from marketplace.webhooks.event import WebhookEvent
from marketplace.worker import walk
from marketplace.worker.draining import drain
from tests.make import BrandTeam, import_rows, make_operator
from tests.sandbox.server import SandboxServer
from tests.within import locked

SITE = "http://127.0.0.1:8000"


@dataclass
class Story:
    """What people, the worker and the processor do, one after the other."""

    app: Flask
    sandbox: SandboxServer

    # ---- the worker, and time

    def work(self) -> None:
        """Let the worker do all there is to do, until the processor has nothing more to tell."""
        db.session.rollback()
        while True:
            self.sandbox.wait_delivered(timeout_s=30)
            with self.app.app_context():  # the worker has a session of its own
                done = drain()
            assert done.failed == {}
            if not done.units and not self.sandbox.deliveries("due"):
                break
        db.session.rollback()

    def retry(self) -> None:
        """Let every wait for a retry be over, then work."""
        past = "now() - interval '1 second'"
        for table in ("processor_request", "webhook_event"):
            db.session.execute(text(f"UPDATE {table} SET next_try_at = {past}"))
        look_up_again = "missing_since = missing_since - interval '1 day'"
        db.session.execute(text(f"UPDATE processor_request SET {look_up_again}"))
        db.session.commit()
        self.work()

    def pass_days(self, days: int) -> None:
        """Let the demo clock walk ahead, as an operator would."""
        demo_clock.ask(days)
        self.walk()

    def pass_a_minute(self) -> None:
        """Long enough for the worker to ask the processor itself."""
        demo_clock.want(clock.now() + timedelta(minutes=1))
        self.walk()

    def walk(self) -> None:
        """Let the worker walk to where the demo clock is wanted."""
        db.session.commit()
        with self.app.app_context():
            walk.walk()
        self.work()

    # ---- money in

    def ask_for_top_up(self, team: BrandTeam, campaign: Campaign) -> Deposit:
        """The brand asks for a checkout over what is missing."""
        deposit = budget.top_up(
            locked(Campaign, campaign.id),
            payer_id=team.user.id,
            payer_email=team.user.email,
            form_key=new_id(),
            site_url=f"{SITE}/brand",
            at=clock.now(),
        )
        db.session.commit()
        return deposit

    def pay(self, deposit: Deposit) -> None:
        """The payer opens the hosted page, presses *Pay*, and comes back to our page."""
        db.session.refresh(deposit)
        assert deposit.checkout_url, f"no page: the deposit is {deposit.status}"
        path = urlsplit(deposit.checkout_url).path
        page = self.sandbox.get(path)
        assert page.status == 200
        back = self.sandbox.post_form(f"{path}/pay")
        assert back
        assert f"/deposits/{deposit.id}?returned=paid" in back
        db.session.rollback()

    def fill_pool(self, amount: Money, purpose: Purpose = Purpose.FUND_POOL) -> Deposit:
        """An operator fills a pool through the same hosted page."""
        operator = make_operator()
        deposit = deposits.request(
            purpose,
            amount,
            requested_by=operator.id,
            payer_email=operator.email,
            form_key=new_id(),
            site_url=f"{SITE}/operator",
            description="Pool",
            at=clock.now(),
        )
        db.session.commit()
        self.work()
        self.pay(deposit)
        self.work()
        return deposit

    # ---- money owed, money out

    def earns(self, creator: Creator, amount: str) -> None:
        """An operator imports one row of fund income."""
        number, currency = amount.split()
        day = clock.now().date()
        row = f"{new_id().hex},{creator.handle},{number},{currency},{day}"
        import_rows(EarningKind.FUND, [row])

    def onboard(self, creator: Creator) -> Destination:
        """The creator connects an account and fills in the processor's own form."""
        asked = destinations.connect(
            creator.id, "pay@example.com", "USD", f"user:{creator.user_id.hex}", clock.now()
        )
        db.session.commit()
        self.work()
        db.session.refresh(asked)
        assert asked.remote_account
        link = registry.get("stripe").onboarding_link(
            asked.remote_account, f"{SITE}/creator/payouts", f"{SITE}/creator/payouts/again"
        )
        visit = self.sandbox.get(urlsplit(link).path).headers["Location"]
        form = self.sandbox.get(urlsplit(visit).path)
        assert b"bank" in form.data
        back = self.sandbox.post_form(
            f"{urlsplit(visit).path}/complete", {"name": creator.name, "bank_ending": "6789"}
        )
        assert back == f"{SITE}/creator/payouts"
        self.work()
        db.session.refresh(asked)
        return asked


def our_books() -> dict[str, dict[str, int]]:
    """What we say went through Stripe, per currency, in minor units."""
    rows = db.session.execute(
        text(
            "SELECT a.currency, t.kind, sum(e.amount_minor)::bigint AS minor FROM ledger.entry e"
            " JOIN ledger.transaction t ON t.id = e.transaction_id"
            " JOIN ledger.account a ON a.id = e.account_id AND a.kind = 'processor_clearing'"
            " AND a.owner = 'processor:stripe' GROUP BY 1, 2"
        )
    )
    moved: dict[str, dict[str, int]] = {}
    for currency, kind, minor in rows:
        moved.setdefault(currency, {})[kind] = minor
    books = {}
    for currency, by_kind in moved.items():
        books[currency] = {
            "charges": by_kind.get("deposit_received", 0) + by_kind.get("pool_filled", 0),
            "fees": -by_kind.get("processor_fee_charged", 0)
            - by_kind.get("processor_fee_returned", 0),
            "disputes": -by_kind.get("dispute_withdrawn", 0) - by_kind.get("dispute_reinstated", 0),
            "refunds": -by_kind.get("refund_paid", 0) - by_kind.get("refund_bounced", 0),
            "transfers": -by_kind.get("payout_paid", 0) - by_kind.get("payout_returned", 0),
            "balance": balance(postings.processor_clearing("stripe"), currency).minor,
        }
    db.session.rollback()
    return books


def their_books(sandbox: SandboxServer) -> dict[str, dict[str, int]]:
    """What the processor says, in the same words."""
    names = ("charges", "fees", "refunds", "disputes", "transfers", "balance")
    totals: dict[str, dict[str, Any]] = sandbox.books()["currencies"]
    return {
        currency.upper(): {
            name: int(Decimal(of_currency[name]).scaleb(exponent(currency.upper())))
            for name in names
        }
        for currency, of_currency in totals.items()
    }


def event_states() -> list[str]:
    """The state of every webhook that was stored."""
    rows = db.session.query(WebhookEvent).order_by(WebhookEvent.received_at)
    found = [row.state for row in rows]
    db.session.rollback()
    return found


def checkout_id(deposit: Deposit) -> str:
    """The processor's name of a deposit's page."""
    found = re.search(r"/checkout/(\w+)", deposit.checkout_url or "")
    assert found
    return found[1]
