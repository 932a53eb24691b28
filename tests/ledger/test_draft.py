"""Drafts refuse what can never be posted, before the database is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.database.identifier import new_id
from marketplace.ledger import postings
from marketplace.ledger.draft import Cause, Draft, Line, credit, debit, fingerprint
from marketplace.money import Money
from tests.ledger.make import NOON, cause, usd

A = postings.creator_pending("creator:a")
B = postings.creator_available("creator:a")
C = postings.PLATFORM_FEES


def draft(*lines: Line) -> Draft:
    return Draft("test", "key", cause(), NOON, lines)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (debit(A, usd(5)),),
        (debit(A, usd(5)), credit(B, usd(4))),
        (debit(A, usd(5)), credit(B, Money(5, "EUR"))),
    ],
    ids=["no lines", "one line", "off by one", "two currencies that cancel"],
)
def test_lines_that_do_not_balance_are_refused(lines: tuple[Line, ...]) -> None:
    with pytest.raises(ValueError, match="is off by"):
        draft(*lines)


def test_an_account_twice_in_one_draft_is_refused() -> None:
    with pytest.raises(ValueError, match="names an account twice"):
        draft(debit(A, usd(5)), credit(B, usd(3)), credit(B, usd(2)))


def test_an_account_in_two_currencies_is_two_accounts() -> None:
    euro = Money(7, "EUR")
    assert len(draft(debit(A, usd(5)), credit(B, usd(5)), debit(A, euro), credit(B, euro)).lines)


def test_a_naive_time_is_refused() -> None:
    naive = datetime(2026, 3, 2, 12)  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        Draft("test", "key", cause(), naive, (debit(A, usd(5)), credit(B, usd(5))))


@pytest.mark.parametrize("minor", [0, -1])
def test_debits_and_credits_are_positive(minor: int) -> None:
    with pytest.raises(ValueError, match="a debit is positive"):
        debit(A, usd(minor))
    with pytest.raises(ValueError, match="a credit is positive"):
        credit(A, usd(minor))


@settings(deadline=None)
@given(st.permutations(range(3)), st.integers(1, 10**6), st.text(min_size=1))
def test_a_fingerprint_ignores_time_key_and_the_order_of_lines(
    order: list[int], minutes: int, key: str
) -> None:
    first = draft(debit(A, usd(5)), credit(B, usd(3)), credit(C, usd(2)))
    again = replace(
        first,
        key=key,
        effective_at=NOON + timedelta(minutes=minutes),
        lines=tuple(first.lines[i] for i in order),
    )
    assert fingerprint(again) == fingerprint(first)


def test_a_fingerprint_sees_every_other_difference() -> None:
    first = draft(debit(A, usd(5)), credit(B, usd(5)))
    others = [
        replace(first, kind="other"),
        replace(first, cause=Cause(first.cause.type, new_id())),
        replace(first, cause=Cause("other", first.cause.id)),
        replace(first, reverses=new_id()),
        replace(first, lines=(debit(A, usd(6)), credit(B, usd(6)))),
        replace(first, lines=(debit(A, Money(5, "EUR")), credit(B, Money(5, "EUR")))),
        replace(first, lines=(debit(B, usd(5)), credit(A, usd(5)))),
        replace(first, lines=(debit(A, usd(5)), credit(C, usd(5)))),
    ]
    seen = {fingerprint(it) for it in (first, *others)}
    assert len(seen) == 1 + len(others)
