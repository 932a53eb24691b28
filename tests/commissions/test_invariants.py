"""Each invariant of sales sees the violation it is for, planted past every guard, and no other."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from marketplace.commissions.invariants import CHECKS
from marketplace.extensions import db
from tests.commissions.making import make_shop, order, refund, tell
from tests.within import within

__all__ = ["within"]

Owner = psycopg.Connection[Any]

SOLD = "(SELECT id FROM sale WHERE status = 'accrued' ORDER BY id LIMIT 1)"
MOVED = "(SELECT max(id) FROM status_change WHERE thing = 'sale' AND event = 'accrue')"
PLANTS = {
    "a commission for nobody's sale": ("UPDATE sale SET earning_id = NULL", {"C1.sale"}),
    "a commission to somebody else": (
        "UPDATE sale SET creator_id = gen_random_uuid() WHERE earning_id IS NOT NULL",
        {"C1.sale"},
    ),
    "two sales with one commission": (
        f"UPDATE sale SET earning_id = (SELECT earning_id FROM sale WHERE id = {SOLD}),"
        f" commission_minor = (SELECT commission_minor FROM sale WHERE id = {SOLD})"
        " WHERE status = 'accrued'",
        {"C1.sale"},
    ),
    "a commission larger than the price": (
        f"UPDATE sale SET base_minor = 10 WHERE id = {SOLD}",
        {"C2.sale", "C4.sale"},
    ),
    "a refund that is counted twice": (
        f"UPDATE sale SET refunded_minor = refunded_minor * 2 WHERE id = {SOLD}",
        {"C3.sale", "C4.sale"},
    ),
    "a refund whose share was not taken back": ("DELETE FROM clawback", {"C4.sale"}),
    "a sale that shows another platform fee than the books": (
        f"UPDATE sale SET platform_fee_minor = platform_fee_minor + 1 WHERE id = {SOLD}",
        {"C4.sale"},
    ),
    "a creator who bought by their own code": (
        "UPDATE sale SET buyer = encode(sha256(convert_to(u.email, 'UTF8')), 'hex') FROM \"user\" u"
        " JOIN creator c ON c.user_id = u.id WHERE c.id = sale.creator_id",
        {"C5.sale"},
    ),
    "a sale whose beginning is missing": (
        "DELETE FROM status_change WHERE thing = 'sale' AND event = 'create'",
        {"A1.sale"},
    ),
    "a sale whose last move is missing": (
        f"DELETE FROM status_change WHERE id = {MOVED}",
        {"A2.sale"},
    ),
    "a sale that made an impossible move": (
        f"UPDATE status_change SET event = 'nonsense' WHERE id = {MOVED}",
        {"A3.sale"},
    ),
}


@pytest.fixture
def unguarded(owner: Owner) -> Owner:
    """The owner, in a transaction that is undone, without the guards on these tables."""
    shop = make_shop()
    tell(shop, order(codes=(shop.code.code,)), refund("20.00", "r1"))
    tell(shop, order(ref="1043", codes=(shop.code.code,)), refund("20.00", "r2", "1043"))
    tell(shop, order(ref="1044"))
    db.session.rollback()  # else it holds what is altered here
    owner.execute("SET LOCAL session_replication_role = replica")
    for table, name in owner.execute(
        "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype IN ('c', 'u')"
        " AND conrelid IN ('sale'::regclass, 'sale_refund'::regclass)"
    ).fetchall():
        owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    return owner


def seen(owner: Owner) -> set[str]:
    return {check.id for check in CHECKS if owner.execute(check.sql).fetchone()}


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
