"""The threshold per currency, as data with effective dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from marketplace.money import Money
from marketplace.payouts.threshold import currencies, threshold_of
from tests.within import within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
Owner = psycopg.Connection[Any]


@pytest.fixture
def changed(owner: Owner) -> Iterator[None]:
    """From 3 March 2026 it is 50 USD, and yen are known."""
    owner.execute("INSERT INTO payout_threshold VALUES ('USD', '2026-03-03', 5000)")
    owner.execute("INSERT INTO payout_threshold VALUES ('JPY', '2026-03-03', 15000)")
    owner.commit()
    yield
    owner.execute("DELETE FROM payout_threshold WHERE effective_on = '2026-03-03'")
    owner.commit()


def test_a_hundred_dollars_and_about_as_much_elsewhere() -> None:
    assert threshold_of("USD", AT) == Money(10_000, "USD")
    assert threshold_of("EUR", AT) == Money(8_600, "EUR")
    assert threshold_of("GBP", AT) == Money(7_500, "GBP")
    assert currencies(AT) == {"USD", "EUR", "GBP"}


@pytest.mark.usefixtures("changed")
def test_a_change_holds_from_its_day_in_utc() -> None:
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    assert threshold_of("USD", midnight - timedelta(microseconds=1)) == Money(10_000, "USD")
    assert threshold_of("USD", midnight) == Money(5_000, "USD")
    assert "JPY" not in currencies(midnight - timedelta(microseconds=1))
    assert "JPY" in currencies(midnight)
    assert threshold_of("EUR", midnight) == Money(8_600, "EUR")


def test_the_application_cannot_change_a_threshold_or_a_rate(app_role: Owner) -> None:
    for change in (
        "UPDATE payout_threshold SET amount_minor = 1",
        "DELETE FROM payout_threshold",
        "UPDATE exchange_rate SET per_euro = 1",
        "DELETE FROM exchange_rate",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(change)
        app_role.rollback()


def test_the_database_refuses_a_threshold_of_nothing(owner: Owner) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("INSERT INTO payout_threshold VALUES ('USD', '2026-03-03', 0)")
    owner.rollback()


@pytest.mark.parametrize(
    ("effective_on", "adopted_by", "adopted_at"),
    [
        ("2026-03-02", "user:1", "2026-03-03 00:00 UTC"),  # backdated by a day
        ("2026-03-03", "user:1", "2026-03-03 23:30 -02"),  # in UTC it is the 4th
        ("2026-03-03", None, "2026-03-03 00:00 UTC"),  # by nobody
        ("2026-03-03", "user:1", None),  # at no time
    ],
)
def test_the_database_refuses_a_threshold_that_is_backdated_or_half_signed(
    app_role: Owner,
    owner: Owner,
    effective_on: str,
    adopted_by: str | None,
    adopted_at: str | None,
) -> None:
    values = ["USD", effective_on, adopted_by, adopted_at, None]
    for connection in (app_role, owner):
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(_INSERT, values)
        connection.rollback()


_INSERT = "INSERT INTO payout_threshold VALUES (%s, %s, 100, %s, %s, %s)"


def test_the_database_refuses_a_threshold_of_a_rate_that_is_not_kept(app_role: Owner) -> None:
    values = ["USD", "2026-03-03", "user:1", "2026-03-03 00:00 UTC", "2026-03-02"]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        app_role.execute(_INSERT, values)
    app_role.rollback()
    app_role.execute("INSERT INTO exchange_rate VALUES ('USD', '2026-03-02', 1.1592, 'a test')")
    app_role.execute(_INSERT, values)
    app_role.rollback()


def test_the_database_refuses_a_rate_of_nothing(app_role: Owner) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        app_role.execute("INSERT INTO exchange_rate VALUES ('USD', '2026-03-02', 0, 'a test')")
