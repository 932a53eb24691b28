"""Rivals: many connections post at once, each as the application's role."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace.database.roles import APP_OPTIONS
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.balances import balance
from marketplace.ledger.draft import Draft
from tests.ledger.make import NOON, cause, commit, deposit, post_raw, reservation, usd

Connection = psycopg.Connection[Any]
CLEARING = postings.processor_clearing("stripe")


def together(count: int, database_url: str, act: Callable[[Connection, int], Any]) -> list[Any]:
    """Run act(connection, i) in threads that start at one moment; results or SQLSTATEs."""
    start = threading.Barrier(count)
    conninfo = database_url.replace("+psycopg", "", 1)

    def one(i: int) -> Any:
        with psycopg.connect(conninfo, options=APP_OPTIONS, autocommit=True) as connection:
            connection.execute("SELECT 1")
            start.wait()
            try:
                return act(connection, i)
            except psycopg.Error as error:
                return error.sqlstate

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def stored(n: int) -> Draft:
    return reservation("brand:b", "campaign:k", usd(1), f"stored:{n}")


def summed(n: int) -> Draft:
    """Touches no stored account: only the key stands between two rivals."""
    return postings.processor_fee_charged("stripe", usd(1), f"txn_{n}", SAME, NOON)


SAME = cause()


@pytest.mark.parametrize("make", [stored, summed])
def test_of_eight_rivals_with_one_key_one_posts_and_all_learn_the_same_id(
    books: Flask, database_url: str, make: Callable[[int], Draft]
) -> None:
    commit(deposit("brand:b", usd(1000)))
    for n in range(10):
        draft = make(n)

        def rival(connection: Connection, _: int, draft: Draft = draft) -> bool:
            return post_raw(connection, draft)

        assert Counter(together(8, database_url, rival)) == {True: 1, False: 7}


def test_of_eight_rivals_with_one_key_and_two_contents_one_posts_and_the_others_are_told(
    books: Flask, database_url: str
) -> None:
    commit(deposit("brand:b", usd(1000)))

    for n in range(10):

        def clash(connection: Connection, i: int, key: str = f"clash:{n}") -> bool:
            return post_raw(connection, reservation("brand:b", "campaign:k", usd(1 + i % 2), key))

        assert Counter(together(8, database_url, clash)) == {True: 1, False: 3, "LG001": 4}


def test_overlapping_batches_in_any_order_post_each_key_once(books: Flask) -> None:
    """Accounts are made on first use, keys come twice from different threads: no deadlock."""
    keys = 900
    commit(deposit("brand:b", usd(10**9)))
    order = [*range(keys), *range(keys // 3)]
    Random(1).shuffle(order)
    whys = [cause() for _ in range(keys)]

    def draft(k: int) -> Draft:
        creator = f"creator:{k % 40}"
        return postings.earning_accrued(
            postings.brand_available("brand:b"), creator, usd(70), usd(30), whys[k], NOON
        )

    def run(i: int) -> int:
        with books.app_context():
            fresh = 0
            for at in range(i, len(order), 6 * 50):
                part = [draft(k) for k in order[at : at + 6 * 50 : 6]]
                fresh += sum(it.fresh for it in journal.post_many(part))
                db.session.commit()
            return fresh

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(run, range(6))) == keys
    assert balance(postings.PLATFORM_FEES, "USD") == usd(30 * keys)


def test_a_posting_and_a_batch_with_the_same_keys_never_wait_for_each_other_in_a_circle(
    books: Flask,
) -> None:
    brands = [f"brand:{n}" for n in range(4)]
    rounds = 25
    journal.post_many([deposit(brand, usd(10**6)) for brand in brands])
    db.session.commit()
    start = threading.Barrier(8, timeout=30)  # one who fails does not leave the others waiting

    def rival(i: int) -> int:
        fresh = 0
        with books.app_context():
            for n in range(rounds):
                drafts = [reservation(it, "campaign:k", usd(1), f"{n}:{it}") for it in brands]
                start.wait()
                if i < len(drafts):
                    fresh += journal.post(drafts[i]).fresh
                else:
                    batch = drafts if i % 2 else drafts[::-1]
                    fresh += sum(it.fresh for it in journal.post_many(batch))
                db.session.commit()
        return fresh

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(rival, range(8))) == rounds * len(brands)
    assert balance(postings.reserved("campaign:k"), "USD") == usd(rounds * len(brands))


def test_two_posts_in_one_transaction_in_opposite_orders_are_undone_whole(
    books: Flask, database_url: str
) -> None:
    """Why a database transaction posts once: PostgreSQL breaks the tie, nothing is half done."""
    for brand in ("brand:0", "brand:1"):
        commit(deposit(brand, usd(1000)))
    halfway = threading.Barrier(2)

    def run(connection: Connection, i: int) -> str:
        with connection.transaction():
            post_raw(connection, reservation(f"brand:{i}", f"campaign:{i}", usd(1), f"{i}:first"))
            halfway.wait()
            other = f"brand:{1 - i}"
            post_raw(connection, reservation(other, f"campaign:{i}", usd(1), f"{i}:second"))
        return "committed"

    assert sorted(together(2, database_url, run)) == ["40P01", "committed"]
    left = [balance(postings.brand_available(f"brand:{i}"), "USD") for i in (0, 1)]
    assert left == [usd(999), usd(999)]
