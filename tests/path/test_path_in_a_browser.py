"""The whole path by clicking: a campaign's fee and a contest's prize end in one payout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from marketplace import clock, demo_clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.user import User
from tests.browsing import Look, in_full, log_in, opened
from tests.conftest import Web
from tests.make import make_brand, make_creator, make_member, make_operator
from tests.path.story import Story
from tests.path.visiting import Visitor, Words

pytestmark = pytest.mark.browser

LOOKS = [Look("dark", "phone"), in_full(Look("light", "desktop", "fr"))]
HOME = ZoneInfo("Europe/Paris")
CAMPAIGN, CONTEST = "Slow mornings", "My city before eight"
VIDEO = "https://www.tiktok.com/@ines/video/"

FEE, NET, PRIZE = Money(9_000, "USD"), Money(8_100, "USD"), Money(6_000, "USD")
THRESHOLD, BOTH = Money(10_000, "USD"), Money(14_100, "USD")


@dataclass
class Scene:
    """Who takes part, each at a browser of their own."""

    story: Story
    brand: Visitor
    creator: Visitor
    operator: Visitor
    creator_name: str

    def let_pass(self, days: int) -> None:
        """The operator moves the demo clock."""
        self.operator.go("/operator/clock")
        self.operator.fill(days=days)
        self.operator.press("Move forward")
        self.operator.page.goto("about:blank")  # that page loads itself anew once time has moved
        self.story.walk()
        self.operator.go("/operator/clock")

    def brand_pays(self, amount: Money) -> None:
        """On the processor's page, where the brand is led and from where it is led back."""
        self.brand.press("Top up %(missing)s by card", missing=amount)
        self.story.work()
        self.brand.page.wait_for_url(f"{self.story.sandbox.url}/**")
        self.brand.look()
        self.brand.press_hosted("Pay USD")
        self.story.work()
        self.brand.again()
        self.brand.sees("Received")


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look.theme}-{look.size}-{look.language}")
def scene(
    browser: Browser, app: Flask, web: Web, seen_story: Story, request: pytest.FixtureRequest
) -> Iterator[Scene]:
    look: Look = request.param
    demo_clock.want(first_wednesday())
    seen_story.walk()
    team, ines = make_brand(), make_creator("ines", since=clock.now())
    make_member(ines.creator)
    people = [team.user, ines.user, make_operator()]
    for person in people:
        person.locale = look.language
    db.session.commit()
    name = ines.user.name
    homes = web.url, seen_story.sandbox.url
    with ExitStack() as stack:
        brand, creator, operator = (
            stack.enter_context(_visitor(browser, app, look, homes, person)) for person in people
        )
        yield Scene(seen_story, brand, creator, operator, name)


@contextmanager
def _visitor(
    browser: Browser, app: Flask, look: Look, homes: tuple[str, str], person: User
) -> Iterator[Visitor]:
    with opened(browser, look, *homes) as page:
        log_in(page, person.email)
        expect(page.locator("html")).to_have_attribute("lang", look.language)
        yield Visitor(page, Words(app, look.language))


def first_wednesday() -> datetime:
    """Of the next month, at ten: what follows happens on the same weekdays, in that one month."""
    begin = (clock.now().astimezone(HOME).date().replace(day=1) + timedelta(days=32)).replace(day=1)
    day = begin + timedelta(days=(2 - begin.weekday()) % 7)
    return datetime.combine(day, time(10), HOME)


def today() -> date:
    return clock.now().astimezone(HOME).date()


def test_a_fee_and_a_prize_are_earned_and_paid_out_by_clicking(scene: Scene) -> None:
    a_campaign_is_posted_and_funded(scene)
    a_creator_works_for_it(scene)
    a_contest_is_posted_and_funded(scene)
    the_creator_wins_it(scene)
    the_creator_reads_what_is_missing_and_onboards(scene)
    the_payout_is_foreseen_and_made(scene)
    the_statement_shows_it_all(scene)


def a_campaign_is_posted_and_funded(scene: Scene) -> None:
    brand, operator = scene.brand, scene.operator
    brand.go("/brand")
    brand.follow("New campaign")
    brand.fill(title=CAMPAIGN, brief="Show the kit in use.", flat_fee="90", places=1, budget="90")
    brand.fill(closes_on=today() + timedelta(days=14))
    brand.press("Save and submit")
    brand.sees("Next: we review it")

    operator.go("/operator/campaigns")
    operator.follow_to(CAMPAIGN)
    operator.choose("decision", "approve")
    operator.press("Decide")

    brand.again()
    scene.brand_pays(FEE)
    brand.go("/brand")
    brand.follow_to(CAMPAIGN)
    brand.sees("Find creators")


