"""Each invariant sees the violation it is for, planted past every guard, and nothing else does."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from marketplace import clock, verify
from marketplace.campaigns import ending
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.config import REPOSITORY
from marketplace.database.check import SAMPLE_ROWS
from marketplace.database.identifier import new_id
from marketplace.earnings import hold as holds
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.funding import debt, moving
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import Deposit
from marketplace.funding.refund import Refund
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import closing, creator_hold, leaving, shortfall
from marketplace.payouts import payout as payouts
from marketplace.payouts.creator_hold import CreatorHold
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.processors.base import Snapshot
from marketplace.processors.listing import Moved
from marketplace.webhooks import converge
from tests.agreeing import make_agreement
from tests.make import (
    BrandTeam,
    earn,
    fill_pool,
    make_brand,
    make_campaign,
    make_clawback,
    make_creator,
    make_deposit,
    make_payout,
    make_returned,
    pay,
    transfer_of,
)
from tests.within import locked, within

__all__ = ["within"]

Owner = psycopg.Connection[Any]

# Checks whose violations are planted beside the rest of their package's tests.
PLANTED_ELSEWHERE = {
    "tests/challenges/test_invariants.py": {f"K{n}.challenge" for n in range(1, 6)}
    | {f"A{n}.{it}" for n in (1, 2, 3) for it in ("challenge", "challenge_entry")},
    "tests/ledger/test_invariants.py": {f"L{n}" for n in range(1, 11)} | {"S1", "S2"},
    "tests/payouts/test_solvency.py": {"V1", "V2"},
    "tests/payouts/test_closing.py": {"T1", "P13"},
    "tests/processors/test_invariants.py": {f"O{n}" for n in range(1, 7)},
    "tests/webhooks/test_invariants.py": {"W1", "W4.mode"},
    "tests/reconciliation/test_invariants.py": {"W6", "W7"}
    | {f"A{n}.reconciliation_difference" for n in (1, 2, 3)},
    "tests/program/test_invariants.py": {"F1", "F2", "M1", "M2", "M3"}
    | {f"A{n}.program_{it}" for n in (1, 2, 3) for it in ("application", "membership")},
    "tests/payouts/test_bank_invariants.py": {f"BF{n}" for n in range(1, 6)},
    "tests/commissions/test_invariants.py": {f"C{n}.sale" for n in range(1, 6)}
    | {"A1.sale", "A2.sale", "A3.sale"},
}

ONE_MORE = "amount_minor = amount_minor + 1"


def of(table: str, condition: str) -> str:
    """The id of one row."""
    return f"(SELECT id FROM {table} WHERE {condition} LIMIT 1)"


def unposted(kind: str) -> str:
    """A posting of this kind that the books do not know as such."""
    one = of("ledger.transaction", f"kind = '{kind}'")
    return f"UPDATE ledger.transaction SET kind = 'something_else' WHERE id = {one}"


MATURED = of("earning", "status = 'available' AND kind = 'fund'")

CAME_BACK = "status = 'returned' AND transfer_ref IS NOT NULL"
REVERSED = of("earning", "status = 'reversed'")
PARTLY = of("clawback", "earning_id IN (SELECT id FROM earning WHERE status = 'pending')")

RELEASED = of("earning_hold", "earning_id IN (SELECT id FROM earning WHERE status = 'pending')")

# What is planted, and every check that sees it.
PLANTS: dict[str, tuple[str, set[str]]] = {
    "money without a request": (
        "DELETE FROM processor_request WHERE op = 'cs'"
        f" AND subject_id = {of('deposit', 'campaign_id IS NOT NULL')}",
        {"W3"},
    ),
    "money moved between processors that the books do not know": (
        unposted("processor_funded"),
        {"W5"},
    ),
    "more moved between processors than the books say": (
        f"UPDATE processor_funding SET {ONE_MORE}",
        {"W5"},
    ),
    "money moved to another processor than the books say": (
        "UPDATE processor_funding SET to_processor = 'elsewhere'",
        {"W5"},
    ),
    "money moved between processors that nobody wrote down": (
        "DELETE FROM processor_funding",
        {"W5"},
    ),
    "a payout that nobody claimed, as if it had been paid": (
        "UPDATE payout SET transfer_ref = 'B1' WHERE status = 'returned' AND transfer_ref IS NULL",
        {"P3"},
    ),
    "a deposit of another amount than its money": (
        f"UPDATE deposit SET {ONE_MORE} WHERE id = {of('deposit', 'brand_id IS NULL')}",
        {"W4"},
    ),
    "a deposit that succeeded without money": (unposted("pool_filled"), {"W4"}),
    "money of a deposit that did not succeed": (
        f"UPDATE deposit SET status = 'expired' WHERE id = {of('deposit', 'brand_id IS NULL')}",
        {"W4", "A2.deposit"},
    ),
    "more back than came": (
        "UPDATE refund SET amount_minor = 30001 WHERE status = 'succeeded'",
        {"R1"},
    ),
    "more back than came, by a refund and a dispute": (
        "UPDATE refund SET amount_minor = 21001, deposit_id ="
        " (SELECT deposit_id FROM dispute WHERE status = 'needs_response')"
        " WHERE status = 'succeeded'",
        {"R1"},
    ),
    "a dispute that took more than the books say": (
        "UPDATE dispute SET withdrawn_minor = withdrawn_minor + 1 WHERE status = 'won'",
        {"R3"},
    ),
    "a dispute that gave back more than the books say": (
        "UPDATE dispute SET reinstated_minor = reinstated_minor - 1 WHERE status = 'won'",
        {"R3"},
    ),
    "a dispute of a pool that took less than the books say": (
        "UPDATE dispute SET withdrawn_minor = withdrawn_minor - 1 WHERE brand_id IS NULL",
        {"R3"},
    ),
    "money that a dispute took which nobody knows": (
        "DELETE FROM dispute WHERE status = 'won'",
        {"R3"},
    ),
    "a debt that no dispute explains": (
        "UPDATE dispute SET debt_minor = debt_minor - 1 WHERE debt_minor > 0",
        {"R3", "R4"},
    ),
    "a repayment of another amount than the books say": (
        f"UPDATE brand_repayment SET {ONE_MORE}",
        {"R4", "R5"},
    ),
    "a repayment that the books do not know": (unposted("brand_debt_repaid"), {"R5"}),
    "a late arrival that left another debt than its row says": (
        "UPDATE payout SET late_debt_minor = late_debt_minor - 1 WHERE late_debt_minor > 0",
        {"P12", "B1", "B2"},
    ),
    "a late arrival that was no such": (
        "UPDATE payout SET late_debt_minor = NULL WHERE late_debt_minor > 0",
        {"P3", "P12", "B1", "B2"},
    ),
    "a late arrival that nobody posted": (unposted("payout_arrived_late"), {"P12"}),
    "a refund that is not set aside": (
        f"UPDATE refund SET {ONE_MORE} WHERE status = 'requested'",
        {"R2"},
    ),
    "money set aside for no refund": (
        "UPDATE refund SET status = 'failed' WHERE status = 'requested'",
        {"R2", "A2.refund"},
    ),
    "a pending earning that is not pending in the books": (
        "UPDATE earning SET status = 'available' WHERE status = 'pending'",
        {"G1", "B1", "A2.earning"},
    ),
    "an earning that nobody posted": (unposted("earning_accrued"), {"G2"}),
    "an earning of somebody else": (
        f"UPDATE earning SET creator_id = gen_random_uuid() WHERE id = {MATURED}",
        {"G2", "C1", "B1"},
    ),
    "an earning of another amount than its row": (
        "UPDATE income_row SET amount_minor = amount_minor + 1",
        {"C1"},
    ),
    "a contested earning that is available": (
        "UPDATE earning SET status = 'available' WHERE status = 'contested'",
        {"G3", "G4", "B1", "A2.earning"},
    ),
    "a hold of another amount than was set aside": (
        f"UPDATE earning_hold SET {ONE_MORE} WHERE id = {RELEASED}",
        {"G4"},
    ),
    "a contested earning that nobody holds": (
        "DELETE FROM earning_hold WHERE earning_id IN"
        " (SELECT id FROM earning WHERE status = 'contested')",
        {"G4"},
    ),
    "a hold that is over while its earning is contested": (
        "UPDATE ledger.transaction SET cause_id = (SELECT h.id FROM earning_hold h"
        "  JOIN earning g ON g.id = h.earning_id WHERE g.status = 'contested'),"
        " cause_type = 'earning_hold' WHERE kind = 'earning_released'",
        {"G4"},
    ),
    "more clawed back than was earned": (
        f"UPDATE clawback SET net_minor = 1001 WHERE id = {PARTLY}",
        {"C3", "C4", "G1"},
    ),
    "a platform fee given back that nobody charged": (
        f"UPDATE clawback SET platform_fee_minor = 1 WHERE id = {PARTLY}",
        {"C3", "C4"},
    ),
    "a reversed earning of which something is kept": (
        f"UPDATE clawback SET net_minor = net_minor - 1 WHERE earning_id = {REVERSED}",
        {"C3", "C4"},
    ),
    "a reversed earning that nobody clawed back": (
        f"DELETE FROM clawback WHERE earning_id = {REVERSED}",
        {"C3"},
    ),
    "a clawback that nobody posted": (unposted("earning_clawed_back"), {"C4"}),
    "available money that nothing explains": (
        f"UPDATE earning SET net_minor = net_minor + 1, gross_minor = gross_minor + 1"
        f" WHERE id = {MATURED}",
        {"B1", "G2", "C1"},
    ),
    "a debt that no clawback left": (
        "UPDATE clawback SET debt_minor = debt_minor - 1 WHERE debt_minor > 0",
        {"B1", "B2", "C4"},
    ),
    "a payout that recovered more than a quarter": (
        "UPDATE payout SET recovered_minor = recovered_minor + 1 WHERE recovered_minor > 0",
        {"P1", "P5", "Q2", "X2"},
    ),
    "a payout that recovered what was no debt": (
        "UPDATE payout SET recovered_minor = 1 WHERE transfer_ref = 'tr_paid'",
        {"P1", "B1", "B2", "X2"},
    ),
    "a payout without its lines": ("DELETE FROM payout_line WHERE number = 1", {"X1", "X2"}),
    "a line of a payout that nothing earned": (
        "UPDATE payout_line SET cause_id = gen_random_uuid() WHERE kind = 'earning_matured'",
        {"X2"},
    ),
    "a payout that was never reserved": (unposted("payout_reserved"), {"P1", "X2"}),
    "an open payout of another amount": (
        f"UPDATE payout SET {ONE_MORE} WHERE status = 'reserved'",
        {"P1", "P2", "B1", "X1"},
    ),
    "money reserved for no payout": (
        "UPDATE payout SET status = 'failed' WHERE status = 'reserved'",
        {"P2", "P3", "A2.payout", "B1"},
    ),
    "a paid payout that the books did not pay": (unposted("payout_paid"), {"P3"}),
    "a returned payout that gave nothing back": (unposted("payout_returned"), {"P3"}),
    "a payout that came back and is still called paid": (
        "UPDATE payout SET status = 'paid' WHERE status = 'returned'",
        {"P3", "A2.payout", "B1"},
    ),
    "a returned payout of another amount": (
        f"UPDATE payout SET {ONE_MORE} WHERE {CAME_BACK}",
        {"P1", "P4", "P6", "X1"},
    ),
    "a payout that came back without a request": (
        "DELETE FROM processor_request WHERE op = 'trf'"
        f" AND subject_id = {of('payout', CAME_BACK)}",
        {"W3"},
    ),
    "a canceled payout that gave nothing back": (unposted("payout_released"), {"P3"}),
    "a paid payout of another amount": (
        f"UPDATE payout SET {ONE_MORE} WHERE status = 'paid' AND late_debt_minor IS NULL",
        {"P1", "P4", "B1", "X1"},
    ),
    "a canceled payout of another amount": (
        f"UPDATE payout SET {ONE_MORE} WHERE status = 'canceled'",
        {"P1", "P5", "X1"},
    ),
    "one transfer for two payouts": (
        "UPDATE payout SET transfer_ref = 'tr_1' WHERE transfer_ref IS NOT NULL",
        {"P7"},
    ),
    "a fact that is posted twice": (
        "INSERT INTO ledger.transaction (id, kind, cause_type, cause_id, idempotency_key,"
        " fingerprint, effective_at, entry_count) SELECT gen_random_uuid(), kind, cause_type,"
        " cause_id, 'again ' || id, fingerprint, effective_at, entry_count FROM ledger.transaction"
        " WHERE kind = 'payout_paid'",
        {"P8", "L2"},
    ),
    "a payout to somebody else's destination": (
        "UPDATE destination SET creator_id = gen_random_uuid()"
        " WHERE id = (SELECT destination_id FROM payout WHERE transfer_ref = 'tr_paid')",
        {"P10"},
    ),
    "a payout that moved to where it was": (
        "UPDATE status_change SET from_status = 'reserved', to_status = 'reserved'"
        " WHERE thing = 'payout' AND event = 'send'",
        {"P10", "A1.payout", "A3.payout"},
    ),
    "a payout that the processor cannot pay": (
        "UPDATE payout SET currency = 'HUF', amount_minor = 15050 WHERE transfer_ref = 'tr_paid'",
        {"Q1", "P1", "P3", "B1", "U2", "X1"},
    ),
    "a closed campaign that keeps money": (
        "UPDATE campaign SET status = 'closed' WHERE status = 'open'",
        {"E1", "A2.campaign"},
    ),
    "a rejected campaign that keeps money": (
        "UPDATE campaign SET status = 'rejected' WHERE status = 'open'",
        {"E1", "A2.campaign"},
    ),
    "a campaign in review that holds money": (
        "UPDATE campaign SET status = 'in_review' WHERE status = 'open'",
        {"E1", "A2.campaign"},
    ),
    "an open campaign that is not funded": (
        "UPDATE campaign SET budget_minor = budget_minor + 1 WHERE status = 'open'",
        {"E2"},
    ),
    "an agreement that nothing covers": (
        "UPDATE agreement SET gross_minor = 1000000 WHERE status = 'active'"
        " AND campaign_id IN (SELECT id FROM campaign WHERE status = 'open')",
        {"K1"},
    ),
    "a payout that left before its run was approved": (
        "UPDATE status_change SET event = 'nonsense' WHERE thing = 'payout_run'"
        " AND event = 'approve' AND thing_id = "
        "(SELECT run_id FROM payout WHERE status = 'paid' LIMIT 1)",
        {"U1", "A3.payout_run"},
    ),
    "a payout that was asked for while its run is locked": (
        "UPDATE payout_run SET status = 'locked' WHERE id ="
        " (SELECT run_id FROM payout WHERE status = 'reserved' LIMIT 1)",
        {"U1", "A2.payout_run"},
    ),
    "a line that includes another payout": (
        "UPDATE payout_run_line SET payout_id = gen_random_uuid() WHERE payout_id IS NOT NULL",
        {"U2"},
    ),
    "a payout to a destination that still cooled": (
        "UPDATE destination SET usable_at = usable_at + interval '60 days'",
        {"U3"},
    ),
    "a payout to a destination that was replaced before": (
        "UPDATE status_change SET event = 'replace' WHERE thing = 'destination'"
        " AND event = 'activate'",
        {"U4", "A3.destination"},
    ),
    "a payout that something else than its request paid": (
        "UPDATE processor_request SET state = 'done', remote_id = 'tr_other', first_sent_at ="
        " created_at WHERE subject_id = (SELECT id FROM payout WHERE transfer_ref = 'tr_paid')",
        {"U6", "O6"},
    ),
    "a payout that was called off while it was sent": (
        "UPDATE processor_request SET state = 'sent', first_sent_at = created_at"
        " WHERE subject_id = (SELECT id FROM payout WHERE status = 'canceled' LIMIT 1)",
        {"U7"},
    ),
    "an earning that matured too soon": (
        "UPDATE earning SET matures_at = matures_at + interval '90 days'"
        " WHERE status = 'available'",
        {"G5"},
    ),
    "a payout that left while its creator was held": (
        "UPDATE creator_hold SET creator_id ="
        " (SELECT creator_id FROM payout WHERE transfer_ref = 'tr_paid')",
        {"U5"},
    ),
    "a run that its own payee approved": (
        "UPDATE status_change s SET actor = 'user:' || replace(c.user_id::text, '-', '')"
        " FROM payout p JOIN creator c ON c.id = p.creator_id WHERE p.run_id = s.thing_id"
        " AND s.thing = 'payout_run' AND s.event = 'approve'",
        {"P11"},
    ),
    "a run that its maker approved": (
        "UPDATE status_change SET actor = 'user:1' WHERE thing = 'payout_run'",
        {"P11"},
    ),
    "a run approved by who touched a destination last": (
        "WITH d AS (UPDATE status_change SET actor = 'user:1' WHERE thing = 'destination')"
        " UPDATE status_change SET actor = 'user:1' WHERE thing = 'payout_run'"
        " AND event = 'approve'",
        {"P11"},
    ),
    "a canceled campaign that keeps what nobody needs": (
        "UPDATE agreement SET gross_minor = gross_minor - 1 WHERE status = 'active'"
        " AND campaign_id IN (SELECT id FROM campaign WHERE status = 'canceled')",
        {"E1"},
    ),
    "more agreements than places": ("UPDATE campaign SET places = 1 WHERE places = 4", {"K2"}),
    "an agreement that nobody accepted": (
        "UPDATE application SET status = 'declined' WHERE status = 'accepted'",
        {"K3", "A2.application"},
    ),
    "an agreement of somebody who did not apply": (
        "UPDATE application SET creator_id = gen_random_uuid() WHERE status = 'accepted'",
        {"K3"},
    ),
    "an agreement that outlives its work": (
        "UPDATE agreement SET status = 'active' WHERE status = 'canceled'",
        {"K4", "K1", "E1", "A2.agreement"},
    ),
    "work of no agreement": ("DELETE FROM deliverable WHERE status = 'due'", {"K4"}),
    "approved work that nobody is owed for": (
        "UPDATE earning SET kind = 'prize' WHERE kind = 'flat_fee'",
        {"K5"},
    ),
    "approved work that is owed at another price": (
        "UPDATE agreement SET gross_minor = gross_minor + 1 WHERE status = 'fulfilled'",
        {"K5"},
    ),
    "a round without its link": (
        "DELETE FROM submission WHERE deliverable_id ="
        " (SELECT id FROM deliverable WHERE status = 'submitted' LIMIT 1)",
        {"K6"},
    ),
    "a revision too many": (
        "UPDATE agreement SET revisions_included = 0",
        {"K6"},
    ),
    "a funded campaign that is not open": (
        "UPDATE campaign SET status = 'awaiting_funds' WHERE status = 'open'",
        {"E2", "A2.campaign"},
    ),
}

# The trace of every table with a lifecycle.
for thing in (
    *("deposit", "refund", "dispute", "earning", "destination", "creator_hold"),
    *("payout_run", "payout", "shortfall", "account_closing"),
    *("campaign", "application", "agreement", "deliverable"),
):
    moved = of("status_change", f"thing = '{thing}' AND from_status IS NOT NULL")
    last = f"(SELECT max(id) FROM status_change WHERE thing = '{thing}')"
    illegal = {f"A3.{thing}"} | ({"P10"} if thing == "payout" else set())
    PLANTS |= {
        f"a {thing} whose beginning is missing": (
            f"DELETE FROM status_change WHERE thing = '{thing}' AND event = 'create'"
            f" AND thing_id = (SELECT thing_id FROM status_change WHERE id = {moved})",
            {f"A1.{thing}"},
        ),
        f"a {thing} whose last move is missing": (
            f"DELETE FROM status_change WHERE id = {last}",
            {f"A2.{thing}"},
        ),
        f"a {thing} that made an impossible move": (
            f"UPDATE status_change SET event = 'nonsense' WHERE id = {moved}",
            illegal,
        ),
    }


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def lively() -> None:
    """Things of every kind, each in more than one status, as the domain makes them."""
    team = make_brand()
    for status in CampaignStatus:
        make_campaign(team, status=status)
    busy = make_campaign(team, status="open", places=4)
    for work in ("due", "submitted", "revision_due", "approved"):
        make_agreement(busy.id, work=work)
    over = make_campaign(team, status="open")
    for work in ("due", "submitted"):
        make_agreement(over.id, work=work)
    ending.cancel(locked(Campaign, over.id), "user:1", "a change of plans", clock.now())
    db.session.commit()
    deposit = pay(make_deposit(team, make_campaign(team, status="canceled")))
    for minor in (2_000, 5_000):
        asked = refunds.request(
            deposit.id, usd(minor), actor="user:1", form_key=new_id(), at=clock.now()
        )
        db.session.commit()
        if minor == 2_000:
            told = Snapshot("refund", "re_1", asked.id.hex, "succeeded", False, asked.amount)
            refunds.converge(locked(Refund, asked.id), told, clock.now())
            db.session.commit()
    make_payout(make_creator().creator)
    _never_claimed(make_payout(make_creator().creator, "160.00 USD"))
    _arrived_late(make_payout(make_creator().creator, "180.00 USD"))
    moving.move("stripe", "paypal", usd(50_000), "a bank's reference", "user:1", clock.now())
    db.session.commit()
    make_returned(make_creator().creator, "170.00 USD")
    canceled = make_payout(make_creator().creator)
    payouts.cancel(locked(Payout, canceled.id), "user:1", "asked for", clock.now())
    db.session.commit()
    held = creator_hold.place(
        make_creator().creator.id, "a look", clock.now() + timedelta(days=1), "user:1", clock.now()
    )
    db.session.commit()
    _pay_out(make_payout(make_creator().creator))  # to somebody else, meanwhile
    creator_hold.lift(locked(CreatorHold, held.id), "user:1", "in order", clock.now())
    db.session.commit()
    _dispute()
    closing.begin(make_creator().creator.id, "asked for", "user:1", clock.now())
    assert closing.close_due(clock.now())
    for missing in (usd(70), usd(0)):
        shortfall.measured(missing, clock.now())
    db.session.commit()
    _claw_back()
    _contest()
    earn(make_creator().creator, "10.00 USD")


def _claw_back() -> None:
    """After a payout, of which a later one recovers; and from pending money, wholly and in part."""
    indebted = make_creator().creator
    first = make_payout(indebted, "200.00 USD")
    _pay_out(first, "tr_first")
    make_clawback(db.session.query(Earning).filter_by(creator_id=indebted.id).one(), 8_000)
    later = make_payout(indebted, "200.00 USD")
    assert (later.amount, later.recovered) == (usd(15_000), usd(5_000))
    payouts.cancel(locked(Payout, later.id), "user:1", "asked for", clock.now())
    db.session.commit()
    pending = make_creator().creator
    for keep_minor in (0, 400):
        earn(pending, "10.00 USD")
        newest = db.session.query(Earning).order_by(Earning.id.desc()).limit(1).one()
        make_clawback(newest, keep_minor)


def _dispute() -> None:
    """A brand whose payments are disputed: one won, one lost, one open; its debts repaid in part.
    And a payment that filled a pool.

    The first is reserved, so that all of it is debt; what the others bring repays some of it.
    """
    team = make_brand()
    for state in ("lost", "won", "needs_response"):
        deposit = _reserved(team) if state == "lost" else pay(make_deposit(team, _over(team)))
        while debt.repay_next(clock.now()):
            db.session.commit()
        for said in ("needs_response", state):
            converge.apply(_told_of(deposit, said), clock.now())
            db.session.commit()
    converge.apply(_told_of(fill_pool(EarningKind.FUND, usd(9_000)), "lost"), clock.now())
    db.session.commit()


def _reserved(team: BrandTeam) -> Deposit:
    campaign = make_campaign(team, status="open")
    return db.session.query(Deposit).filter_by(campaign_id=campaign.id).one()


def _over(team: BrandTeam) -> Campaign:
    return make_campaign(team, status="canceled")


def _told_of(deposit: Deposit, state: str) -> Snapshot:
    """What the processor says of a dispute over 90.00 of a deposit."""
    ref, half = f"du_{deposit.id.hex}", 9_000
    moved = [Moved(f"{ref}_taken", usd(-half), usd(1_500))]
    moved += [Moved(f"{ref}_back", usd(half), usd(0))] if state == "won" else []
    return Snapshot(
        "dispute",
        ref,
        None,
        state,
        False,
        usd(half),
        charge_ref=deposit.charge_ref,
        moved=moved,
        reason="fraudulent",
    )


def _contest() -> None:
    """Two earnings: one is still held, the other was released."""
    for still in (True, False):
        creator = make_creator().creator
        earn(creator, "45.00 USD", EarningKind.GIFT)
        earning = db.session.query(Earning).filter_by(creator_id=creator.id).one()
        told: dict[str, Any] = {"actor": "user:1", "at": clock.now()}
        holds.contest(earning.id, reason="fraud", evidence="seen", days=14, **told)
        db.session.commit()
        if not still:
            holds.release(earning.id, reason="it is in order", **told)
            db.session.commit()


def _pay_out(payout: Payout, transfer: str = "tr_paid") -> None:
    at = clock.now() + timedelta(days=30)
    assert leaving.may_send(locked(Payout, payout.id), at)
    account = db.session.get_one(Destination, payout.destination_id).remote_account
    told = Snapshot(
        "transfer", transfer, payout.id.hex, "paid", False, payout.amount, account=account
    )
    converge.apply(told, at)
    db.session.commit()


def _never_claimed(payout: Payout) -> None:
    """What lies at the processor until it comes back, never having been paid."""
    assert leaving.may_send(locked(Payout, payout.id), clock.now())
    account = db.session.get_one(Destination, payout.destination_id).remote_account
    for state in ("unclaimed", "returned"):
        told = Snapshot(
            "transfer", "B1", payout.id.hex, state, False, payout.amount, account=account
        )
        converge.apply(told, clock.now())
    db.session.commit()


def _arrived_late(payout: Payout) -> None:
    """What failed, was paid anew by another payout, and arrived after all: all of it is debt."""
    assert leaving.may_send(locked(Payout, payout.id), clock.now())
    converge.apply(transfer_of(payout, "failed"), clock.now())
    db.session.commit()
    make_payout(db.session.get_one(Creator, payout.creator_id), "20.00 USD")
    converge.apply(transfer_of(payout, "paid"), clock.now())
    db.session.commit()


@pytest.fixture
def unguarded(owner: Owner) -> Owner:
    """The owner, in a transaction that is undone, without any guard on our own tables."""
    owner.execute("SET LOCAL session_replication_role = replica")
    constraints = owner.execute(
        "SELECT conrelid::regclass, conname FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'u')"
    ).fetchall()
    for table, name in constraints:
        owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    indexes = owner.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'uq%'"
    ).fetchall()
    for (name,) in indexes:
        owner.execute(f'DROP INDEX "{name}"')
    return owner


def seen(owner: Owner) -> set[str]:
    return {check.id for check in verify.checks() if owner.execute(check.sql).fetchone()}


@pytest.mark.usefixtures("lively")
def test_a_planted_violation_is_seen_by_its_checks_and_by_no_other(
    unguarded: Owner, subtests: pytest.Subtests
) -> None:
    assert seen(unguarded) == set()
    for name, (planting, expected) in PLANTS.items():
        with subtests.test(name):
            unguarded.execute("SAVEPOINT before")
            assert unguarded.execute(planting).rowcount > 0, "nothing was planted"
            assert seen(unguarded) == expected
        unguarded.execute("ROLLBACK TO SAVEPOINT before")


def test_every_check_has_a_planted_violation() -> None:
    planted = set().union(*(expected for _, expected in PLANTS.values()))
    for file, ids in PLANTED_ELSEWHERE.items():
        text = (REPOSITORY / file).read_text()
        assert {id for id in ids if f'"{id}"' not in text} == set(), file
        planted |= ids
    assert planted == {check.id for check in verify.checks()}


def test_every_check_has_an_id_of_its_own_and_a_title() -> None:
    checks = verify.checks()
    assert len({check.id for check in checks}) == len(checks)
    assert all(check.title for check in checks)


def test_a_finding_says_how_many_rows_offend_and_shows_a_few(database_url: str) -> None:
    team = make_brand()
    for _ in range(SAMPLE_ROWS + 2):
        make_campaign(team)
    engine = sa.create_engine(database_url)
    with contextlib.closing(engine.connect()) as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql("DELETE FROM status_change")
        found = verify.findings(connection)
    engine.dispose()
    assert [it.id for it in found] == [check.id for check in verify.checks()]
    (broken,) = (it for it in found if it.rows)
    assert (broken.id, broken.rows, len(broken.sample)) == ("A2.campaign", 7, SAMPLE_ROWS)
    assert set(broken.sample[0]) == {"id", "status"}
