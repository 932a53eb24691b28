"""What brands and creators send about agreements: messages, reasons, notes, links to work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext
from marshmallow import ValidationError

from marketplace.schemas import Sent
from marketplace.schemas.fields import FormKey, Handle, Text

LINK_LENGTH_MAX = 500
WORDS_LENGTH_MAX = 1_000


class Link(Text):
    """A public web address: http or https, a host, nothing secret in it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(length_max=LINK_LENGTH_MAX, **options)

    def read(self, text: str, data: Mapping[str, Any]) -> str:
        try:
            parts = urlsplit(text)
            whole = parts.scheme in ("http", "https") and "." in (parts.hostname or "").strip(".")
            parts.port  # noqa: B018 - raises if it is none
        except ValueError:
            whole = False
        if not whole or "@" in parts.netloc or any(it.isspace() or it == "\\" for it in text):
            raise ValidationError(gettext("A link such as https://www.example.com/video/7301."))
        return text


class Request(Sent):
    """A creator asks for a place."""

    form_key = FormKey()
    message = Text(length_max=WORDS_LENGTH_MAX, lines=True, required=False)


class Invitation(Sent):
    """A brand asks a creator."""

    form_key = FormKey()
    handle = Handle()
    message = Text(length_max=WORDS_LENGTH_MAX, lines=True, required=False)


class Refusal(Sent):
    """Why an application is declined."""

    reason = Text(length_max=500)


class Decline(Sent):
    """Why an invitation is declined, if the creator wants to say it."""

    reason = Text(length_max=500, required=False)


class Notes(Sent):
    """What should be different in a revision."""

    notes = Text(length_max=WORDS_LENGTH_MAX, lines=True)


class Work(Sent):
    """A link to what was made."""

    link = Link()
    note = Text(length_max=WORDS_LENGTH_MAX, lines=True, required=False)
