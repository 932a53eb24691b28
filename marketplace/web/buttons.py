"""A button that came too late: what it was refused for is said on the page it was on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import flash
from flask_babel import gettext

from marketplace.errors import BadInput, InsufficientFunds, WrongState
from marketplace.extensions import db
from marketplace.web.formats import translated


@contextmanager
def late() -> Iterator[None]:
    """Turn a refusal that came of being late into a sentence for the next page."""
    try:
        yield
    except WrongState:
        _tell(gettext("This has moved on meanwhile, so nothing was done. See where it stands now."))


@contextmanager
def told() -> Iterator[None]:
    """Turn a refusal into a sentence for the next page; what was begun is undone.

    These are expected: the page was open while somebody else, or time, went on.
    """
    try:
        with late():
            yield
    except InsufficientFunds:
        _tell(gettext("There is not enough money for this; nothing was changed."))
    except BadInput as refusal:
        said = next(iter(refusal.fields.values()), str(refusal))
        _tell(translated(said))


def _tell(sentence: str) -> None:
    db.session.rollback()
    flash(sentence, "error")
