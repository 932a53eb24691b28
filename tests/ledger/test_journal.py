"""post() and post_many(): once per key, all or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from marketplace.errors import InsufficientFunds, KeyConflict
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.balances import balance, balances_of
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import AccountRef, Draft, credit, debit
from marketplace.money import Money
from tests.ledger.make import NOON, cause, commit, deposit, reservation, usd

BRAND, CAMPAIGN = "brand:b", "campaign:k"

pytestmark = pytest.mark.usefixtures("books")


def available() -> int:
    return balance(postings.brand_available(BRAND), "USD").minor


def reserved() -> int:
    return balance(postings.reserved(CAMPAIGN), "USD").minor


def test_a_deposit_is_the_brands_and_lies_at_the_processor() -> None:
    posted = commit(deposit(BRAND, usd(1000)))
    assert posted.fresh
    assert available() == 1000
    assert balance(postings.processor_clearing("stripe"), "USD") == usd(1000)


def test_the_same_draft_twice_posts_once() -> None:
    commit(deposit(BRAND, usd(1000)))
    draft = reservation(BRAND, CAMPAIGN, usd(300), "k")
    first = commit(draft)
    again = commit(replace(draft, effective_at=NOON + timedelta(days=1)))
    assert (first.fresh, again.fresh, again.id) == (True, False, first.id)
    assert reserved() == 300


def test_the_same_draft_twice_in_one_database_transaction_posts_once() -> None:
    draft = deposit(BRAND, usd(1000))
    first, again = journal.post(draft), journal.post(draft)
    db.session.commit()
    assert (first.fresh, again.fresh, again.id) == (True, False, first.id)
    assert available() == 1000


def test_a_key_with_other_content_is_refused_and_nothing_changes() -> None:
    commit(deposit(BRAND, usd(1000)))
    commit(reservation(BRAND, CAMPAIGN, usd(300), "k"))
    with pytest.raises(KeyConflict, match="idempotency key k was used with other content"):
        commit(reservation(BRAND, CAMPAIGN, usd(301), "k"))
    assert (available(), reserved()) == (700, 300)


def test_a_balance_never_falls_below_its_floor() -> None:
    commit(deposit(BRAND, usd(1000)))
    with pytest.raises(InsufficientFunds, match="insufficient funds in brand_available of brand:b"):
        commit(reservation(BRAND, CAMPAIGN, usd(1001), "k"))
    commit(reservation(BRAND, CAMPAIGN, usd(1000), "k"))
    assert (available(), reserved()) == (0, 1000)


def test_a_refused_key_may_be_used_once_the_money_is_there() -> None:
    with pytest.raises(InsufficientFunds):
        commit(reservation(BRAND, CAMPAIGN, usd(5), "k"))
    commit(deposit(BRAND, usd(5)))
    assert commit(reservation(BRAND, CAMPAIGN, usd(5), "k")).fresh


def test_currencies_do_not_mix() -> None:
    commit(deposit(BRAND, Money(1000, "EUR")))
    with pytest.raises(InsufficientFunds):
        commit(reservation(BRAND, CAMPAIGN, usd(1), "k"))
    assert [held.balance for held in balances_of(BRAND)] == [Money(1000, "EUR")]


def test_an_amount_beyond_64_bits_is_refused() -> None:
    commit(deposit(BRAND, usd(2**63 - 1)))
    with pytest.raises(psycopg.Error, match="out of range"):
        commit(deposit(BRAND, usd(1)))


# ---- batches


def test_a_batch_answers_in_its_own_order_and_posts_a_repeated_key_once() -> None:
    commit(deposit(BRAND, usd(1000)))
    old = commit(reservation(BRAND, CAMPAIGN, usd(1), "m"))
    batch = [reservation(BRAND, CAMPAIGN, usd(1), key) for key in ("z", "m", "a", "z")]
    z, m, a, z_again = journal.post_many(batch)
    db.session.commit()
    assert [it.fresh for it in (z, m, a, z_again)] == [True, False, True, False]
    assert m.id == old.id
    assert z_again.id == z.id
    assert reserved() == 3


def test_a_batch_may_spend_what_it_brings() -> None:
    brought = deposit(BRAND, usd(1000))
    journal.post_many([brought, reservation(BRAND, CAMPAIGN, usd(1000), "k")])
    db.session.commit()
    assert (available(), reserved()) == (0, 1000)


def test_a_batch_of_many_lines_on_one_account_keeps_its_versions_and_running_balances() -> None:
    journal.post_many([deposit(BRAND, usd(n)) for n in range(1, 101)])
    db.session.commit()
    rows = db.session.execute(
        text(
            "SELECT account_version, balance_after FROM ledger.entry"
            " WHERE account_version IS NOT NULL ORDER BY 1"
        )
    ).all()
    assert [tuple(row) for row in rows] == [(n, -n * (n + 1) // 2) for n in range(1, 101)]


def test_a_batch_may_not_spend_before_it_brings() -> None:
    """Though it would end above the floor: no balance is ever below, not even between two lines."""
    brought = deposit(BRAND, usd(1000))
    with pytest.raises(InsufficientFunds, match="on the way"):
        journal.post_many([reservation(BRAND, CAMPAIGN, usd(1000), "k"), brought])


def test_one_refusal_undoes_the_whole_batch() -> None:
    commit(deposit(BRAND, usd(1000)))
    batch = [reservation(BRAND, CAMPAIGN, usd(600), key) for key in ("first", "second")]
    with pytest.raises(InsufficientFunds):
        journal.post_many([deposit("brand:other", usd(5)), *batch])
    db.session.rollback()
    assert (available(), reserved()) == (1000, 0)
    assert balances_of("brand:other") == []


def test_a_key_with_two_contents_in_one_batch_is_refused() -> None:
    commit(deposit(BRAND, usd(1000)))
    batch = [reservation(BRAND, CAMPAIGN, usd(minor), "k") for minor in (1, 2)]
    with pytest.raises(KeyConflict):
        journal.post_many(batch)
    db.session.rollback()
    assert reserved() == 0


def test_an_empty_batch_is_nothing() -> None:
    assert journal.post_many([]) == []


# ---- the caller's transaction


def test_what_the_caller_rolls_back_was_never_posted() -> None:
    draft = deposit(BRAND, usd(1000))
    journal.post(draft)
    db.session.rollback()
    assert balances_of(BRAND) == []
    assert commit(draft).fresh


def test_a_refusal_inside_a_savepoint_leaves_the_rest() -> None:
    journal.post(deposit(BRAND, usd(1000)))
    with pytest.raises(InsufficientFunds), db.session.begin_nested():
        journal.post(reservation(BRAND, CAMPAIGN, usd(1001), "k"))
    db.session.commit()
    assert (available(), reserved()) == (1000, 0)


def test_without_a_savepoint_a_refusal_aborts_the_callers_transaction() -> None:
    with pytest.raises(InsufficientFunds):
        journal.post(reservation(BRAND, CAMPAIGN, usd(1), "k"))
    with pytest.raises(DBAPIError, match="current transaction is aborted"):
        db.session.execute(text("SELECT 1"))


def test_a_connection_lost_in_between_is_replaced_after_a_rollback(
    owner: psycopg.Connection[tuple[object, ...]],
) -> None:
    journal.post(deposit(BRAND, usd(1000)))
    ours = db.session.scalar(text("SELECT pg_backend_pid()"))
    owner.execute("SELECT pg_terminate_backend(%s, 5000)", [ours])
    with pytest.raises(psycopg.OperationalError):
        journal.post(deposit(BRAND, usd(1)))
    db.session.rollback()
    commit(deposit(BRAND, usd(7)))
    assert available() == 7


# ---- what is sent

# PostgreSQL takes neither NUL nor half a surrogate pair in a text.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.none() | TEXTS | st.sampled_from(["NULL", "null", "", '"', "\\", "{,}"])))
def test_an_array_arrives_as_it_was_sent(
    app_role: psycopg.Connection[tuple[object, ...]], texts: list[str | None]
) -> None:
    row = app_role.execute("SELECT %s::text[]", [journal.array(texts)]).fetchone()
    assert row == (texts,)


# ---- reversals


def mirrored(draft: Draft, key: str) -> Draft:
    """A draft that could undo another."""
    turned = tuple(replace(line, amount=-line.amount) for line in draft.lines)
    return replace(draft, kind="reversal", key=key, lines=turned)


def test_a_transaction_is_reversed_at_most_once() -> None:
    draft = deposit(BRAND, usd(1000))
    first = commit(draft)
    commit(deposit(BRAND, usd(1000)))
    commit(replace(mirrored(draft, "r1"), reverses=first.id))
    with pytest.raises(psycopg.Error, match="transaction_reversed_once"):
        commit(replace(mirrored(draft, "r2"), reverses=first.id))
    assert available() == 1000


def test_many_currencies_fit_one_draft() -> None:
    lines = []
    for currency in ("USD", "JPY", "KWD"):
        amount = Money(100, currency)
        lines += [debit(postings.processor_clearing("stripe"), amount)]
        lines += [credit(AccountRef(BRAND, AccountKind.BRAND_AVAILABLE), amount)]
    commit(Draft("test", "k", cause(), NOON, tuple(lines)))
    assert [str(held.balance) for held in balances_of(BRAND)] == [
        "100 JPY",
        "0.100 KWD",
        "1.00 USD",
    ]
