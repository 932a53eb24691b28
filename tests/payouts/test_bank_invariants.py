"""Each invariant of bank files sees the violation it is for, planted past every guard."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from marketplace import verify
from marketplace.extensions import db
from marketplace.payouts import bank_file
from marketplace.payouts.bank_file import BankFile
from tests.payouts.test_bank_answer import answer, execute, sent
from tests.payouts.test_bank_file import GERMAN, files, owed
from tests.within import within

__all__ = ["within"]

Owner = psycopg.Connection[Any]

PAID = "(SELECT payout_id FROM bank_answer WHERE kind = 'executed' LIMIT 1)"
REJECTED = "(SELECT payout_id FROM bank_answer WHERE kind = 'rejected' LIMIT 1)"

PLANTS: dict[str, tuple[str, set[str]]] = {
    "a payout that left in no file": (
        f"DELETE FROM bank_file_payment WHERE payout_id = {PAID}",
        {"BF1", "BF2", "W3"},
    ),
    "a payout in the file of another run": (
        "UPDATE bank_file SET run_id = gen_random_uuid()",
        {"BF1", "BF3"},
    ),
    "a payout by another rail in a file": (
        f"UPDATE destination SET processor = 'stripe' WHERE id ="
        f" (SELECT destination_id FROM payout WHERE id = {PAID})",
        {"BF1"},
    ),
    "a file that pays more than its payouts": (
        "UPDATE bank_file SET total_minor = total_minor + 1",
        {"BF2"},
    ),
    "a file with one payment too many": ("UPDATE bank_file SET payments = payments + 1", {"BF2"}),
    "a payment of another amount": (
        f"UPDATE bank_file_payment SET amount_minor = 1 WHERE payout_id = {PAID}",
        {"BF2"},
    ),
    "a file in another currency": ("UPDATE bank_file SET currency = 'USD'", {"BF2"}),
    "a file that was exchanged": ("UPDATE bank_file SET sealed_content = 'x'", {"BF3"}),
    "a payment that nobody said was executed": (
        "DELETE FROM bank_answer WHERE kind = 'executed'",
        {"BF4"},
    ),
    "a rejection that nobody wrote down": (
        "DELETE FROM bank_answer WHERE kind = 'rejected'",
        {"BF4"},
    ),
    "a return that changed nothing": (
        "INSERT INTO bank_answer SELECT gen_random_uuid(), payout_id, 'returned', 'AC04',"
        " answered_on, reference, recorded_by, recorded_at FROM bank_answer"
        " WHERE kind = 'executed'",
        {"BF4"},
    ),
    "an answer of somebody who is no operator": (
        "UPDATE bank_answer SET recorded_by = 'system'",
        {"BF4"},
    ),
    "an account that nobody accepted": (
        "UPDATE status_change SET actor = 'system'"
        " WHERE thing = 'destination' AND event = 'activate'",
        {"BF5"},
    ),
    "an account that its creator accepted": (
        "UPDATE status_change s SET actor = 'user:' || replace(c.user_id::text, '-', '')"
        " FROM destination d JOIN creator c ON c.id = d.creator_id"
        " WHERE s.thing = 'destination' AND s.event = 'activate' AND s.thing_id = d.id",
        {"BF5"},
    ),
    "a destination without its account": ("DELETE FROM bank_account", {"BF5"}),
}


@pytest.fixture
def file() -> BankFile:
    """A file of two payments, the one executed, the other rejected."""
    creator, other = owed("150.00 EUR"), owed("120.00 EUR", GERMAN)
    made = sent(creator, other)
    answer(other, made, "AC04")
    execute(made)
    db.session.commit()
    return files()[0]


def broken(owner: Owner) -> set[str]:
    """The ids of the checks that find something now."""
    engine = sa.create_engine(db.engine.url)
    with engine.connect() as connection:
        found = {it.id for it in verify.findings(connection) if it.rows}
    engine.dispose()
    return found


@pytest.mark.parametrize("plant", PLANTS)
def test_a_check_sees_the_violation_it_is_for(
    owner: Owner, file: BankFile, broken_on_purpose: None, plant: str
) -> None:
    statement, seen = PLANTS[plant]
    assert broken(owner) == set()
    owner.execute("SET session_replication_role = replica")
    assert owner.execute(statement).rowcount > 0
    owner.commit()
    assert broken(owner) == seen


def test_a_file_that_pays_somebody_else_is_found_by_opening_it(
    owner: Owner, file: BankFile, broken_on_purpose: None
) -> None:
    assert bank_file.faults(file) == []
    db.session.commit()
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE bank_account SET holder = 'Somebody Else'")
    owner.commit()
    db.session.expire_all()
    assert bank_file.faults(file) == ["it pays others, or other amounts, than our payouts"]
