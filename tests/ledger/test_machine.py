"""Any order of postings, repeats, refusals and rollbacks: the books equal plain integers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from marketplace.database.check import run
from marketplace.database.identifier import new_id
from marketplace.errors import InsufficientFunds, KeyConflict
from marketplace.extensions import db
from marketplace.ledger import dispute_postings, journal, postings
from marketplace.ledger.balances import balances_of
from marketplace.ledger.chart import CHART
from marketplace.ledger.draft import AccountRef, Draft, credit, debit
from marketplace.ledger.invariants import CHECKS
from tests.harness import trials
from tests.ledger.make import NOON, cause, usd

# A move is one posting with one amount; small amounts make balances run out often.
Maker = Callable[["Books", int], Draft]
MAKERS: list[Maker] = [
    lambda b, n: postings.deposit_received("stripe", b.brand, usd(n), b.key(), cause(), NOON),
    lambda b, n: postings.campaign_reserved(b.brand, b.campaign, usd(n), b.key(), cause(), NOON),
    lambda b, n: postings.campaign_released(b.brand, b.campaign, usd(n), b.key(), cause(), NOON),
    lambda b, n: postings.earning_accrued(
        postings.reserved(b.campaign), b.creator, usd(n), usd(n // 10), cause(), NOON
    ),
    lambda b, n: postings.earning_matured(b.creator, usd(n), cause(), NOON),
    lambda b, n: postings.payout_reserved(b.creator, usd(n), usd(0), cause(), NOON),
    lambda b, n: postings.payout_reserved(b.creator, usd(n), usd(n // 3), cause(), NOON),
    lambda b, n: postings.payout_released(b.creator, usd(n), usd(n // 3), cause(), NOON),
    lambda b, n: postings.earning_clawed_back(
        postings.creator_available(b.creator),
        usd(n),
        usd(n // 2),
        usd(n // 10),
        postings.reserved(b.campaign),
        cause(),
        NOON,
    ),
    lambda b, n: postings.payout_paid("stripe", b.creator, usd(n), cause(), NOON),
    lambda b, n: postings.payout_returned("stripe", b.creator, usd(n), cause(), NOON),
    lambda b, n: postings.payout_released(b.creator, usd(n), usd(0), cause(), NOON),
    lambda b, n: postings.refund_reserved(b.brand, usd(n), cause(), NOON),
    lambda b, n: postings.refund_paid("stripe", b.brand, usd(n), cause(), NOON),
    lambda b, n: dispute_postings.dispute_withdrawn(
        "stripe",
        (
            (postings.brand_available(b.brand), usd(n)),
            (dispute_postings.brand_debt(b.brand), usd(n // 2)),
        ),
        cause(),
        NOON,
    ),
    lambda b, n: dispute_postings.brand_debt_repaid(b.brand, usd(n), cause(), NOON),
]
MOVES = st.tuples(st.sampled_from(MAKERS), st.integers(1, 60))


class Books(RuleBasedStateMachine):
    """The books of one brand, campaign and creator, beside what they should hold."""

    brand: str
    campaign: str
    creator: str

    def __init__(self) -> None:
        super().__init__()
        example = new_id().hex
        self.brand, self.campaign = f"brand:{example}", f"campaign:{example}"
        self.creator = f"creator:{example}"
        self.holds: Counter[AccountRef] = Counter()
        self.posted: list[Draft] = []

    def key(self) -> str:
        return new_id().hex

    def after(self, drafts: list[Draft]) -> Counter[AccountRef] | None:
        """What the accounts hold after these, or None if one falls below zero on the way."""
        holds = self.holds.copy()
        for draft in drafts:
            for line in draft.lines:
                rule = CHART[line.account.kind]
                holds[line.account] += rule.side * line.amount.minor
                if rule.stores_balance and holds[line.account] < 0:
                    return None
        return holds

    @rule(move=MOVES)
    def post_one(self, move: tuple[Maker, int]) -> None:
        maker, minor = move
        draft = maker(self, minor)
        expected = self.after([draft])
        try:
            assert journal.post(draft).fresh
        except InsufficientFunds:
            db.session.rollback()
            assert expected is None
        else:
            db.session.commit()
            assert expected is not None
            self.holds = expected
            self.posted.append(draft)

    @rule(moves=st.lists(MOVES, min_size=1, max_size=6), again=st.booleans())
    def post_a_batch(self, moves: list[tuple[Maker, int]], again: bool) -> None:
        drafts = [maker(self, minor) for maker, minor in moves]
        repeated = [*drafts, drafts[0], *self.posted[-2:]] if again else drafts
        expected = self.after(drafts)
        try:
            fresh = [it.fresh for it in journal.post_many(repeated)]
        except InsufficientFunds:
            db.session.rollback()
            assert expected is None
        else:
            db.session.commit()
            assert expected is not None
            assert fresh == [n < len(drafts) for n in range(len(repeated))]
            self.holds = expected
            self.posted += drafts

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.posted:
            assert not journal.post(data.draw(st.sampled_from(self.posted))).fresh
            db.session.commit()

    @rule(data=st.data(), minor=st.integers(61, 99))
    def use_a_key_for_something_else(self, data: st.DataObject, minor: int) -> None:
        if self.posted:
            draft = data.draw(st.sampled_from(self.posted))
            a, b = draft.lines[0].account, draft.lines[1].account
            other = replace(draft, lines=(debit(a, usd(minor)), credit(b, usd(minor))))
            with pytest.raises(KeyConflict):
                journal.post(other)
            db.session.rollback()

    @rule(move=MOVES)
    def change_ones_mind(self, move: tuple[Maker, int]) -> None:
        maker, minor = move
        draft = maker(self, minor)
        if self.after([draft]) is not None:
            journal.post(draft)
            db.session.rollback()

    @invariant()
    def the_books_hold_what_integers_say(self) -> None:
        seen = {
            held.account: held.balance.minor
            for owner in (self.brand, self.campaign, self.creator)
            for held in balances_of(owner)
        }
        expected = {a: n for a, n in self.holds.items() if CHART[a.kind].stores_balance}
        assert {a: n for a, n in seen.items() if n} == {a: n for a, n in expected.items() if n}

    @invariant()
    def every_check_of_the_books_passes(self) -> None:
        found = run(CHECKS, db.session.connection())
        db.session.rollback()
        assert [it for it in found if it.rows] == []


def explore(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.proof
def test_any_order_of_postings_keeps_the_books_whole(books: Flask) -> None:
    explore(examples=trials(reduced=10, full=150), steps=trials(reduced=20, full=40))


def test_without_the_floor_the_machine_finds_an_overdraft(
    books: Flask, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    """The negative control of the machine."""
    floor = owner.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'account_floor'"
    ).fetchone()
    assert floor
    owner.execute("ALTER TABLE ledger.account DROP CONSTRAINT account_floor")
    owner.execute("ALTER TABLE ledger.entry DISABLE TRIGGER balanced")
    owner.commit()
    try:
        with pytest.raises(AssertionError):
            explore(examples=10, steps=20)
    finally:
        db.session.rollback()
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM ledger.entry; DELETE FROM ledger.transaction")
        owner.execute("DELETE FROM ledger.account")
        owner.execute(f"ALTER TABLE ledger.account ADD CONSTRAINT account_floor {floor[0]}")
        owner.execute("ALTER TABLE ledger.entry ENABLE TRIGGER balanced")
        owner.commit()
