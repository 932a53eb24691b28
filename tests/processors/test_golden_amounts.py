"""What each processor can pay in each awkward currency: a table written by hand from their pages.

The marks in the table say where each line is from:

S  docs.stripe.com/currencies: two decimals unless it says otherwise
Z  the same page, "Zero-decimal currencies"
T  the same page, "Three-decimal currencies": the last of the three digits is 0
I  the same page, "Special cases": ISK and UGX have no decimals, but are written with two, 00
P  the same page, "Special cases": payouts in HUF and TWD must be divisible by 100
D  developer.paypal.com/docs/api/reference/currency-codes: the currencies, two decimals
N  the same page, note 1: HUF, JPY and TWD do not take decimals, a decimal amount is an error

Neither page names a least amount for a transfer or a payout item: it is one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import Money, exponent
from marketplace.payouts.gate import Decision, Facts, Reason, decide
from marketplace.payouts.threshold import step_minor
from marketplace.processors import paypal_amounts, stripe_amounts

# Processor, currency, decimals by ISO 4217, step in minor units, an amount in major units that is
# one, as the processor writes it, and one that is finer than a step (if there is a finer one).
GOLDEN = """
stripe USD 2   1    100.01    10001    -          S
stripe EUR 2   1     86.99     8699    -          S
stripe GBP 2   1     75.50     7550    -          S
stripe JPY 0   1  15403       15403    -          Z
stripe KRW 0   1 134278      134278    -          Z
stripe VND 0   1     23          23    -          Z
stripe MGA 2 100      5.00        5     5.20      Z
stripe KWD 3  10     30.120   30120    30.124     T
stripe BHD 3  10     37.010   37010    37.005     T
stripe TND 3  10      5.120    5120     5.124     T
stripe ISK 0   1      5         500    -          I
stripe UGX 0   1      5         500    -          I
stripe HUF 2 100  12345.00  1234500 12345.67      P
stripe TWD 2 100    800.00    80000   800.45      P
paypal USD 2   1    100.01   100.01    -          D
paypal EUR 2   1     86.99    86.99    -          D
paypal GBP 2   1     75.50    75.50    -          D
paypal JPY 0   1  15403       15403    -          N
paypal HUF 2 100  12345.00    12345 12345.67      N
paypal TWD 2 100    800.00      800   800.45      N
"""
# Not on PayPal's page (D): nothing is paid there in these.
NOT_AT_PAYPAL = ("KWD", "UGX", "ISK", "BHD", "TND", "KRW", "MGA", "VND", "IQD")

_WRITE: dict[str, Callable[[Money], object]] = {
    "stripe": stripe_amounts.to_stripe,
    "paypal": lambda amount: paypal_amounts.to_paypal(amount)["value"],
}
_STEP = {"stripe": stripe_amounts.payout_step, "paypal": paypal_amounts.payout_step}
_REFUSES = (stripe_amounts.NotExpressible, paypal_amounts.NotExpressible)


def lines() -> Iterator[list[str]]:
    for line in GOLDEN.strip().splitlines():
        yield line.split()[:-1]


def in_minor(major: str, currency: str, decimals: str) -> Money:
    """Read by the table's own decimals, not by ours."""
    whole, _, rest = major.partition(".")
    assert len(rest) == int(decimals)
    return Money(int(whole + rest), currency)


golden = pytest.mark.parametrize(
    ("processor", "currency", "decimals", "step", "amount", "written", "finer"),
    [pytest.param(*line, id=" ".join(line[:2])) for line in lines()],
)


@golden
def test_what_can_be_paid_is_as_the_processors_pages_say(
    processor: str,
    currency: str,
    decimals: str,
    step: str,
    amount: str,
    written: str,
    finer: str,
) -> None:
    assert exponent(currency) == int(decimals)
    assert _STEP[processor](currency) == int(step)
    payable = in_minor(amount, currency, decimals)
    assert str(payable) == f"{amount} {currency}"
    assert str(_WRITE[processor](payable)) == written
    assert payable.minor % int(step) == 0
    if finer != "-":
        assert in_minor(finer, currency, decimals).minor % int(step) != 0


@golden
def test_a_payout_is_in_steps_and_what_is_finer_stays_available(
    processor: str,
    currency: str,
    decimals: str,
    step: str,
    amount: str,
    written: str,
    finer: str,
) -> None:
    unit = int(step)
    available = in_minor(amount if finer == "-" else finer, currency, decimals)
    decision = decided(available, threshold=Money(unit, currency), step=unit)
    assert decision.payable
    rest = available.minor % unit
    assert decision.parts.stays == Money(rest, currency)
    assert decision.parts.paid == Money(available.minor - rest, currency)
    _WRITE[processor](decision.parts.paid)


@pytest.mark.parametrize("currency", NOT_AT_PAYPAL)
def test_a_currency_that_paypal_has_not_is_refused(currency: str) -> None:
    with pytest.raises(paypal_amounts.NotExpressible, match="pays out no"):
        paypal_amounts.to_paypal(Money(1000, currency))


@pytest.mark.parametrize(
    ("processor", "finer"),
    [
        ("stripe", Money(30_124, "KWD")),
        ("stripe", Money(520, "MGA")),
        ("paypal", Money(1_234_567, "HUF")),
        ("paypal", Money(80_045, "TWD")),
    ],
)
def test_an_amount_that_is_finer_than_can_be_written_is_refused(
    processor: str, finer: Money
) -> None:
    with pytest.raises(_REFUSES, match="finer than"):
        _WRITE[processor](finer)


def test_a_step_for_all_processors_is_one_of_each() -> None:
    for currency in {line[1] for line in lines()}:
        for step_of in _STEP.values():
            assert step_minor(currency) % step_of(currency) == 0


# ---- for any balance


def decided(available: Money, threshold: Money, step: int) -> Decision:
    nothing = Money(0, available.currency)
    return decide(
        Facts(
            available=available,
            pending=(),
            in_payout=nothing,
            threshold=threshold,
            debt=nothing,
            destination_status="active",
            next_run_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
            step_minor=step,
        )
    )


amounts = st.one_of(st.integers(0, 500), st.integers(0, 10**12))


@given(st.sampled_from(list(lines())), amounts, amounts, amounts)
def test_whatever_is_payable_is_written_exactly_and_nothing_is_lost(
    line: list[str], available: int, threshold: int, debt: int
) -> None:
    processor, currency = line[:2]
    step = _STEP[processor](currency)
    decision = decided(Money(available, currency), Money(max(threshold, 1), currency), step)
    decision = decide(replace(decision.facts, debt=Money(debt, currency)))
    parts = decision.parts
    assert parts.recovered + parts.paid + parts.stays == decision.facts.available
    assert 0 <= parts.stays.minor < step
    if decision.payable:
        assert parts.paid.minor >= step, "a payout of nothing is none"
        _WRITE[processor](parts.paid)
    else:
        assert available < max(threshold, step)


@given(st.sampled_from(list(lines())), amounts)
def test_less_than_a_step_waits_and_says_how_much_is_missing(line: list[str], minor: int) -> None:
    processor, currency = line[:2]
    step = _STEP[processor](currency)
    below = Money(1 + minor % step, currency)
    decision = decided(below, threshold=Money(1, currency), step=step)
    if below.minor == step:
        assert decision.payable
        return
    (blocker,) = decision.blockers
    assert (blocker.reason, blocker.missing) == (
        Reason.BELOW_THRESHOLD,
        Money(step - below.minor, currency),
    )
