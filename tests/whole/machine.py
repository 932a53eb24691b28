"""Campaigns, work, sales, contests and payouts in any order, beside a model of plain integers.

It is the first path's machine with more that people, shops and time may do: what a step refuses
leaves every money table as it was, and after each one the books equal the model.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from marketplace import clock
from marketplace.campaigns import application as applications
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns import ending
from marketplace.campaigns.campaign import Campaign as CampaignRow
from marketplace.campaigns.deliverable import Deliverable
from marketplace.challenges import judging
from marketplace.challenges.challenge import Challenge
from marketplace.commissions.sale import Sale as SaleRow
from marketplace.earnings.maturity import mature_due
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.parties.creator import Creator
from marketplace.payouts import hold
from marketplace.webhooks import orders
from marketplace.worker import codes
from tests.commissions import making
from tests.make import make_member
from tests.path.machine import DATED, usd
from tests.scripted import MADE
from tests.whole.contesting import Contesting
from tests.whole.model import COMMISSION_DAYS, Whole

# In the worker's order, until nothing is due any more.
JOBS = (
    orders.fund_next,
    mature_due,
    deliverables.approve_due,
    applications.expire_due,
    ending.end_due,
    codes.end_next,
    ending.give_up_due,
    judging.act_due,
    hold.release_due,
)


class Everything(Contesting):
    """One brand with a shop, two creators in the program, one pool, one processor."""

    def _begin_lively(self) -> None:
        """Also: one open campaign, both creators at work and selling; one contest with both in."""
        self.model = Whole(self.model.earners)
        self.storefront = making.make_storefront(self.team)
        for earner in self.model.earners:
            make_member(db.session.get_one(Creator, earner.id))
        super()._begin_lively()
        for who in range(2):
            self.apply(0, who)
            self.accept(0)
        self.submit(0)
        for who, base in enumerate((2_000, 900)):
            self.order(who, base)
        self.begin_contest([3_001, 2_000])
        self.fund_contest(0, by_card=True)
        self.payment_arrives(len(self.model.deposits) - 1, wrong=False)
        for who in range(2):
            self.enter(0, who)

    @rule(days=st.integers(1, 8))
    def time_passes(self, days: int) -> None:
        self.model.today += days
        clock.set_offset(timedelta(days=self.model.today))
        at = clock.now()
        self.model.later(at)
        for campaign in self.model.campaigns:
            row = db.session.get_one(CampaignRow, campaign.id)
            if row.closes_at and campaign.status in DATED and row.closes_at <= at:
                self.model.ends(campaign, "closed" if campaign.status == "open" else "canceled")
        self.model.windows_end(at)
        self.model.holds_end()
        db.session.rollback()
        for _ in range(2):
            for job in JOBS:
                while job(at):
                    db.session.commit()
                db.session.rollback()

    @rule()
    def a_month_goes_by(self) -> None:
        """Windows end, commissions mature, undecided contests are split."""
        self.time_passes(31)

    @rule(n=st.integers(0, 5), first=st.integers(1, 6_000), part=st.integers(1, 60))
    def a_sale_is_undone_late(self, n: int, first: int, part: int) -> None:
        """The usual course: sold, matured, paid out, then refunded twice: a debt."""
        if not self.model.agreements:
            return
        self.order(n, first)
        newest = len(self.model.sales) - 1
        self.fill(25_000)
        for who in range(2):
            self.income(who, 11_000)
        self.time_passes(COMMISSION_DAYS + 1)
        self.run()
        self.processor_answers(MADE)
        for _ in range(2):
            self.shop_refunds(newest, part)

    @rule(first=st.sampled_from([0, 70, 90]), second=st.sampled_from([70, 90]))
    def a_contest_is_judged(self, first: int, second: int) -> None:
        """The usual course of the newest one that is open or being judged."""
        going = [it for it in self.model.contests if it.status in ("open", "judging")]
        if not going or not going[-1].valid:
            return
        for _ in range(2):
            if going[-1].status == "open":
                self.time_passes(6)
        if going[-1].status != "judging":
            return
        for n, points in enumerate((first, second)):
            self.score(n, points)
        self.name_winners(0)
        self.time_passes(4)

    # ---- always

    @invariant()
    def shops_contests_and_fees_are_what_integers_say(self) -> None:
        held = self.model
        fees = postings.PLATFORM_FEES
        assert balance(fees, "USD") == usd(held.platform_fees)
        for contest in held.contests:
            row = db.session.get_one(Challenge, contest.id)
            assert row.status == contest.status
            account = postings.reserved(f"challenge:{contest.id.hex}")
            assert balance(account, "USD") == usd(contest.reserved)
        for agreement in held.agreements:
            assert db.session.get_one(Deliverable, agreement.work_id).status == agreement.work
        statuses = {row.order_ref: row.status for row in db.session.query(SaleRow)}
        assert statuses == {sale.ref: sale.status for sale in held.sales}
        db.session.rollback()
