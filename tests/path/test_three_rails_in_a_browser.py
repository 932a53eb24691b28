"""One run over three rails by clicking: dry run, four eyes, answers that are lost, a file.

Ada is paid by Stripe, Bea by PayPal, Cleo to a bank account; whatever keeps each cent back is read
on the way, with its day. Both processors pay and then let their answers time out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import force_locale
from playwright.sync_api import Browser, expect

from marketplace import clock, demo_clock
from marketplace.extensions import db
from marketplace.funding import moving
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import bank_file
from marketplace.payouts import destination as destinations
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.destination import COOLING
from marketplace.payouts.payout import Payout
from marketplace.processors import bank_file as wire
from marketplace.processors import pace
from marketplace.web import formats
from tests.browsing import Look, in_full, log_in, opened
from tests.conftest import Web
from tests.make import IBAN, make_creator, make_operator
from tests.path.story import Story
from tests.path.test_path_in_a_browser import first_wednesday
from tests.path.visiting import Visitor, Words

pytestmark = pytest.mark.browser

LOOKS = [in_full(Look("light", "phone")), in_full(Look("dark", "desktop", "fr"))]
EACH = Money(300_000, "EUR")  # three of them are above the limit for runs that need nobody
POOL, MOVED = Money(1_000_000, "EUR"), Money(310_000, "EUR")
NAMES = ("ada", "bea", "cleo")


@dataclass
class Scene:
    """Who takes part, each at a browser of their own."""

    story: Story
    ada: Visitor
    bea: Visitor
    cleo: Visitor
    looks: Visitor  # the operator who accepts the bank account
    approves: Visitor  # the other one
    ids: dict[str, Creator]

    @property
    def creators(self) -> tuple[Visitor, ...]:
        return self.ada, self.bea, self.cleo

    def let_pass(self, days: int) -> None:
        """An operator moves the demo clock."""
        self.looks.go("/operator/clock")
        self.looks.fill(days=days)
        self.looks.press("Move forward")
        self.looks.page.goto("about:blank")  # that page loads itself anew once time has moved
        self.story.walk()


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look.theme}-{look.size}-{look.language}")
def scene(
    browser: Browser,
    app: Flask,
    web: Web,
    seen_story: Story,
    request: pytest.FixtureRequest,
) -> Iterator[Scene]:
    look: Look = request.param
    demo_clock.want(first_wednesday())
    seen_story.walk()
    made = {name: make_creator(name, since=clock.now()) for name in NAMES}
    people = [*(it.user for it in made.values()), make_operator(), make_operator()]
    for person in people:
        person.locale = look.language
    db.session.commit()
    ids = {name: it.creator for name, it in made.items()}
    with ExitStack() as stack:
        homes = web.url, seen_story.sandbox.url
        ada, bea, cleo, looks, approves = (
            stack.enter_context(_visitor(browser, app, look, homes, it)) for it in people
        )
        yield Scene(seen_story, ada, bea, cleo, looks, approves, ids)


@contextmanager
def _visitor(
    browser: Browser, app: Flask, look: Look, homes: tuple[str, str], person: User
) -> Iterator[Visitor]:
    with opened(browser, look, *homes) as page:
        log_in(page, person.email)
        yield Visitor(page, Words(app, look.language))


def test_one_run_is_approved_and_sent_over_three_rails(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each_says_where_they_want_to_be_paid(scene)
    an_operator_accepts_the_bank_account(scene)
    each_reads_what_keeps_their_money(scene)
    the_run_is_foreseen_with_its_cash(scene)
    # What is in doubt from now on stays so until the test says that the wait is over.
    monkeypatch.setattr(pace, "SANDBOX", pace.LIVE)
    only_the_other_operator_may_approve(scene)
    lost_answers_pay_once(scene)
    the_file_goes_to_the_bank(scene, tmp_path)
    each_was_paid_to_the_cent(scene)


def each_says_where_they_want_to_be_paid(scene: Scene) -> None:
    ada, bea, cleo = scene.creators
    ada.go("/creator/payouts")
    ada.press("Connect with Stripe")
    scene.story.work()
    ada.again()
    ada.press("Continue onboarding")
    ada.press_hosted("Complete onboarding")
    scene.story.work()

    bea.go("/creator/payouts")
    bea.fill(paypal_address="bea@example.com")
    bea.press("Be paid by PayPal")
    bea.go(_link_to("bea@example.com"))
    bea.press("Yes, pay me there")
    bea.go("/creator/payouts")
    bea.sees("Be paid to another account")

    scene.story.fill_pool(POOL)
    for creator in scene.ids.values():
        scene.story.earns(creator, str(EACH).replace(",", ""))
    cleo.go("/creator/payouts")
    cleo.fill(holder="北京", iban=IBAN[:-1] + "7")
    cleo.press("Be paid to this account")
    cleo.sees("This is no IBAN: compare it digit by digit.")
    cleo.fill(holder="Cléo Ångström", iban=f"{IBAN[:4]} {IBAN[4:]}")
    cleo.press("Be paid to this account")
    cleo.sees("Being looked at")
    cleo.go("/creator")
    cleo.sees("Your bank account is being looked at")


def _link_to(address: str) -> str:
    mail = db.session.query(Mail).filter_by(to=address).one()
    found = re.search(r"http://[^/]+(/\S+/paypal/\S+)", mail.body)
    assert found
    db.session.rollback()
    return found[1]


def an_operator_accepts_the_bank_account(scene: Scene) -> None:
    operator = scene.looks
    operator.go("/operator/payouts/bank")
    operator.follow_to(scene.ids["cleo"].name)
    operator.sees("Cleo Angstrom")
    operator.choose("decision", "accept")
    operator.fill(reason="The names match.")
    operator.press("Decide")


def each_reads_what_keeps_their_money(scene: Scene) -> None:
    """Nothing has matured, and each account is new: both with the day until which."""
    for name, visitor in zip(NAMES, scene.creators, strict=True):
        destination = destinations.current(scene.ids[name].id)
        assert destination is not None
        assert destination.usable_at is not None
        cools_until = destination.usable_at + COOLING
        visitor.go("/creator")
        visitor.sees("Your account is new")
        main = visitor.page.locator("main")
        expect(main).to_contain_text(_day(visitor, scene.ids[name], cools_until))
        visitor.sees_money(EACH)
    db.session.rollback()


def _day(visitor: Visitor, creator: Creator, at: datetime) -> str:
    with visitor.words.app.test_request_context(), force_locale(visitor.words.language):
        return formats.day(at.astimezone(ZoneInfo(creator.time_zone)).date())


def the_run_is_foreseen_with_its_cash(scene: Scene) -> None:
    scene.let_pass(6)  # past the Monday that is too early
    operator = scene.approves
    operator.go("/operator/payouts/runs/next")
    operator.sees_money(EACH)
    missing = operator.words("%(amount)s short", amount=EACH)
    expect(operator.page.get_by_text(missing)).to_have_count(2)  # at PayPal, and on our account
    _move(scene, "paypal")
    _move(scene, "bank")
    operator.again()
    expect(operator.page.get_by_text(missing)).to_have_count(0)


def _move(scene: Scene, rail: str) -> None:
    """Our own money is moved there, at the processors and in our books."""
    if rail == "paypal":
        scene.story.sandbox.fund_paypal(str(MOVED.decimal), "EUR", from_stripe=True)
    else:
        scene.story.sandbox.withdraw(str(MOVED.decimal), "EUR")
    moving.move("stripe", rail, MOVED, rail, f"user:{make_operator().id.hex}", clock.now())
    db.session.commit()


def only_the_other_operator_may_approve(scene: Scene) -> None:
    scene.let_pass(7)
    for operator in (scene.looks, scene.approves):
        operator.go("/operator/payouts/runs")
        operator.page.locator("main td a.main").first.click()
        operator.look()
    creator, by = scene.cleo, scene.looks
    creator.go("/creator/payouts")
    creator.sees("Prepared")
    by.choose("decision", "approve")
    by.press("Decide")
    expect(by.page.locator("main")).to_contain_text("@cleo")  # whom they vouched for
    for call in ("transfers.create", "paypal.payouts.create"):
        scene.story.sandbox.fault(call, "timeout_after_success", hold_s=1.3)
    scene.story.sandbox.fault("webhook.transfer.created", "lost")  # or we hear of it at once
    scene.approves.choose("decision", "approve")
    scene.approves.press("Decide")
    scene.story.work()


def lost_answers_pay_once(scene: Scene) -> None:
    assert _statuses() == {"ada": "unknown", "bea": "unknown", "cleo": "sending"}
    for visitor in (scene.ada, scene.bea):
        visitor.go("/creator/payouts")
        visitor.sees("Being checked")
    scene.approves.again()
    scene.approves.sees("Unknown")
    scene.story.retry()
    scene.story.pass_a_minute()
    assert _statuses() == {"ada": "paid", "bea": "paid", "cleo": "sending"}
    books = scene.story.sandbox.books()
    assert books["currencies"]["eur"]["transfers"] == str(EACH.decimal)  # one of each
    assert len(books["paypal"]["items"]) == 1


def _statuses() -> dict[str, str]:
    found = db.session.query(Creator.handle, Payout.status).join(
        Payout, Payout.creator_id == Creator.id
    )
    statuses = {handle: status for handle, status in found}
    db.session.rollback()
    return statuses


def the_file_goes_to_the_bank(scene: Scene, tmp_path: Path) -> None:
    operator, page = scene.approves, scene.approves.page
    scene.cleo.go("/creator/payouts")
    scene.cleo.sees("Being sent")
    operator.go("/operator/payouts/bank")
    page.locator("main td a.main").first.click()
    operator.look()
    with page.expect_download() as coming:
        page.get_by_role("button", name=operator.words("Download"), exact=True).click()
    coming.value.save_as(tmp_path / "file.xml")
    content = (tmp_path / "file.xml").read_bytes()
    file = db.session.query(BankFile).one()
    assert bank_file.sha256(content) == file.sha256
    (payment,) = wire.read(content)
    assert (payment.name, payment.iban, payment.amount) == ("Cleo Angstrom", IBAN, EACH)
    db.session.rollback()
    operator.again()
    operator.sees("Who took it")
    operator.fill(answered_on=clock.now().date(), reference="STM-1")
    operator.press("The bank executed it")
    operator.sees("Done")


def each_was_paid_to_the_cent(scene: Scene) -> None:
    for visitor in scene.creators:
        visitor.go("/creator/payouts")
        visitor.page.locator("main td a.main").first.click()
        visitor.look()
        visitor.sees("Paid")
        visitor.sees_money(EACH)
    assert set(_statuses().values()) == {"paid"}
