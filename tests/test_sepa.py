"""IBANs, names and BICs: what SEPA takes, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace import sepa

GOOD = "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (GOOD, "DE89370400440532013000"),
        ("fr14 2004 1010 0505 0001 3m02 606", "FR1420041010050500013M02606"),
        (" GB29NWBK60161331926819 ", "GB29NWBK60161331926819"),
    ],
)
def test_an_iban_is_read_however_it_is_spaced(typed: str, read: str) -> None:
    assert sepa.iban(typed) == read


@pytest.mark.parametrize(
    "typed", ["", "DE88370400440532013000", GOOD[:-1], GOOD + "1", "XX12", "é"]
)
def test_what_is_no_iban_is_refused(typed: str) -> None:
    with pytest.raises(sepa.NotAnIban):
        sepa.iban(typed)


def test_an_iban_that_sepa_does_not_reach_is_refused_by_its_country() -> None:
    with pytest.raises(sepa.OutsideSepa, match="BR"):
        sepa.iban("BR1500000000000010932840814P2")


@given(place=st.integers(4, 21), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_noticed(place: int, digit: str) -> None:
    right = sepa.iban(GOOD)
    wrong = right[:place] + digit + right[place + 1 :]
    if wrong != right:
        with pytest.raises(sepa.NotAnIban):
            sepa.iban(wrong)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Inès  Müller-Łukasz", "Ines Muller-Lukasz"),
        ("O'Neil, Ada (née Łoś)", "O'Neil, Ada (nee Los)"),
        ("Zoë", "Zoe"),
    ],
)
def test_a_name_is_written_as_banks_take_it(typed: str, written: str) -> None:
    assert sepa.name(typed) == written


@pytest.mark.parametrize(
    "typed", ["", "a", "北京", "Ада", "A & B", "<b>", "/Ada", "a//b", "x" * 71]
)
def test_a_name_that_no_bank_takes_is_refused(typed: str) -> None:
    with pytest.raises(sepa.NotAName):
        sepa.name(typed)


@given(st.text(max_size=80))
def test_whatever_is_typed_a_name_is_in_the_set_or_refused(typed: str) -> None:
    try:
        written = sepa.name(typed)
    except sepa.NotAName:
        return
    assert len(written) <= 70
    assert set(written) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+ "
    )


def test_sepa_reaches_its_countries_and_no_other() -> None:
    reached = ("FR", "DE", "CH", "GB", "NO", "IS", "MC", "SM")
    assert all(sepa.reaches(it) for it in reached)
    assert not any(sepa.reaches(it) for it in ("US", "BR", "TR", "KP", "XX", ""))
