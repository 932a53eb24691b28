"""Statements are read from the middle of the books, a little at a time, and add up all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from flask import Flask

from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger import statement as statements
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import Cause, Draft
from marketplace.ledger.statement import Accounts, StatementLine
from marketplace.money import Money, zero
from tests.ledger.make import commit, deposit, reservation, usd

OWNER = "creator:c"
OWED = (AccountKind.CREATOR_PENDING, AccountKind.CREATOR_AVAILABLE)
OWING = (AccountKind.CREATOR_DEBT,)
ACCOUNTS = Accounts(OWNER, "USD", (OWED, OWING))
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NOTHING = usd(0)


def earned(minor: int, at: datetime) -> Draft:
    cause = Cause("earning", new_id())
    source = postings.reserved("campaign:k")
    return postings.earning_accrued(source, OWNER, usd(minor), usd(0), cause, at)


def matured(minor: int, at: datetime) -> Draft:
    return postings.earning_matured(OWNER, usd(minor), Cause("earning", new_id()), at)


def owing(minor: int, at: datetime) -> Draft:
    """A clawback of what is no longer there: it changes the debt and nothing else."""
    taken, cause = postings.creator_pending(OWNER), Cause("clawback", new_id())
    back_to = postings.reserved("campaign:k")
    return postings.earning_clawed_back(taken, usd(0), usd(minor), usd(0), back_to, cause, at)


def lines(since: datetime, until: datetime) -> list[StatementLine]:
    return list(ACCOUNTS.lines(ACCOUNTS.before(since), ACCOUNTS.before(until)))


def held(at: datetime) -> tuple[Money, Money]:
    standing = ACCOUNTS.before(at).held
    owed, debt = (sum((standing[it] for it in kinds), zero("USD")) for kinds in (OWED, OWING))
    return owed, debt


@pytest.fixture
def funded(books: Flask) -> Flask:
    commit(deposit("brand:b", usd(10**9)))
    commit(reservation("brand:b", "campaign:k", usd(10**8), "first"))
    return books


@pytest.mark.usefixtures("funded")
@pytest.mark.parametrize("at_first", [1, 2, 3, 100])
@pytest.mark.parametrize("seed", range(3))
def test_every_period_adds_up_and_every_transaction_is_in_one(
    monkeypatch: pytest.MonkeyPatch, seed: int, at_first: int
) -> None:
    """Though postings of one moment were written in another order than their instants."""
    monkeypatch.setattr(statements, "READ_AT_FIRST", at_first)
    monkeypatch.setattr(statements, "READ_AT_MOST", 2 * at_first)
    chance, at, pending = Random(seed), BEGIN, 0
    shown: dict[UUID, tuple[int, int]] = {}
    for _ in range(60):
        at += timedelta(hours=chance.randint(0, 30))
        inverted = at - timedelta(hours=chance.choice((0, 0, 0, 2)))
        match chance.randrange(3):
            case 0 if pending:
                moved = chance.randint(1, pending)
                commit(matured(moved, inverted))
                pending -= moved
            case 1:
                shown[commit(owing(7, inverted)).id] = (0, 7)
            case _:
                minor = chance.randint(1, 900)
                shown[commit(earned(minor, inverted)).id] = (minor, 0)
                pending += minor
    days = [BEGIN + timedelta(days=it) for it in range(-1, (at - BEGIN).days + 3)]
    seen: dict[UUID, tuple[int, int]] = {}
    for since, until in zip(days, days[1:], strict=False):
        owed, debt = held(since)
        for line in lines(since, until):
            assert line.transaction_id not in seen
            change = line.changes
            owed, debt = owed + change[0], debt + change[1]
            seen[line.transaction_id] = change[0].minor, change[1].minor
        assert (owed, debt) == held(until)
    assert seen == shown
    assert [it.transaction_id for it in lines(days[0], days[-1])] == list(seen)


@pytest.mark.usefixtures("funded")
@pytest.mark.parametrize("entries", [1, 2, 3, 4, 7, 8, 9, 31, 32, 33])
def test_an_instant_is_found_wherever_it_is(entries: int) -> None:
    """Entry n at hour n: between any two there are as many before as there should be."""
    journal.post_many([earned(1, BEGIN + timedelta(hours=n)) for n in range(entries)])
    db.session.commit()
    found = [held(BEGIN + timedelta(hours=n, minutes=-1))[0].minor for n in range(entries + 2)]
    assert found == [*range(entries + 1), entries]


@pytest.mark.usefixtures("funded")
def test_a_page_begins_after_any_line() -> None:
    ids = [commit(earned(1, BEGIN + timedelta(hours=n))).id for n in range(9)]
    end = ACCOUNTS.before(BEGIN + timedelta(days=1))
    for place, id in enumerate(ids):
        after = ACCOUNTS.after(id)
        assert after is not None
        assert after.held[AccountKind.CREATOR_PENDING] == usd(place + 1)
        assert [it.transaction_id for it in ACCOUNTS.lines(after, end)] == ids[place + 1 :]


@pytest.mark.usefixtures("funded")
def test_what_is_of_others_is_no_place_to_begin() -> None:
    assert ACCOUNTS.after(new_id()) is None
    assert ACCOUNTS.after(commit(deposit("brand:b", usd(5))).id) is None


@pytest.mark.usefixtures("books")
def test_who_has_no_account_has_an_empty_statement() -> None:
    assert held(BEGIN) == (NOTHING, NOTHING)
    assert lines(BEGIN, BEGIN + timedelta(days=1)) == []