def a_creator_works_for_it(scene: Scene) -> None:
    brand, creator = scene.brand, scene.creator
    creator.go("/creator/campaigns")
    creator.follow_to(CAMPAIGN)
    creator.fill(message="A week of slow mornings.")
    creator.press("Apply")
    creator.sees("You applied")

    brand.go("/brand/work")
    brand.follow_to(scene.creator_name)
    brand.press("Accept")

    creator.go("/creator/work")
    creator.follow_to(CAMPAIGN)
    creator.fill(link=f"{VIDEO}7301")
    creator.press("Submit")

    brand.go("/brand/work")
    brand.follow_to(scene.creator_name)
    brand.press("Approve and pay %(amount)s", amount=FEE)
    scene.story.work()

    creator.again()
    creator.sees("Approved: %(amount)s is yours.", amount=NET)
    creator.follow("See the earning")
    creator.sees_money(NET)


def a_contest_is_posted_and_funded(scene: Scene) -> None:
    brand = scene.brand
    brand.go("/brand/challenges")
    brand.follow("New contest")
    brand.fill(title=CONTEST, brief="One post.", prizes="60.00", closes_on=today())
    brand.choose("ranked_by", "scores")
    brand.press("Save and fund")
    scene.brand_pays(PRIZE)


def the_creator_wins_it(scene: Scene) -> None:
    brand, creator = scene.brand, scene.creator
    creator.go("/creator/challenges")
    creator.follow_to(CONTEST)
    creator.fill(link=f"{VIDEO}7302")
    creator.press("Enter")
    creator.sees("Your entry")

    scene.let_pass(1)
    brand.go("/brand/challenges")
    brand.follow_to(CONTEST)
    brand.fill(score=90)
    brand.press("Give")
    brand.press("Name the winners")
    brand.sees("Provisional results")

    scene.let_pass(7)  # three are for appeals
    brand.again()
    brand.sees("Results")
    creator.again()
    creator.sees_money(PRIZE)


def the_creator_reads_what_is_missing_and_onboards(scene: Scene) -> None:
    creator = scene.creator
    creator.go("/creator")
    missing = {"missing": THRESHOLD - NET, "threshold": THRESHOLD}
    creator.sees("%(missing)s missing to the threshold of %(threshold)s", **missing)
    creator.sees("Why am I not paid yet?")
    creator.sees("There is no destination yet")
    creator.follow("Choose a destination")
    creator.press("Connect with Stripe")
    scene.story.work()
    creator.again()
    creator.press("Continue onboarding")
    creator.press_hosted("Complete onboarding")
    scene.story.work()
    creator.again()
    creator.sees("Be paid to another account")  # ready, and new: it cools for three days


def the_payout_is_foreseen_and_made(scene: Scene) -> None:
    operator = scene.operator
    operator.go("/operator/payouts")
    operator.follow("Runs")
    operator.follow("Dry run of the next")
    operator.sees("Would be paid")
    operator.sees_money(BOTH)

    scene.let_pass(7)  # the prize matures on the fourth, a Monday is the fifth
    operator.go("/operator/payouts/runs")
    operator.page.locator("main td a.main").first.click()
    operator.look()
    operator.follow_to(operator.words.money(BOTH))
    operator.sees("Paid")


def the_statement_shows_it_all(scene: Scene) -> None:
    creator = scene.creator
    creator.go("/creator/payouts")
    creator.page.locator("main td a.main").first.click()
    creator.look()
    creator.sees("Paid")
    creator.go("/creator")
    creator.sees("Recent activity")
    creator.follow("Statement")
    lines = creator.page.locator("#lines tbody tr")
    expect(lines).to_have_count(4)  # the last is the sum
    told = [
        ("Flat fee", NET),
        ("Prize", PRIZE),
        ("Paid out", BOTH),
        ("Sum of the period", BOTH),
    ]
    for line, (what, amount) in zip(lines.all(), told, strict=True):
        expect(line).to_contain_text(creator.words(what))
        expect(line).to_contain_text(creator.words.money(amount))
