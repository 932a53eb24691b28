"""Refusals: each has an HTTP status and a stable code; the message is for people."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class MarketplaceError(Exception):
    """A refusal with a reason. `code` is stable API; the message is for people."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"


class BadInput(MarketplaceError):
    """What was sent cannot be taken; `fields` says why, field by field."""

    status, code = 422, "bad_input"

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class NotFound(MarketplaceError):
    """It does not exist, or it is not theirs: the answer is the same."""

    status, code = 404, "not_found"


class WrongState(MarketplaceError):
    """An event arrived that the thing's present status does not allow."""

    status, code = 409, "wrong_state"

    def __init__(self, thing: str, status: str, event: str) -> None:
        super().__init__(f"cannot {event} this {thing}: it is {status}")


class InsufficientFunds(MarketplaceError):
    """A posting would take an account below its floor."""

    status, code = 409, "insufficient_funds"


class KeyConflict(MarketplaceError):
    """An idempotency key was used before with other content."""

    status, code = 409, "key_conflict"


class TooManyTries(MarketplaceError):
    """Somebody tries too often; `until` (wall time) says when they may try again."""

    status, code = 429, "too_many_tries"

    def __init__(self, until: datetime) -> None:
        super().__init__("too many tries")
        self.until = until


class ProcessorUnavailable(MarketplaceError):
    """The payment processor gave no usable answer to a question that moves no money."""

    status, code = 503, "processor_unavailable"


class SettingsError(MarketplaceError):
    """The settings do not allow a start; the message names each and what to do."""

    status, code = 500, "settings"


class Says(str):
    """A sentence for people with values in it: itself in English, and what a translation needs."""

    template: str
    values: dict[str, object]


def says(template: str, **values: object) -> Says:
    """Return `template` with its '%(name)s' filled in, keeping both apart for translators."""
    sentence = Says(template % values)
    sentence.template, sentence.values = template, values
    return sentence
