"""A sent form: what was typed, what is wrong with each field, and that it acts once.

    form = forms.sent(TopUp())
    with form.refusals():
        deposit = forms.once(Deposit, form.data["form_key"], lambda: ...)
        return redirect(url_for(...), 303)
    return form.again("brand/top_up.html")

A refusal (the schema's, or `BadInput` from the domain) ends the `with` block: nothing is written,
and the page comes back with 422, every value as typed and each error beside its field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import MultiDict

from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, MarketplaceError
from marketplace.extensions import Base, db
from marketplace.web.formats import translated

Row = TypeVar("Row", bound=Base)

# Fields without a place on the page: what is wrong with them is said above the form.
_UNSEEN = ("_schema", "form_key", "next")


class Form:
    """What a page shows of a form. `errors` has a sentence per field; '' is the form as a whole."""

    def __init__(self, values: Mapping[str, str], schema: Schema | None = None) -> None:
        self.values = values
        self.errors: dict[str, str] = {}
        self.form_key = _uuid(values.get("form_key")) or new_id()
        self._schema = schema

    @cached_property
    def data(self) -> dict[str, Any]:
        """What the schema read.

        Raises:
            BadInput: the schema refuses it; `fields` says why, field by field.
        """
        assert self._schema is not None, "this form was not sent"
        try:
            read: dict[str, Any] = self._schema.load(self.values)
        except ValidationError as error:
            raise BadInput("form", _sentences(error.messages_dict)) from error
        return read

    def partly(self) -> dict[str, Any]:
        """What can be read of it, for a draft; what is wrong with the rest goes to `errors`."""
        assert self._schema is not None, "this form was not sent"
        try:
            read: dict[str, Any] = self._schema.load(self.values)
        except ValidationError as error:
            self.errors |= _sentences(error.messages_dict)
            read = cast(dict[str, Any], error.valid_data)
        return read

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Turn a refusal into errors beside the fields; what was begun is undone."""
        try:
            yield
        except BadInput as refusal:
            db.session.rollback()
            refused = refusal.fields or {"": refusal.args[0]}
            self.errors |= {field: translated(text) for field, text in refused.items()}

    def again(self, template: str, **context: object) -> ResponseReturnValue:
        """The page with what was typed and what is wrong with it."""
        return render_template(template, form=self, **context), 422


def blank(**values: object) -> Form:
    """A form that nobody has filled in yet, with these values in it."""
    return Form({name: str(value) for name, value in values.items()})


def sent(schema: Schema) -> Form:
    """The form of this request, to be read by `schema`."""
    return Form(flat(request.form), schema)


def flat(sent: MultiDict[str, str]) -> dict[str, str]:
    """What was sent, by name; boxes of one name that were ticked, with commas between them."""
    return {name: ",".join(values) for name, values in sent.lists()}


def once(model: type[Row], form_key: UUID, make: Callable[[], Row]) -> Row:
    """Make and commit the row of one filled-in form; a second click finds what the first one made.

    `model.form_key` is unique: of two clicks at the same time the database lets one through.
    Whatever the other is refused for (the first may have used up the money), the answer is the
    first one's row. It need not be the caller's own: redirect to it, do not show it.
    """
    try:
        made = make()
        db.session.commit()
    except (IntegrityError, MarketplaceError):
        db.session.rollback()
        first = db.session.scalars(select(model).filter_by(form_key=form_key)).one_or_none()
        if first is None:
            raise
        return first
    return made


def _sentences(messages: Mapping[str, Any]) -> dict[str, str]:
    """The first sentence per field; a list's or nested field's errors count for the whole field."""
    return {
        "" if field in _UNSEEN else field: _first(message) for field, message in messages.items()
    }


def _first(message: Any) -> str:
    while isinstance(message, (dict, list)):
        message = next(iter(message.values() if isinstance(message, dict) else message))
    return str(message)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
