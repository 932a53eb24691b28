"""What people send to sign up, confirm their address and log in."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from marshmallow import ValidationError, validates_schema

from marketplace.parties.user import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN
from marketplace.schemas import Sent
from marketplace.schemas.fields import EMAIL_LENGTH_MAX, Country, Email, Handle, Text, TimeZone

DISTINCT_CHARACTERS_MIN = 5


class Person(Sent):
    """How a person is called, and where mail reaches them."""

    name = Text(length_max=100)
    email = Email()


class SignUp(Person):
    """A person with a password of their own."""

    password = Text(length_min=PASSWORD_LENGTH_MIN, length_max=PASSWORD_LENGTH_MAX, strip=False)
    time_zone = TimeZone()

    @validates_schema
    def _password_is_hard_to_guess(self, data: dict[str, Any], **kwargs: Any) -> None:
        password = data["password"].casefold()
        own_words = {data["name"].casefold(), data["email"], data["email"].partition("@")[0]}
        if len(set(password)) < DISTINCT_CHARACTERS_MIN or password.strip() in own_words:
            raise ValidationError(
                gettext("This is easy to guess. A few words in a row are easy to keep in mind."),
                "password",
            )


class SignUpBrand(SignUp):
    """A person who begins a brand."""

    brand_name = Text(length_max=100)


class SignUpCreator(SignUp):
    """A person who begins as a creator."""

    handle = Handle(length_max=31)
    country = Country()


class LogIn(Sent):
    """An address with its password, and where to go then."""

    email = Text(length_max=EMAIL_LENGTH_MAX)
    password = Text(length_max=PASSWORD_LENGTH_MAX, strip=False)
    next = Text(length_max=2000, required=False)


class ConfirmAgain(Sent):
    """The address whose confirmation mail is wanted again."""

    email = Email()
