"""Sixty days of the demo world, lived through by domain calls up to the present.

Each step travels the demo clock to its day, which runs everything that falls due on the way, then
does what a person would do. Amounts are written out, so that the same world comes out every time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from marketplace import clock
from marketplace.database.lock import lock
from marketplace.demo import (
    agreements,
    bank,
    briefs,
    challenges,
    hosted,
    paypal,
    people,
    program,
    sales,
    troubles,
)
from marketplace.demo.pools import bring, fill
from marketplace.demo.steps import Step, arrive, base_url, begin, travel, work
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.funding.deposit import Purpose
from marketplace.money import Money
from marketplace.payouts import destination as destinations
from marketplace.payouts import payout as payouts
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.schedule import last_due
from marketplace.processors import registry

DAYS = 60
MATURITY = timedelta(days=7)


def create() -> None:
    """Live the demo world; afterwards domain time is the present."""
    present = clock.wall_now()
    begin(present - timedelta(days=DAYS))
    people.join(clock.now())
    db.session.commit()
    for step in sorted(_steps(present), key=lambda step: step.at):
        travel(step.at)
        step.act()
        db.session.commit()
    travel(present)
    arrive()


def _steps(present: datetime) -> list[Step]:
    def ago(days: float, act: Callable[[], None]) -> Step:
        return Step(present - timedelta(days=days), act)

    best_day = people.best_day(present)
    return [
        ago(59, lambda: fill(Purpose.FUND_POOL, Money(900_000, "USD"))),
        ago(59, lambda: fill(Purpose.GIFT_POOL, Money(700_000, "USD"))),
        ago(59, lambda: fill(Purpose.GIFT_POOL, Money(64_000, "EUR"))),
        ago(58, _onboard_everybody),
        *paypal.steps(present),
        *bank.steps(present),
        *program.steps(present),
        *briefs.steps(present),
        *agreements.steps(present),
        *challenges.steps(present),
        *sales.steps(present),
        *troubles.steps(present),
        ago(50, lambda: bring(EarningKind.FUND, "fund-1.csv", _FUND_1)),
        ago(40, lambda: bring(EarningKind.GIFT, "gifts-1.csv", _GIFTS_1)),
        Step(best_day, lambda: bring(EarningKind.FUND, "fund-2.csv", _FUND_2)),
        Step(best_day, lambda: bring(EarningKind.GIFT, "gifts-2.csv", _GIFTS_2)),
        ago(24, lambda: bring(EarningKind.FUND, "fund-3.csv", _FUND_3)),
        ago(23, lambda: bring(EarningKind.GIFT, "gifts-3.csv", _GIFTS_3)),
        ago(3, lambda: bring(EarningKind.GIFT, "gifts-4.csv", _GIFTS_4)),
        ago(8, lambda: _cancel_held("maya")),
        Step(
            troubles.run_without_answer(present) - MATURITY - timedelta(days=1),
            lambda: bring(EarningKind.GIFT, "gifts-5.csv", {troubles.UNANSWERED: "124.60 USD"}),
        ),
        *(_exactly(present, handle, amount) for handle, amount in _ON_THE_EDGE.items()),
    ]


# ---- creators

_FUND_1 = {"ines": "240.10 USD", "tom": "310.00 USD", "nora": "185.40 USD", "jule": "96.20 USD"}
_FUND_1 |= {"lucia": "132.75 USD", "sam": "501.30 USD", "maya": "128.00 USD", "jonas": "64.90 USD"}
_FUND_1 |= {"ana": "150.00 USD", "leo": "118.40 USD", "eva": "210.55 USD"}
_GIFTS_1 = {"ines": "64.30 USD", "jule": "38.15 USD", "sam": "22.00 USD", "jonas": "41.10 USD"}
_FUND_2 = {"ines": "112.60 USD"}
_GIFTS_2 = {"ines": "47.35 USD"}
_FUND_3 = {"ines": "188.20 USD", "jule": "101.00 USD", "sam": "92.45 USD", "jonas": "77.60 USD"}
_FUND_3 |= {"ana": "40.00 USD", "eva": "35.00 USD", "leo": "12.00 USD", "oskar": "131.40 USD"}
# More euros than are left at Stripe, although PayPal has enough: the last payout must wait.
_GIFTS_3 = {"jule": "200.00 EUR", "lucia": "200.00 EUR", "maya": "195.00 EUR"}
_GIFTS_4 = {"ines": "71.25 USD", "jule": "18.90 USD", "nora": "12.50 USD"}
_ON_THE_EDGE = {"tom": "100.00", "nora": "99.99"}


def _onboard_everybody() -> None:
    for role in people.CREATORS:
        if role.destination in ("active", "restricted", "onboarding"):
            creator = people.creator(role.handle)
            destinations.connect(
                creator.id, people.mail_of(role), "USD", f"user:{creator.user_id.hex}", clock.now()
            )
    work()
    for number, role in enumerate(people.CREATORS):
        if role.destination in ("active", "restricted"):
            _visit_onboarding(role, f"{4021 + 17 * number:04}")
    travel(clock.now() + timedelta(minutes=1))


def _visit_onboarding(role: people.Role, bank_ending: str) -> None:
    destination = destinations.current(people.creator(role.handle).id)
    assert destination is not None
    account = destination.remote_account
    assert account is not None
    destinations.visited(destination, clock.now())
    db.session.commit()
    page = f"{base_url()}/creator/payouts"
    processor = registry.get(destinations.PROCESSOR)
    link = processor.onboarding_link(account, page, page)
    hosted.onboard(link, role.name, bank_ending, complete=role.destination == "active")


def _exactly(present: datetime, handle: str, amount: str) -> Step:
    """An earning that matures just after the creator's last run, so that it stays to be seen."""
    role = next(role for role in people.CREATORS if role.handle == handle)
    matures_at = last_due(role.rhythm, role.time_zone, present).at + timedelta(minutes=5)
    return Step(
        matures_at - MATURITY,
        lambda: bring(EarningKind.FUND, f"edge-{handle}.csv", {handle: f"{amount} USD"}),
    )


def _cancel_held(handle: str) -> None:
    """An operator calls off a payout that waits for our funds at the processor."""
    held = (
        db.session.query(Payout)
        .filter_by(creator_id=people.creator(handle).id, status=PayoutStatus.HELD)
        .first()
    )
    if held is None:
        return
    payout = lock(Payout, held.id)
    assert payout is not None
    actor = f"user:{people.operator().id.hex}"
    payouts.cancel(payout, actor, "asked for by the creator", clock.now())
