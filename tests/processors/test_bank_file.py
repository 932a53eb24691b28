"""A file of credit transfers: as the schema wants it, with the sums it says, always the same."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace import sepa
from marketplace.money import Money
from marketplace.processors import bank_file
from marketplace.processors.bank import MOST, Bank
from marketplace.processors.bank_file import Malformed, Payment

DEBTOR = sepa.Account("Marketplace", "DE89370400440532013000", "COBADEFFXXX")
IBAN = "FR1420041010050500013M02606"


def payment(minor: int = 15_000, *, name: str = "Ada Lovelace", number: int = 1) -> Payment:
    return Payment(f"{number:032x}", name, IBAN, Money(minor, "EUR"))


def written(*payments: Payment, debtor: sepa.Account = DEBTOR) -> bytes:
    return bank_file.write(
        debtor,
        "M" * bank_file.MESSAGE_ID_LENGTH_MAX,
        payments,
        execute_on=date(2026, 12, 1),
        description="Creator payout",
        at=datetime(2026, 11, 30, 9, tzinfo=UTC),
    )


@given(st.lists(st.integers(1, MOST.minor), min_size=1, max_size=5))
def test_it_says_what_is_to_be_paid_to_the_cent(amounts: list[int]) -> None:
    payments = [payment(minor, number=number) for number, minor in enumerate(amounts)]
    read = bank_file.read(written(*payments))
    assert read == payments
    assert bank_file.total(read).minor == sum(amounts)


def test_the_same_payments_are_the_same_file() -> None:
    assert written(payment()) == written(payment())


def test_it_goes_without_our_banks_bic() -> None:
    assert bank_file.read(written(payment(), debtor=sepa.Account("M", DEBTOR.iban)))


@pytest.mark.parametrize(
    "amount", [Money(0, "EUR"), Money(MOST.minor + 1, "EUR"), Money(100, "USD"), Money(-1, "EUR")]
)
def test_an_amount_that_is_none_of_sepas_is_refused(amount: Money) -> None:
    with pytest.raises(Malformed):
        written(Payment("1" * 32, "Ada", IBAN, amount))


def test_the_schema_refuses_a_name_that_is_too_long() -> None:
    with pytest.raises(Malformed, match=bank_file.SCHEMA):
        written(payment(name="x" * 141))


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b"<CtrlSum>150.00", b"<CtrlSum>150.01"),
        (b"<NbOfTxs>1", b"<NbOfTxs>2"),
        (b">150.00</InstdAmt>", b">150.001</InstdAmt>"),
        (IBAN.encode(), b"not an iban"),
        (b"</Document>", b""),
    ],
)
def test_a_file_that_was_tampered_with_is_noticed(said: bytes, instead: bytes) -> None:
    content = written(payment())
    assert said in content
    with pytest.raises(Malformed):
        bank_file.read(content.replace(said, instead))


@pytest.mark.parametrize(
    ("country", "amount", "refusal"),
    [
        ("FR", MOST, None),
        ("FR", Money(MOST.minor + 1, "EUR"), "most"),
        ("FR", Money(100, "CHF"), "currency"),
        ("US", Money(100, "EUR"), "country"),
    ],
)
def test_what_the_rail_cannot_do_has_a_word(
    country: str, amount: Money, refusal: str | None
) -> None:
    assert Bank(DEBTOR).supports(country, amount.currency, amount) == refusal
