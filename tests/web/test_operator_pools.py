"""Filling a pool: once per form, through the hosted page, and it counts once it is confirmed."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import func, select

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Deposit
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.processors.base import Snapshot
from marketplace.processors.outbox import ProcessorRequest
from tests.make import make_brand, make_campaign, make_deposit, pay
from tests.web.operating import Operating, operating
from tests.within import locked

__all__ = ["operating"]

WISH = {"pool": "gift_pool", "currency": "USD", "amount": "1 234,50"}


def test_a_pool_is_filled_through_the_hosted_page(operating: Operating) -> None:
    key = new_id()
    first = operating.send("/operator/pools/fill", key, **WISH)
    assert first.status_code == 303
    assert operating.send("/operator/pools/fill", key, **WISH).location == first.location
    page = first.location
    assert "Getting your payment page ready" in operating.see(page)

    deposit = operating.within(lambda: db.session.scalars(select(Deposit)).one())
    assert (deposit.purpose, deposit.amount) == ("gift_pool", Money(123_450, "USD"))
    assert deposit.requested_by == operating.person.id
    asked = operating.within(lambda: db.session.scalars(select(ProcessorRequest)).one())
    assert f"/operator/deposits/{deposit.id}?returned=paid" in str(asked.body)

    operating.within(lambda: _open(deposit))
    away = operating.client.get(page)
    assert (away.status_code, away.location) == (303, "https://checkout.example/1")
    by_htmx = operating.client.get(page, headers={"HX-Request": "true"})
    assert by_htmx.headers["HX-Redirect"] == "https://checkout.example/1"

    own = f"/operator/deposits/{deposit.id}"
    assert "nothing was charged" in operating.see(f"{own}?returned=left")
    waiting = operating.see(f"{own}?returned=paid")
    assert "Waiting for the processor" in waiting, "what the way back says is not believed"
    assert operating.within(_gift_pool) == Money(0, "USD")
    assert "$1,234.50" in operating.see("/operator/pools"), "it is under way"

    operating.within(lambda: pay(db.session.get_one(Deposit, deposit.id)))
    assert "Paid. The money is here." in operating.see(page)
    assert operating.within(_gift_pool) == Money(123_450, "USD")
    assert "Pool filled" in operating.see("/operator/pools")


def _open(deposit: Deposit) -> None:
    session = Snapshot(
        kind="checkout",
        remote_id="cs_1",
        our_ref=deposit.id.hex,
        state="open",
        amount=deposit.amount,
        livemode=False,
        url="https://checkout.example/1",
    )
    deposits.opened(locked(Deposit, deposit.id), session, clock.now())
    db.session.commit()


def _gift_pool() -> Money:
    return balances.balance(postings.POOLS["gift"], "USD")


@pytest.mark.parametrize(
    "wrong",
    [
        {"pool": "campaign"},
        {"currency": "XXX"},
        {"currency": "SEK"},
        {"amount": "0"},
        {"amount": "0.50"},
        {"amount": "12.345"},
        {"amount": "9" * 30},
        {"form_key": "no key"},
    ],
    ids=str,
)
def test_a_wish_that_cannot_be_taken_asks_for_no_money(
    operating: Operating, wrong: dict[str, str]
) -> None:
    reply = operating.client.post(
        "/operator/pools/fill",
        data={"csrf_token": operating.token, "form_key": new_id(), **WISH, **wrong},
    )
    assert reply.status_code == 422
    assert "Nothing was saved." in reply.text
    count = select(func.count()).select_from(Deposit)
    assert operating.within(lambda: db.session.scalars(count).one()) == 0


def test_a_brands_deposit_has_no_page_here(operating: Operating) -> None:
    def make() -> UUID:
        team = make_brand()
        return make_deposit(team, make_campaign(team, status="awaiting_funds")).id

    deposit_id = operating.within(make)
    assert operating.client.get(f"/operator/deposits/{deposit_id}").status_code == 404
