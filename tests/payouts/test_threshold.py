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


def test_the_application_cannot_change_thresholds(app_role: Owner) -> None:
    for change in ("UPDATE payout_threshold SET amount_minor = 1", "DELETE FROM payout_threshold"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(change)
        app_role.rollback()


def test_the_database_refuses_a_threshold_of_nothing(owner: Owner) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("INSERT INTO payout_threshold VALUES ('USD', '2026-03-03', 0)")
    owner.rollback()
