"""Any order of what people, time and the processor may do, beside a model of plain integers.

Every rule knows from the model whether the domain takes it; what it refuses must leave every money
table as it was. After each step the books equal the model and every invariant holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, TypeVar

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.campaigns import budget, ending, review
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns.campaign import Campaign as CampaignRow
from marketplace.database.identifier import new_id
from marketplace.earnings import clawback as clawbacks
from marketplace.earnings.earning import Earning as EarningRow
from marketplace.earnings.earning import EarningKind
from marketplace.earnings.maturity import mature_due
from marketplace.errors import BadInput, InsufficientFunds, WrongState
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit as DepositRow
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.ledger.draft import AccountRef
from marketplace.money import Money
from marketplace.payouts import destination as destinations
from marketplace.payouts import hold, returning
from marketplace.payouts import payout as payouts
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout as PayoutRow
from marketplace.payouts.recovery import Parts
from marketplace.payouts.run import PayoutRun
from marketplace.payouts.schedule import last_due
from marketplace.processors.base import Snapshot
from marketplace.webhooks import converge
from marketplace.webhooks.converge import Quarantine
from tests.books import broken_invariants, empty_tables
from tests.make import (
    do_runs,
    fill_pool,
    import_rows,
    make_brand,
    make_campaign,
    make_creator,
    make_operator,
    payment_of,
    reserve,
)
from tests.path import model
from tests.path.model import HELD_FOR_FUNDS, MATURITY_DAYS, Model
from tests.scripted import BUSY, DOWN, LOST, MADE, Ending, Scripted, send
from tests.within import locked, money_tables, refused

T = TypeVar("T")
PICK = st.integers(0, 5)
ENDINGS = (MADE, MADE, LOST, DOWN, BUSY, HELD_FOR_FUNDS, "amount_too_small")
FUND = postings.POOLS["fund"]
DATED = ("in_review", "awaiting_funds", "open")

# What an operator may decide about a campaign, and where it stands then.
REVIEWS: dict[str, tuple[Callable[[CampaignRow, str], None], str]] = {
    "approve": (lambda it, by: review.approve(it, by, clock.now()), "awaiting_funds"),
    "request_changes": (lambda it, by: review.request_changes(it, by, "why", clock.now()), "draft"),
    "reject": (lambda it, by: review.reject(it, by, "why", clock.now()), "rejected"),
}


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def pick(things: Sequence[T], n: int) -> T:
    return things[n % len(things)]


class Path(RuleBasedStateMachine):
    """One brand, two creators on one schedule, one pool, one processor whose answers are drawn."""

    adapter: ClassVar[Scripted]
    owner: ClassVar[sa.Engine]
    checking: ClassVar[sa.Connection]  # for the checks alone, so that it keeps their plan

    def __init__(self) -> None:
        super().__init__()
        db.session.remove()
        with self.owner.begin() as connection:
            empty_tables(connection)
        clock.set_offset(timedelta(0))
        self.adapter.made.clear()
        self.team = make_brand(time_zone="UTC")
        self.operator = make_operator()
        made = [make_creator(name, time_zone="UTC").creator for name in ("ines", "tom")]
        self.model = Model([model.Earner(it.id, it.handle) for it in made])
        self.rows: list[str] = []
        self.refunds: list[str] = []  # what has clawed something back
        self._begin_lively()

    def _begin_lively(self) -> None:
        """Both creators can be paid and have earned enough; the brand has money and a campaign."""
        self.fill(100_000)
        for n in range(2):
            self.onboard(n, active=True)
            self.income(n, 15_000)
        send(self.adapter, MADE)
        for n in range(2):
            self.onboard(n, active=True)
        self.time_passes(MATURITY_DAYS)
        for n in range(2):
            self.begin_campaign(400, 2)
            self.top_up(n)
            self.payment_arrives(n, wrong=False)
        self.cancel_campaign(0)

    def expect(self, refusal: type[Exception] | None, act: Callable[[], object]) -> bool:
        """Do it and commit, or see it refused; tell whether it was done."""
        if refusal is not None:
            with refused(refusal):
                act()
            return False
        act()
        db.session.commit()
        return True

    # ---- the brand

    @rule(
        fee=st.integers(100, 900),
        places=st.integers(1, 3),
        status=st.sampled_from(["awaiting_funds", "in_review"]),
    )
    def begin_campaign(self, fee: int, places: int, status: str = "awaiting_funds") -> None:
        made = make_campaign(self.team, status=status, flat_fee_minor=fee, places=places, days=9)
        self.model.campaigns.append(model.Campaign(made.id, fee * places, status=status))

    @precondition(lambda self: self.model.campaigns)
    @rule(n=PICK, decision=st.sampled_from(sorted(REVIEWS)))
    def review_campaign(self, n: int, decision: str) -> None:
        campaign = pick(self.model.campaigns, n)
        act, status = REVIEWS[decision]
        if self.expect(
            None if campaign.status == "in_review" else WrongState,
            lambda: act(locked(CampaignRow, campaign.id), "user:2"),
        ):
            campaign.status = status

    @precondition(lambda self: any(it.status == "draft" for it in self.model.campaigns))
    @rule()
    def submit_campaign_again(self) -> None:
        campaign = next(it for it in self.model.campaigns if it.status == "draft")
        row = locked(CampaignRow, campaign.id)
        row.closes_on = (clock.now() + timedelta(days=9)).date()
        campaigns.submit(row, "user:1", clock.now())
        db.session.commit()
        campaign.status = "in_review"

    @precondition(lambda self: self.model.campaigns)
    @rule(n=PICK)
    def top_up(self, n: int) -> None:
        campaign = pick(self.model.campaigns, n)
        row = locked(CampaignRow, campaign.id)
        refusal: type[Exception] | None = None
        if campaign.status != "awaiting_funds":
            refusal = WrongState
        elif budget.open_deposit(row) is not None:
            refusal = BadInput
        asked: list[DepositRow] = []

        def act() -> None:
            asked.append(
                budget.top_up(
                    locked(CampaignRow, campaign.id),
                    payer_id=self.team.user.id,
                    payer_email="payer@example.com",
                    form_key=new_id(),
                    site_url="http://127.0.0.1:8000/brand",
                    at=clock.now(),
                )
            )

        if self.expect(refusal, act):
            self.model.deposits.append(model.Deposit(asked[0].id, campaign.missing, campaign))

    @precondition(lambda self: self.model.deposits)
    @rule(n=PICK, wrong=st.booleans())
    def payment_arrives(self, n: int, wrong: bool) -> None:
        deposit = pick(self.model.deposits, n)
        row = db.session.get_one(DepositRow, deposit.id, populate_existing=True)
        told = payment_of(row, **({"amount": usd(deposit.amount + 1)} if wrong else {}))
        if deposit.paid and not wrong:
            self._changes_nothing(lambda: converge.apply(told, clock.now()))
            return
        refusal = Quarantine if wrong or row.status == "rejected" else None
        if self.expect(refusal, lambda: converge.apply(told, clock.now())):
            self.model.arrives(deposit)

    def _changes_nothing(self, act: Callable[[], object]) -> None:
        before = money_tables()
        act()
        db.session.commit()
        assert money_tables() == before

    @precondition(lambda self: self.model.campaigns)
    @rule(n=PICK)
    def fund_from_balance(self, n: int) -> None:
        campaign = pick(self.model.campaigns, n)
        refusal: type[Exception] | None = None
        if campaign.status != "awaiting_funds":
            refusal = WrongState
        elif campaign.missing > self.model.free:
            refusal = InsufficientFunds
        if self.expect(
            refusal,
            lambda: budget.fund_from_balance(
                locked(CampaignRow, campaign.id), "user:1", clock.now()
            ),
        ):
            self.model.free -= campaign.missing
            campaign.reserved, campaign.status = campaign.budget, "open"

    @precondition(lambda self: self.model.campaigns)
    @rule(n=PICK, minor=st.integers(1, 2_000))
    def add_from_balance(self, n: int, minor: int) -> None:
        campaign = pick(self.model.campaigns, n)
        refusal: type[Exception] | None = None
        if campaign.status != "open":
            refusal = WrongState
        elif minor > self.model.free:
            refusal = InsufficientFunds
        form_key = new_id()
        act = lambda: budget.add_from_balance(  # noqa: E731
            locked(CampaignRow, campaign.id),
            usd(minor),
            form_key=form_key,
            actor="user:1",
            at=clock.now(),
        )
        if self.expect(refusal, act):
            self.model.adds(campaign, minor)
            self._changes_nothing(act)

    @precondition(lambda self: self.model.campaigns)
    @rule(n=PICK, minor=st.integers(90, 2_000))
    def add_by_card(self, n: int, minor: int) -> None:
        """The money counts once it is paid, and is the brand's if the campaign is over by then."""
        campaign = pick(self.model.campaigns, n)
        refusal: type[Exception] | None = None
        if campaign.status != "open":
            refusal = WrongState
        elif budget.open_deposit(locked(CampaignRow, campaign.id)) or minor < 100:
            refusal = BadInput
        asked: list[DepositRow] = []

        def act() -> None:
            asked.append(
                budget.add_by_card(
                    locked(CampaignRow, campaign.id),
                    usd(minor),
                    payer_id=self.team.user.id,
                    payer_email="payer@example.com",
                    form_key=new_id(),
                    site_url="http://127.0.0.1:8000/brand",
                    at=clock.now(),
                )
            )

        if self.expect(refusal, act):
            self.model.deposits.append(model.Deposit(asked[0].id, minor, campaign, adds=True))

    @precondition(lambda self: self.model.campaigns)
    @rule(n=PICK)
    def cancel_campaign(self, n: int) -> None:
        campaign = pick(self.model.campaigns, n)
        over = campaign.status in ("closed", "canceled", "rejected")
        if self.expect(
            WrongState if over else None,
            lambda: ending.cancel(
                locked(CampaignRow, campaign.id), "user:1", "no longer wanted", clock.now()
            ),
        ):
            self.model.ends(campaign, "canceled")

    # ---- refunds

    @precondition(lambda self: any(it.paid for it in self.model.deposits))
    @rule(n=PICK, minor=st.integers(1, 900))
    def refund(self, n: int, minor: int) -> None:
        deposit = pick([it for it in self.model.deposits if it.paid], n)
        refusal: type[Exception] | None = None
        if minor > self.model.left_of(deposit):
            refusal = BadInput
        elif minor > self.model.free:
            refusal = InsufficientFunds
        asked: list[refunds.Refund] = []

        def act() -> None:
            asked.append(
                refunds.request(
                    deposit.id, usd(minor), actor="user:1", form_key=new_id(), at=clock.now()
                )
            )

        if self.expect(refusal, act):
            self.model.free -= minor
            self.model.refunds.append(model.Refund(asked[0].id, minor, deposit))

    @precondition(lambda self: any(it.paid for it in self.model.deposits))
    @rule(n=PICK)
    def refund_all_and_once_more(self, n: int) -> None:
        deposit = pick([it for it in self.model.deposits if it.paid], n)
        self.refund(n, max(min(self.model.left_of(deposit), self.model.free), 1))
        self.refund(n, self.model.left_of(deposit) + 1)

    @precondition(lambda self: any(it.call.made for it in self.model.refunds))
    @rule(n=PICK, state=st.sampled_from(["succeeded", "failed"]))
    def refund_ends(self, n: int, state: str) -> None:
        refund = pick([it for it in self.model.refunds if it.call.made], n)
        told = replace(self._made(refund.id), state=state)
        act = lambda: converge.apply(told, clock.now())  # noqa: E731
        if refund.status == state:
            self._changes_nothing(act)
        elif self.expect(Quarantine if refund.status == "failed" else None, act):
            if state == "failed":
                self.model.fails(refund)
            else:
                refund.status = state

    def _made(self, subject_id: object) -> Snapshot:
        """What the processor made for a subject of ours."""
        (made,) = (it for it in self.adapter.made.values() if it.our_ref == subject_id.hex)  # type: ignore[attr-defined]
        return made

    # ---- money owed

    @rule(minor=st.integers(100, 40_000))
    def fill(self, minor: int) -> None:
        fill_pool(EarningKind.FUND, usd(minor))
        self.model.pool += minor
        self.model.charged += minor

    @rule(n=PICK, minor=st.integers(3_000, 15_000))
    def income(self, n: int, minor: int) -> None:
        earner = pick(self.model.earners, n)
        amount = usd(minor).decimal
        row = f"R-{len(self.rows)},{earner.handle},{amount},USD,{clock.now().date()}"
        if self.expect(
            BadInput if minor > self.model.pool else None,
            lambda: import_rows(EarningKind.FUND, [row], self.operator),
        ):
            self.rows.append(row)
            self.model.pool -= minor
            newest = sa.select(EarningRow.id).order_by(EarningRow.id.desc()).limit(1)
            id = db.session.scalars(newest).one()
            earner.earned.append(model.Earned(id, minor, self.model.today + MATURITY_DAYS))

    @precondition(lambda self: self.rows)
    @rule(n=PICK)
    def income_again(self, n: int) -> None:
        """The books of the invariant show that it was harmless."""
        import_rows(EarningKind.FUND, [pick(self.rows, n)], self.operator)

    @precondition(lambda self: any(it.earned for it in self.model.earners))
    @rule(n=st.integers(0, 40), keep=st.integers(0, 15_000), again=st.booleans())
    def claw_back(self, n: int, keep: int, again: bool) -> None:
        """Before or after it matured or was paid; sometimes from a source that is known."""
        every = [(one, it) for one in self.model.earners for it in one.earned if it.kind == "fund"]
        earner, earned = pick(every, n)
        loses = max(earned.kept - keep, 0)
        known = bool(again and self.refunds)
        source = pick(self.refunds, n) if known else f"refund:{len(self.refunds)}"

        def act() -> None:
            clawbacks.claw_back(
                db.session.get_one(EarningRow, earned.id),
                usd(keep),
                reason="order_refunded",
                source_ref=source,
                back_to=FUND,
                actor="system",
                at=clock.now(),
            )

        if not loses:
            self._changes_nothing(act)
        elif self.expect(IntegrityError if known else None, act):
            self.refunds.append(source)
            earner.loses(earned, loses)
            self.model.pool += loses

    @precondition(lambda self: any(it.available for it in self.model.earners))
    @rule(n=PICK)
    def nobody_repays_more_than_they_owe(self, n: int) -> None:
        earner = pick(self.model.earners, n)
        parts = Parts(recovered=usd(earner.debt + 1), paid=usd(1), stays=usd(0))
        runs = db.session.query(PayoutRun).all()
        if earner.in_payout or not earner.active or not runs:
            return
        destination = destinations.current(earner.id)
        assert destination is not None
        self.expect(
            InsufficientFunds,
            lambda: reserve(earner.id, destination, runs[0].id, parts, clock.now()),
        )

    # ---- time

    @rule(days=st.integers(1, 8))
    def time_passes(self, days: int) -> None:
        self.model.today += days
        clock.set_offset(timedelta(days=self.model.today))
        at = clock.now()
        for campaign in self.model.campaigns:
            row = db.session.get_one(CampaignRow, campaign.id)
            if row.closes_at and campaign.status in DATED and row.closes_at <= at:
                self.model.ends(campaign, "closed" if campaign.status == "open" else "canceled")
        self.model.matures()
        self.model.holds_end()
        for job in (ending.end_due, mature_due, hold.release_due):
            while job(at):
                db.session.commit()
            db.session.rollback()

    # ---- money out

    @rule(n=PICK, active=st.booleans())
    def onboard(self, n: int, active: bool) -> None:
        earner = pick(self.model.earners, n)
        destination = destinations.connect(
            earner.id, "pay@example.com", "USD", "user:1", clock.now()
        )
        db.session.commit()
        if destination.remote_account is None:
            return  # the processor has not answered yet
        told = replace(
            self._made(destination.id), state="active" if active else "restricted", requirements=()
        )
        converge.apply(told, clock.now())
        db.session.commit()
        earner.is_active(active, self.model.today)

    @rule()
    def run(self) -> None:
        at = clock.now()
        period = last_due("weekly", "UTC", at).period
        known = db.session.query(PayoutRun).filter_by(period=period).first() is not None
        do_runs(at)
        for earner in self.model.earners:
            if not known and earner.payable(self.model.today):
                asked = db.session.query(PayoutRow).filter_by(creator_id=earner.id)
                (new,) = {row.id for row in asked} - {it.id for it in earner.payouts}
                earner.is_paid(new)

    @rule(ending=st.sampled_from(ENDINGS))
    def processor_answers(self, ending: Ending) -> None:
        send(self.adapter, ending)
        self.model.answers(ending)

    @rule(first=st.sampled_from(ENDINGS), second=st.sampled_from(ENDINGS))
    def a_week_goes_by(self, first: Ending, second: Ending) -> None:
        """The usual course, so that every run of the machine comes to many payouts."""
        self.fill(25_000)
        for n in range(2):
            self.income(n, 11_000)
        self.time_passes(MATURITY_DAYS)
        self.run()
        self.processor_answers(first)
        self.processor_answers(second)

    @rule()
    def transfers_are_made_unheard(self) -> None:
        """A week in which the transfers are made and nobody hears of it."""
        self.a_week_goes_by(LOST, DOWN)

    @rule(n=st.integers(0, 40), keep=st.integers(0, 5_000))
    def a_run_is_stopped(self, n: int, keep: int) -> None:
        """After a refund of what was paid: what the payouts recover of a debt is at stake too."""
        self._everybody_can_be_paid()
        self.a_week_goes_by(MADE, MADE)
        self.claw_back(n, keep, again=False)
        self.fill(25_000)
        for each in range(2):
            self.income(each, 11_000)
        self.time_passes(MATURITY_DAYS)
        self.run()
        for place in range(sum(len(it.payouts) for it in self.model.earners)):
            if self._a_payout(place)[1].status == "reserved":
                self.cancel_payout(place)

    @precondition(lambda self: any(it.payouts for it in self.model.earners))
    @rule(n=st.integers(0, 20))
    def cancel_payout(self, n: int) -> None:
        earner, payout = self._a_payout(n)
        refusal = None if payout.status in ("reserved", "held") else WrongState
        if self.expect(
            refusal,
            lambda: payouts.cancel(
                locked(PayoutRow, payout.id), "user:1", "asked for", clock.now()
            ),
        ):
            earner.gets_back(payout, "canceled")

    @precondition(lambda self: any(it.payouts for it in self.model.earners))
    @rule(n=PICK, second=st.booleans())
    def transfer_is_shown(self, n: int, second: bool) -> None:
        """By a webhook: what was made, or what should never have been made."""
        _, payout = self._a_payout(n)
        row = db.session.get_one(PayoutRow, payout.id)
        account = db.session.get_one(Destination, row.destination_id).remote_account
        told = Snapshot(
            "transfer",
            f"trf_{new_id().hex}",
            row.id.hex,
            "paid",
            False,
            row.amount,
            account=account,
        )
        if payout.call.made and not second:
            told = self._made(payout.id)
        act = lambda: converge.apply(told, clock.now())  # noqa: E731
        if payout.status in ("sending", "unknown"):
            if payout.call.made and not second:
                self.expect(None, act)
                payout.status = "paid"
        elif payout.status in ("paid", "returned") and not second:
            self._changes_nothing(act)
        else:
            self.expect(Quarantine, act)

    @precondition(lambda self: any(it.call.made for _, it in self._payouts()))
    @rule(n=st.integers(0, 20))
    def transfer_comes_back(self, n: int) -> None:
        """Reversed in full, whether or not we had heard that it was made."""
        earner, payout = pick([it for it in self._payouts() if it[1].call.made], n)
        told = replace(self._made(payout.id), state="reversed")
        act = lambda: converge.apply(told, clock.now())  # noqa: E731
        if payout.status == "returned":
            self._changes_nothing(act)
        elif self.expect(None, act):
            earner.comes_back(payout)

    @precondition(lambda self: self._payouts())
    @rule(n=st.integers(0, 20))
    def creator_confirms(self, n: int) -> None:
        _, payout = self._a_payout(n)
        came_back = payout.status == "returned"
        if self.expect(
            None if came_back else WrongState,
            lambda: returning.confirm(locked(PayoutRow, payout.id), "user:1", clock.now()),
        ):
            payout.confirmed = True

    @rule(n=st.integers(0, 20), confirmed=st.booleans())
    def a_run_follows_a_return(self, n: int, confirmed: bool) -> None:
        self.a_week_goes_by(MADE, MADE)
        self.transfer_comes_back(n)
        for place, (_, payout) in enumerate(self._payouts()):
            if confirmed and payout.status == "returned":
                self.creator_confirms(place)
        self.a_week_goes_by(MADE, MADE)

    def _everybody_can_be_paid(self) -> None:
        for n in range(2):
            self.onboard(n, active=True)
        for place, (_, payout) in enumerate(self._payouts()):
            if payout.status == "returned":
                self.creator_confirms(place)

    def _payouts(self) -> list[tuple[model.Earner, model.Payout]]:
        return [(earner, it) for earner in self.model.earners for it in earner.payouts]

    def _a_payout(self, n: int) -> tuple[model.Earner, model.Payout]:
        return pick(self._payouts(), n)

    # ---- always

    @invariant()
    def the_books_hold_what_integers_say(self) -> None:
        held = self.model
        brand = self.team.brand.ledger_owner
        expected: list[tuple[AccountRef, int]] = [
            (postings.brand_available(brand), held.free),
            (postings.refund_reserved_of(brand), held.refunding),
            (FUND, held.pool),
        ]
        for campaign in held.campaigns:
            expected.append((postings.reserved(f"campaign:{campaign.id.hex}"), campaign.reserved))
        for earner in held.earners:
            owner = f"creator:{earner.id.hex}"
            expected += [
                (postings.creator_pending(owner), earner.pending),
                (postings.creator_available(owner), earner.available),
                (postings.creator_debt(owner), earner.debt),
                (postings.payout_reserved_of(owner), earner.in_payout),
            ]
        for account, minor in expected:
            assert balance(account, "USD") == usd(minor), account
        budgets = {row.id: row.budget_minor for row in db.session.query(CampaignRow)}
        assert budgets == {it.id: it.budget for it in held.campaigns}
        clearing = postings.processor_clearing("stripe")
        before_fees = balance(clearing, "USD") + balance(postings.processor_fees("stripe"), "USD")
        assert before_fees == usd(held.at_processor)
        db.session.rollback()

    @invariant()
    def every_payout_is_made_at_most_once_and_paid_only_if_it_was(self) -> None:
        for earner in self.model.earners:
            for payout in earner.payouts:
                made = [it for it in self.adapter.made.values() if it.our_ref == payout.id.hex]
                assert len(made) == int(payout.call.made)
                if payout.status in ("paid", "returned"):
                    assert payout.call.made
                row = db.session.get_one(PayoutRow, payout.id)
                assert row.status == payout.status
                assert (row.amount_minor, row.recovered_minor) == (payout.amount, payout.recovered)
        db.session.rollback()

    @invariant()
    def every_invariant_holds(self) -> None:
        assert broken_invariants(self.checking) == []

    def teardown(self) -> None:
        """Nothing is stuck: with a processor that answers, every doubt ends."""
        db.session.rollback()
        for _ in range(3):
            self.processor_answers(MADE)
            self.time_passes(1)
        left = {it.status for earner in self.model.earners for it in earner.payouts}
        assert not left & {"sending", "unknown"}
        self.the_books_hold_what_integers_say()
        self.every_invariant_holds()


assert deposits.AMOUNT_MINOR_MIN <= 100, "every campaign of the machine can be paid by card"
