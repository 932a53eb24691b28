"""What people see: balances without signs, statements newest first, and the way back to a cause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import column, select, values
from sqlalchemy.types import Uuid

from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.ledger import balances, journal, postings
from marketplace.ledger.draft import AccountRef, Cause
from marketplace.money import Money
from tests.ledger.make import NOON, cause, commit, deposit, reservation, usd

BRAND, CAMPAIGN, CREATOR = "brand:b", "campaign:k", "creator:c"
AVAILABLE = postings.brand_available(BRAND)
CLEARING = postings.processor_clearing("stripe")

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def earned(books: Flask) -> Cause:
    """1,000 in, 300 reserved, 90 earned and 10 our fee; the cause of the earning."""
    why = cause("earning")
    source = postings.reserved(CAMPAIGN)
    journal.post_many(
        [
            deposit(BRAND, usd(1000)),
            reservation(BRAND, CAMPAIGN, usd(300), "k"),
            postings.earning_accrued(source, CREATOR, usd(90), usd(10), why, NOON),
        ]
    )
    db.session.commit()
    return why


@pytest.mark.usefixtures("earned")
@pytest.mark.parametrize(
    ("account", "minor"),
    [
        (AVAILABLE, 700),
        (postings.reserved(CAMPAIGN), 200),
        (postings.creator_pending(CREATOR), 90),
        (postings.creator_available(CREATOR), 0),
        (postings.PLATFORM_FEES, 10),
        (CLEARING, 1000),
    ],
)
def test_a_balance_has_no_sign_whatever_its_side(account: AccountRef, minor: int) -> None:
    assert balances.balance(account, "USD") == usd(minor)


@pytest.mark.usefixtures("earned")
def test_an_owners_balances_go_by_kind_and_currency() -> None:
    commit(deposit(BRAND, Money(5, "EUR")))
    commit(postings.refund_reserved(BRAND, usd(1), cause("refund"), NOON))
    seen = [(held.account.kind, held.balance) for held in balances.balances_of(BRAND)]
    assert seen == [
        ("brand_available", Money(5, "EUR")),
        ("brand_available", usd(699)),
        ("refund_reserved", usd(1)),
    ]
    assert balances.currencies_of(BRAND) == ["EUR", "USD"]
    assert balances.currencies_of("brand:nobody") == []


def test_stored_balances_join_with_rows_of_others() -> None:
    ids = [new_id() for _ in range(3)]
    journal.post_many([deposit(f"brand:{id.hex}", usd(n)) for n, id in enumerate(ids, 1)])
    held = balances.stored("brand_available")
    brand = values(column("id", Uuid), name="brand").data([(id,) for id in ids])
    rows = db.session.execute(
        select(brand.c.id, held.c.currency, held.c.balance_minor)
        .join(held, held.c.owner == balances.owner_of("brand", brand.c.id))
        .where(held.c.balance_minor > 1)
        .order_by(held.c.balance_minor)
    )
    assert [tuple(row) for row in rows] == [(ids[1], "USD", 2), (ids[2], "USD", 3)]


def test_summed_kinds_have_nothing_to_join() -> None:
    with pytest.raises(ValueError, match="platform_fees is summed when read"):
        balances.stored("platform_fees")


# ---- statements


@pytest.mark.parametrize("account", [AVAILABLE, CLEARING], ids=["stored", "summed"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_the_pages_of_a_statement_join_into_the_whole_history(
    account: AccountRef, limit: int
) -> None:
    for minor in (100, 200, 300, 400):
        commit(deposit(BRAND, usd(minor)))
    commit(postings.refund_reserved(BRAND, usd(50), why := cause("refund"), NOON))
    commit(postings.refund_paid("stripe", BRAND, usd(50), why, NOON))
    commit(deposit("brand:other", Money(9, "EUR")))  # another account, another currency

    seen: list[balances.Entry] = []
    while page := balances.entries(
        account, "USD", before=seen[-1].transaction_id if seen else None, limit=limit
    ):
        assert len(page) <= limit
        seen += page
    assert [it.change.minor for it in seen] == [-50, 400, 300, 200, 100]
    assert [it.balance.minor for it in seen] == [950, 1000, 600, 300, 100]


def test_a_statement_names_kind_cause_and_time() -> None:
    why = cause("refund")
    commit(deposit(BRAND, usd(100)))
    posted = commit(postings.refund_reserved(BRAND, usd(40), why, NOON + timedelta(days=1)))
    assert balances.entries(AVAILABLE, "USD")[0] == balances.Entry(
        transaction_id=posted.id,
        kind="refund_reserved",
        cause=why,
        effective_at=NOON + timedelta(days=1),
        change=usd(-40),
        balance=usd(60),
    )


def test_an_account_without_entries_has_an_empty_statement() -> None:
    assert balances.entries(AVAILABLE, "USD") == []


# ---- transactions


def test_from_a_statement_to_the_cause_and_back(earned: Cause) -> None:
    entry = balances.entries(postings.creator_pending(CREATOR), "USD")[0]
    found = balances.trace(entry.transaction_id)
    assert found is not None
    assert (found.kind, found.cause, found.key) == (
        "earning_accrued",
        earned,
        f"earning_accrued:{earned.id.hex}",
    )
    assert [(line.account.kind, line.amount.minor) for line in found.lines] == [
        ("reserved", 100),
        ("creator_pending", -90),
        ("platform_fees", -10),
    ]
    assert balances.transactions_of(earned) == [found]


def test_everything_that_one_cause_posted_is_oldest_first() -> None:
    commit(deposit(BRAND, usd(100)))
    why = cause("refund")
    commit(postings.refund_reserved(BRAND, usd(40), why, NOON))
    commit(postings.refund_released(BRAND, usd(40), why, NOON))
    kinds = [it.kind for it in balances.transactions_of(why)]
    assert kinds == ["refund_reserved", "refund_released"]


def test_a_transaction_that_is_not_there_has_no_trace() -> None:
    assert balances.trace(new_id()) is None
