"""An account that SEPA reaches: its IBAN, its holder's name, its bank's BIC. PURE.

What a name may consist of is the Latin set of the European Payments Council (EPC217-08).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from schwifty.registry import get_iban_spec
from text_unidecode import unidecode

CURRENCY = "EUR"  # a SEPA credit transfer knows no other
NAME_LENGTH_MAX = 70
_NAME = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]+")


class NotAnIban(ValueError):
    """No IBAN: a digit is wrong, missing or too many."""


class OutsideSepa(ValueError):
    """An IBAN of a country that SEPA does not reach; the only argument is its code."""


class NotAName(ValueError):
    """A name that no bank of SEPA can take."""


@dataclass(frozen=True)
class Account:
    """A bank account: 'Marketplace SAS', 'FR1420041010050500013M02606', and the BIC if known."""

    name: str
    iban: str
    bic: str | None = None


def iban(text: str) -> str:
    """Return an IBAN without spaces, its check digits proven.

    Raises:
        NotAnIban: it is none.
        OutsideSepa: it is one, of a country that SEPA does not reach.
    """
    try:
        read = IBAN("".join(text.split()), validate_bban=True)
    except SchwiftyException as error:
        raise NotAnIban(str(error)) from error
    if not read.in_sepa_zone:
        raise OutsideSepa(read.country_code)
    return str(read.compact)


def bic(text: str) -> str:
    """Return a BIC without spaces.

    Raises:
        ValueError: it is none.
    """
    return str(BIC("".join(text.split())).compact)


def name(text: str) -> str:
    """Return a holder's name as it is written to a bank: 'Inès Müller' is 'Ines Muller'.

    Raises:
        NotAName: it is not in Latin letters, too long, or has signs that banks do not take.
    """
    spaced = unicodedata.normalize("NFC", " ".join(text.split()))
    if not all(letter.isascii() or _is_latin(letter) for letter in spaced):
        raise NotAName(text)
    spelled: str = unidecode(spaced)
    slashes = spelled.startswith("/") or "//" in spelled
    letters = sum(letter.isalpha() for letter in spelled)
    if not _NAME.fullmatch(spelled) or slashes or letters < 2 or len(spelled) > NAME_LENGTH_MAX:
        raise NotAName(text)
    return spelled


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN ")


def masked(iban: str) -> str:
    """What may be shown of an IBAN: its country, check digits and end."""
    return f"{iban[:4]} … {iban[-4:]}"


def reaches(country: str) -> bool:
    """Is this country (ISO 3166-1 alpha-2) part of SEPA?"""
    try:
        return bool(get_iban_spec(country).in_sepa_zone)
    except SchwiftyException:
        return False
