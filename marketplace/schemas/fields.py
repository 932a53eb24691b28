"""The fields of all schemas. Each refuses what the database or a page could not take."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from babel import Locale
from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from marshmallow import ValidationError, fields

from marketplace import money, sepa
from marketplace.money import Money

EMAIL_LENGTH_MAX = 254  # RFC 5321, section 4.5.3.1.3
REQUIRED = _("Please fill this in.")
_HANDLE = re.compile(r"[a-z0-9][a-z0-9_.]{1,29}")


class Field(fields.Field[Any]):
    """A field whose standing messages are in the language of the page."""

    def make_error(self, key: str, **kwargs: Any) -> ValidationError:
        return ValidationError(str(self.error_messages[key]))


class Text(Field):
    """Text of a bounded length, without surrounding space. An empty one counts as missing.

    Refuses NUL, lone surrogates and control characters; line breaks only where `lines` allows them.
    """

    default_error_messages = {"required": REQUIRED, "null": REQUIRED}
    nothing: Any = ""  # what a field that may be left empty loads then

    def __init__(
        self,
        *,
        length_min: int = 0,
        length_max: int = 200,
        lines: bool = False,
        strip: bool = True,
        required: bool = True,
        **options: Any,
    ) -> None:
        if not required:
            options["load_default"] = self.nothing
        super().__init__(required=required, **options)
        self.length_min, self.length_max = length_min, length_max
        self.lines, self.strip = lines, strip

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, str):
            raise ValidationError(gettext("This must be text."))
        value = value.strip() if self.strip else value
        if not value:
            if self.required:
                raise self.make_error("required")
            return self.nothing
        self._refuse_length(value)
        # Browsers send line breaks as CR LF; the database gets them as LF.
        value = value.replace("\r\n", "\n") if self.lines else value
        if any(_unstorable(character, self.lines) for character in value):
            raise ValidationError(gettext("This contains characters that cannot be stored."))
        return self.read(value, data or {})

    def _refuse_length(self, value: str) -> None:
        if len(value) > self.length_max:
            raise ValidationError(gettext("At most %(n)d characters.", n=self.length_max))
        if len(value) < self.length_min:
            raise ValidationError(gettext("At least %(n)d characters.", n=self.length_min))

    def read(self, text: str, data: Mapping[str, Any]) -> Any:
        """What a subclass makes of a clean, non-empty text; `data` is all that was sent."""
        return text


def _unstorable(character: str, lines: bool) -> bool:
    if character == "\n" and lines:
        return False
    return unicodedata.category(character) in ("Cc", "Cs")  # controls, surrogates


class Email(Text):
    """A mail address in lower case. Its form is checked, not whether mail arrives there."""

    def __init__(self, **options: Any) -> None:
        super().__init__(length_max=EMAIL_LENGTH_MAX, **options)

    def read(self, text: str, data: Mapping[str, Any]) -> str:
        try:
            address = validate_email(text, check_deliverability=False, allow_smtputf8=False)
        except EmailNotValidError as error:
            raise ValidationError(
                gettext("This is not a mail address such as ines@example.com.")
            ) from error
        return address.normalized.lower()


class Handle(Text):
    """How a creator is named: 2 to 30 of a-z, 0-9, '_' and '.', without the '@' in front."""

    def read(self, text: str, data: Mapping[str, Any]) -> str:
        handle = text.removeprefix("@").lower()
        if not _HANDLE.fullmatch(handle):
            raise ValidationError(
                gettext("2 to 30 letters a-z, digits, dots or underscores, such as ines.moreau.")
            )
        return handle


class Iban(Text):
    """The number of a bank account that SEPA reaches, however it is spaced; loads it without."""

    def __init__(self) -> None:
        super().__init__(length_max=60)

    def read(self, text: str, data: Mapping[str, Any]) -> str:
        try:
            return sepa.iban(text)
        except sepa.OutsideSepa as error:
            raise ValidationError(
                gettext("SEPA does not reach accounts in %(country)s.", country=error.args[0])
            ) from error
        except sepa.NotAnIban as error:
            raise ValidationError(gettext("This is no IBAN: compare it digit by digit.")) from error


class Holder(Text):
    """The holder of a bank account; loads the name as it is written to banks."""

    def __init__(self) -> None:
        super().__init__(length_max=sepa.NAME_LENGTH_MAX)

    def read(self, text: str, data: Mapping[str, Any]) -> str:
        try:
            return sepa.name(text)
        except sepa.NotAName as error:
            raise ValidationError(
                gettext("Write it in Latin letters, as your bank does: only these and -/?:().,'+")
            ) from error


class Choice(Text):
    """One of a few values."""

    def __init__(self, values: Collection[str], **options: Any) -> None:
        super().__init__(**options)
        self.values = values

    def read(self, text: str, data: Mapping[str, Any]) -> str:
        if text not in self.values:
            raise ValidationError(gettext("Please choose one of the list."))
        return text


class Country(Choice):
    """An ISO 3166-1 alpha-2 code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(countries(), **options)


