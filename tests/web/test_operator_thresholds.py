"""The page of thresholds: what holds, what is coming, what held, by whom and on which rate."""

from __future__ import annotations

import re
from datetime import date, timedelta

from marketplace import clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.payouts.exchange_rate import rates_of
from marketplace.payouts.threshold import adopt
from tests.web.operating import Operating, operating

__all__ = ["operating"]

FRIDAY = date(2026, 9, 11)


def adopted(operating: Operating, amount: Money, in_days: int, rate_on: date | None = None) -> None:
    """Adopt from so many days on; below zero, that many days ago."""

    def act() -> None:
        at = clock.now() + timedelta(days=min(in_days, 0))
        day = clock.now().date() + timedelta(days=in_days)
        if rate_on:
            rates_of(rate_on)
        adopt(amount, day, f"user:{operating.person.id.hex}", at, rate_on)
        db.session.commit()

    operating.within(act)


def rows(page: str) -> list[str]:
    """The rows of the table, as they read."""
    return [
        " ".join(re.sub("<[^>]+>", " ", row).split())
        for row in re.findall("<tr>.*?</tr>", page, re.S)
    ]


def test_thresholds_that_came_with_the_database_are_all_there_is_at_first(
    operating: Operating,
) -> None:
    _, *lines = rows(operating.see("/operator/thresholds"))
    assert lines == [
        "€86.00 EUR Jan 1, 2020 Holds now no rate there from the start",
        "£75.00 GBP Jan 1, 2020 Holds now no rate there from the start",
        "$100.00 USD Jan 1, 2020 Holds now no rate there from the start",
    ]


def test_one_holds_a_later_one_is_coming_and_an_earlier_one_is_past(operating: Operating) -> None:
    adopted(operating, Money(7_000, "GBP"), -3)
    adopted(operating, Money(7_400, "GBP"), 3, FRIDAY)
    adopted(operating, Money(15_000, "JPY"), 3, FRIDAY)
    lines = rows(operating.see("/operator/thresholds"))
    pounds = [line for line in lines if " GBP " in line]
    assert [line.split()[0] for line in pounds] == ["£74.00", "£70.00", "£75.00"]
    for line, state in zip(pounds, ["Coming", "Holds now", "Past"], strict=True):
        assert state in line
    assert "£74.02 Sep 11, 2026" in pounds[0], "what 100 USD were, and when"
    assert operating.person.name in pounds[0]
    (yen,) = [line for line in lines if " JPY " in line]
    assert yen.startswith("¥15,000 JPY")
    assert "¥15,403 Sep 11, 2026" in yen


def test_amounts_have_the_decimals_that_their_currency_has(operating: Operating) -> None:
    for amount, written in (
        (Money(30_000, "KWD"), "KWD\xa030.000"),
        (Money(3_300_000, "HUF"), "HUF\xa033,000.00"),
        (Money(12_000, "ISK"), "ISK\xa012,000"),
        (Money(360_000, "UGX"), "UGX\xa0360,000"),
        (Money(3_000_00, "TWD"), "NT$3,000.00"),
    ):
        adopted(operating, amount, 1)
        page = operating.see("/operator/thresholds")
        assert written in page, amount


def test_one_that_holds_from_today_on_replaces_the_one_before_which_stays_to_be_read(
    operating: Operating,
) -> None:
    adopted(operating, Money(5_000, "USD"), 0)
    lines = [line for line in rows(operating.see("/operator/thresholds")) if "$" in line]
    assert [line.split()[0] for line in lines] == ["$50.00", "$100.00"]
    assert "Holds now" in lines[0]
    assert "Past" in lines[1]
