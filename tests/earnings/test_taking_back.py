"""An operator takes an earning back, also after it was paid out: what is gone by then is debt."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from marketplace import clock, verify
from marketplace.database.identifier import new_id
from marketplace.earnings import hold, taking_back
from marketplace.earnings.clawback import Clawback, kept
from marketplace.earnings.earning import Earning
from marketplace.errors import BadInput, NotFound
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.payouts import leaving
from marketplace.payouts.payout import Payout
from marketplace.webhooks import converge
from tests.commissions.making import make_shop, order, tell
from tests.make import earn, earn_matured, make_creator, make_payout, transfer_of
from tests.within import at_once, locked, refused, within

__all__ = ["within"]

POOL = postings.POOLS["fund"]
EVIDENCE = "The bank decided the dispute about it against us"


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


def take(earning_id: UUID, minor: int, form_key: UUID | None = None, **told: Any) -> Clawback:
    fields: dict[str, Any] = {
        "reason": "chargeback",
        "evidence": EVIDENCE,
        "back_to": POOL,
        "actor": "user:1",
    }
    made = taking_back.take_back(
        earning_id,
        usd(minor),
        form_key=form_key or new_id(),
        at=clock.now(),
        **(fields | told),
    )
    db.session.commit()
    return made


def paid_out(creator: Creator, amount: str) -> Payout:
    payout = locked(Payout, make_payout(creator, amount).id)
    assert leaving.may_send(payout, clock.now())
    converge.apply(transfer_of(payout), clock.now())
    db.session.commit()
    return payout


def only_earning() -> Earning:
    return db.session.query(Earning).one()


def books(creator: Creator) -> tuple[Money, Money]:
    """What is available, and owed by the creator."""
    owner = creator.ledger_owner
    return (
        balance(postings.creator_available(owner), "USD"),
        balance(postings.creator_debt(owner), "USD"),
    )


def told() -> list[str]:
    return [it.body for it in db.session.query(Mail).filter(Mail.subject.like("%taken back%"))]


def broken() -> set[str]:
    db.session.rollback()
    with db.engine.connect() as connection:
        return {it.id for it in verify.findings(connection) if it.rows}


def test_a_lost_dispute_after_the_payout_is_debt_that_payouts_repay_by_a_quarter(
    creator: Creator,
) -> None:
    """150.00 paid out, 120.00 of it taken back: 200.00 earned later pay 150.00 and repay 50.00."""
    paid_out(creator, "150.00 USD")
    before = balance(POOL, "USD")
    made = take(only_earning().id, 12_000)
    assert (made.net, made.debt, made.evidence) == (usd(12_000), usd(12_000), EVIDENCE)
    assert books(creator) == (usd(0), usd(12_000))
    assert balance(POOL, "USD") == before + made.gross
    assert kept(only_earning()) == usd(3_000)
    (mail,) = told()
    assert f"{EVIDENCE}. $120.00 of it was not there any more" in mail
    later = paid_out(creator, "200.00 USD")
    assert (later.amount, later.recovered) == (usd(15_000), usd(5_000))
    assert books(creator) == (usd(0), usd(7_000))
    assert broken() == set()


def test_what_is_there_is_taken_first_and_only_the_rest_is_debt(creator: Creator) -> None:
    paid_out(creator, "150.00 USD")
    first = only_earning().id
    earn_matured(creator, "40.00 USD")
    assert take(first, 10_001).debt == usd(6_001)
    assert books(creator) == (usd(0), usd(6_001))


def test_what_is_pending_is_taken_from_there_and_all_of_it_reverses_the_earning(
    creator: Creator,
) -> None:
    earn(creator, "45.00 USD")
    assert take(only_earning().id, 1_500).debt == usd(0)
    assert only_earning().status == "pending"
    take(only_earning().id, 3_000)
    assert only_earning().status == "reversed"
    assert "you owe" not in " ".join(told())
    assert broken() == set()


def test_no_more_is_taken_than_is_kept_and_nothing_of_another_currency_or_a_contest(
    creator: Creator,
) -> None:
    earn_matured(creator, "45.00 USD")
    id = only_earning().id
    with refused(BadInput) as refusal:
        take(id, 4_501)
    assert "45.00 USD" in refusal.value.fields["amount"]
    with refused(BadInput):
        taking_back.take_back(
            id,
            Money(100, "EUR"),
            reason="fraud",
            evidence=EVIDENCE,
            form_key=new_id(),
            back_to=POOL,
            actor="user:1",
            at=clock.now(),
        )
    with refused(NotFound):
        take(new_id(), 1)
    hold.contest(id, reason="fraud", evidence="seen", days=3, actor="user:1", at=clock.now())
    db.session.commit()
    with refused(BadInput) as refusal:
        take(id, 1)
    assert "contested" in refusal.value.fields["amount"]
    assert db.session.query(Clawback).count() == 0


def test_one_form_takes_back_once_however_often_it_is_sent_at_once(
    app: Flask, creator: Creator
) -> None:
    earn_matured(creator, "45.00 USD")
    id, key = only_earning().id, new_id()
    at_once(app, *[lambda: take(id, 1_000, key)] * 4)
    assert db.session.query(Clawback).one().net == usd(1_000)
    assert len(told()) == 1


def test_a_commission_taken_back_is_no_violation_but_too_little_kept_for_another_reason_is(
    owner: Any, broken_on_purpose: None
) -> None:
    shop = make_shop()
    tell(shop, order(codes=(shop.code.code,)))
    earning = only_earning()
    take(earning.id, 100, back_to=postings.brand_available(f"brand:{shop.code.brand_id.hex}"))
    assert broken() == set()
    owner.execute("UPDATE clawback SET source_ref = 'refund:R-0'")
    owner.commit()
    assert "C4.sale" in broken()