class TimeZone(Choice):
    """A name of the IANA time zone database, such as Europe/Paris."""

    def __init__(self, **options: Any) -> None:
        super().__init__(time_zones(), **options)


@lru_cache
def countries() -> frozenset[str]:
    """Every ISO 3166-1 country code; CLDR's own for unions and unknown places are left out."""
    not_countries = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
    known = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in known if re.fullmatch("[A-Z]{2}", code)) - not_countries


@lru_cache
def time_zones() -> frozenset[str]:
    """Every IANA time zone: places, and UTC."""
    places = {name for name in available_timezones() if "/" in name}
    outside = ("Etc/", "SystemV/", "US/", "posix/", "right/")
    return frozenset(name for name in places if not name.startswith(outside)) | {"UTC"}


class WholeNumber(Text):
    """A whole number within bounds; loads an int."""

    nothing = None

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(length_max=20, **options)
        self.minimum, self.maximum = minimum, maximum

    def read(self, text: str, data: Mapping[str, Any]) -> int:
        number = int(text) if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None
        if number is None or not self.minimum <= number <= self.maximum:
            bounds = {"low": self.minimum, "high": self.maximum}
            raise ValidationError(gettext("A whole number from %(low)d to %(high)d.", **bounds))
        return number


class Day(Text):
    """A date as YYYY-MM-DD; loads a date."""

    nothing = None

    def read(self, text: str, data: Mapping[str, Any]) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise ValidationError(gettext("A date such as 2026-11-30.")) from error


class Amount(Text):
    """An amount above zero in major units, as people write it: '1234.5' or '1 234,50'; loads Money.

    The currency is fixed, or stands in the field `currency` beside it.
    """

    nothing = None

    def __init__(self, currency: str | None = None, **options: Any) -> None:
        super().__init__(length_max=40, **options)
        self.currency = currency

    def read(self, text: str, data: Mapping[str, Any]) -> Money:
        currency = self.currency or str(data.get("currency", ""))
        if not re.fullmatch("[A-Z]{3}", currency):
            raise ValidationError(gettext("Choose the currency first."))
        try:
            amount = money.parse(text, currency)
        except ValueError as error:
            raise ValidationError(_amount_hint(currency)) from error
        if amount.minor <= 0:
            raise ValidationError(gettext("An amount above zero."))
        return amount


def _amount_hint(currency: str) -> str:
    decimals = money.exponent(currency)
    if not decimals:
        return str(gettext("A whole amount such as 1234."))
    return str(gettext("An amount such as 1234.50, with at most %(n)d decimals.", n=decimals))


class FormKey(Field):
    """The key that a form got when its page was made; loads a UUID. The row it makes keeps it."""

    stale = _("This form is out of date. Load the page again.")
    default_error_messages = {"required": stale, "null": stale}

    def __init__(self) -> None:
        super().__init__(required=True)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> UUID:
        try:
            return UUID(value)
        except (ValueError, AttributeError, TypeError) as error:
            raise ValidationError(str(self.stale)) from error
