"""A marketplace whose worker and web server are killed, its sandbox, and what must hold after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import requests
import sqlalchemy as sa
from flask import Flask

from marketplace import clock, demo_clock
from marketplace.config import Settings
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_file
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.payout import Payout
from marketplace.processors.bank_file import read
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import inbox
from tests.books import broken_invariants, empty_tables
from tests.crash import children
from tests.crash.children import Child, Spoil, until
from tests.make import (
    PASSWORD,
    RUN_JOBS,
    earn_matured,
    fund_bank,
    make_bank_destination,
    make_creator,
    make_operator,
    make_paypal_destination,
    run_after_maturity,
)
from tests.processors.make import funded, usd
from tests.sandbox.server import SandboxServer
from tests.worker import ways

EXPIRE_EVERY_S = 1.0
HOUR = timedelta(hours=1)
Job = Callable[[datetime], bool]

# What is in a bank file, and its run, waits for people.
AT_BANK = "EXISTS (SELECT FROM bank_file_payment f WHERE f.payout_id = p.id)"
# What is under way: in the end there is none of it.
UNDER_WAY = (
    "processor_request WHERE state IN ('ready', 'sent', 'unknown', 'needs_review')",
    "webhook_event WHERE state NOT IN ('done', 'ignored')",
    "payout_run_line WHERE state = 'waiting'",
    "payout_run r WHERE r.status NOT IN ('done', 'rejected') AND NOT EXISTS"
    f" (SELECT FROM payout p WHERE p.run_id = r.id AND p.status = 'sending' AND {AT_BANK})",
    "payout p WHERE p.status IN ('reserved', 'unknown', 'unclaimed')"
    f" OR (p.status = 'sending' AND NOT {AT_BANK})",
)


@dataclass(frozen=True)
class Payee:
    """A creator with matured money and a cooled destination, whose run falls due now."""

    creator_id: UUID
    account: str


class World:
    """One application with its sandbox and its web server; cells follow one another in it."""

    def __init__(
        self, app: Flask, settings: Settings, sandbox: SandboxServer, stripe: Stripe, port: int
    ) -> None:
        self.settings, self.sandbox, self.stripe, self.port = settings, sandbox, stripe, port
        self.engine = sa.create_engine(app.config["OWNER_DATABASE_URL"])
        self.base = f"http://127.0.0.1:{port}"
        self.web = children.web(settings, port)
        self.spoil: Spoil | None = None
        self.patience_s = children.PATIENCE_S
        funded(sandbox, stripe, usd(90_000_000))
        sandbox.fund_paypal("900000.00")

    def close(self) -> None:
        self.web.stop()
        self.engine.dispose()

    # ---- before

    def empty(self) -> None:
        """Nobody and nothing, today."""
        db.session.remove()
        self.sandbox.call("PUT", "faults", [])
        until(lambda: not self.sandbox.deliveries("due"))
        with self.engine.begin() as connection:
            empty_tables(connection)
        clock.set_offset(timedelta(0))
        self.sandbox.set_offset(0)

    def payee(self, amount: str = "150.00 USD", address: str | None = None) -> Payee:
        """Somebody whose run falls due now: at Stripe, or at PayPal by their address."""
        creator: Creator = make_creator(time_zone="UTC").creator
        earn_matured(creator, amount)
        creator_id, due = creator.id, run_after_maturity(creator)
        if address is None:
            account = ways.onboarded(self.sandbox, self.stripe, creator_id)
            self.hear()
        else:
            account = address
            make_paypal_destination(creator, address)
        self.go_to(due + HOUR)
        return Payee(creator_id, account)

    def payee_at_bank(self) -> Payee:
        """The same with a bank account, and the euros for it on ours."""
        fund_bank(Money(100_000, "EUR"))
        creator: Creator = make_creator(time_zone="UTC").creator
        earn_matured(creator, "150.00 EUR")
        creator_id, due = creator.id, run_after_maturity(creator)
        account = make_bank_destination(creator).remote_account
        assert account is not None
        self.go_to(due + HOUR)
        return Payee(creator_id, account)

    def go_to(self, instant: datetime) -> None:
        """Domain time, ours and the sandbox's, is this instant."""
        demo_clock.set_to(instant)
        db.session.commit()
        db.session.remove()
        self.sandbox.set_offset(round(clock.offset().total_seconds()))

    def do(self, *jobs: Job) -> None:
        """Do all that is due of these jobs, one after the other."""
        for job in jobs:
            while job(clock.now()):
                db.session.commit()
            db.session.remove()

    def do_run(self, before: Job | None = None) -> None:
        """Do the run's jobs, in their order, up to the one `before` which a worker is killed."""
        self.do(*RUN_JOBS[: RUN_JOBS.index(before) if before else len(RUN_JOBS)])

    def send(self) -> None:
        """Ask the processor for whatever is due, and be told."""
        while ways.send():
            pass
        self.hear()

    def hear(self) -> None:
        """Store what the sandbox has to tell, and handle it."""
        self.store()
        self.do(inbox.handle_next)

    def store(self) -> None:
        """Let the sandbox tell what it has to tell; nobody handles it yet."""
        self.sandbox.books()
        self.sandbox.wait_delivered()

    def payout(self, mine: Payee) -> Payout:
        """The one payout of a creator."""
        return db.session.query(Payout).filter_by(creator_id=mine.creator_id).one()

    # ---- the kill, and after

    def worker(self, failpoint: str = "") -> Child:
        return children.worker(self.settings, failpoint, self.spoil)

    def restart_web(self, failpoint: str = "") -> None:
        self.web.kill()
        self.web = children.web(self.settings, self.port, failpoint)
        assert until(self._answers), "the web server does not come up"

    def _answers(self) -> bool:
        if self.web.is_dead():
            return True
        try:
            return requests.get(f"{self.base}/login", timeout=5).ok
        except requests.ConnectionError:
            return False

    def converge(self, is_over: Callable[[], bool]) -> bool:
        """Let a fresh worker go on until nothing is under way; False if it never comes to that."""
        worker = self.worker()

        def settled() -> bool:
            return until(lambda: self.nothing_under_way() and is_over(), EXPIRE_EVERY_S)

        def came_to_its_end() -> bool:
            self.waits_are_over()
            return settled()

        try:
            return until(came_to_its_end, self.patience_s)
        finally:
            worker.stop()

    def waits_are_over(self) -> None:
        """Leases and waits of whoever died end, as if that time had passed."""
        ways.waits_are_over()
        past = "now() - interval '1 second'"
        db.session.execute(
            sa.text(f"UPDATE webhook_event SET next_try_at = {past} WHERE state IN ('new','retry')")
        )
        db.session.execute(
            sa.text("UPDATE payout SET next_check_at = created_at WHERE next_check_at IS NOT NULL")
        )
        db.session.commit()
        db.session.remove()

    def nothing_under_way(self) -> bool:
        with self.engine.connect() as connection:
            return not any(
                connection.exec_driver_sql(f"SELECT count(*) FROM {rows}").scalar_one()
                for rows in UNDER_WAY
            )

    def wrong(self, mine: Payee, ends: str) -> list[str]:
        """What is not as it must be: the end, the effects in the sandbox's own books, ours."""
        db.session.remove()
        payouts = list(db.session.query(Payout).filter_by(creator_id=mine.creator_id))
        found = [f"{len(payouts)} payouts"] if len(payouts) != 1 else []
        for payout in payouts:
            if payout.status != ends:
                found.append(f"{payout.status} instead of {ends}")
            made = self.made(payout.id)
            if made != (ends in ("paid", "returned", "failed", "sending")):
                found.append(f"paid {made} times, yet {ends}")
        db.session.remove()
        with self.engine.connect() as connection:
            return found + broken_invariants(connection)

    def made(self, payout_id: UUID) -> int:
        """How often the sandbox's own books and our bank's files say that this payout was made."""
        books = self.sandbox.books()
        transfers = [it["transfer_group"] for it in books["transfers"]]
        items = [it["sender_item_id"] for it in books["paypal"]["items"]]
        files = [bank_file.content_of(it) for it in db.session.query(BankFile)]
        payments = [payment.reference for file in files for payment in read(file)]
        return [*transfers, *items, *payments].count(payout_id.hex)


class OperatorsBrowser:
    """An operator who is logged in, and clicks again when the server died on them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._session = requests.Session()
        operator = make_operator()
        email = operator.email
        db.session.remove()
        form = {"email": email, "password": PASSWORD, "csrf_token": self._token("/login")}
        assert self._session.post(f"{world.base}/login", form, timeout=10).ok

    def _token(self, path: str) -> str:
        page = self._session.get(f"{self._world.base}{path}", timeout=10).text
        return page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]

    def press(self, page: str, **fields: str) -> bool:
        """Post the form of a page; False if the server died before it answered."""
        try:
            token = self._token(page)
            form = {**fields, "csrf_token": token}
            answer = self._session.post(f"{self._world.base}{page}/decide", form, timeout=10)
        except requests.ConnectionError:
            return False
        assert answer.status_code < 500, answer.text
        return True
