"""In whose name a command decides: an operator's, as a page would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import select

from marketplace.extensions import db
from marketplace.parties.user import User


def as_operator(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--as EMAIL` to a command, which gets it as `email`."""
    text = "The operator who decides this; may be left out where there is only one."
    return click.option("--as", "email", metavar="EMAIL", help=text)(command)


def operator(email: str | None) -> User:
    """The operator with this address, or the only one there is."""
    statement = select(User).where(User.is_operator).order_by(User.email)
    if email is not None:
        statement = statement.where(User.email == email.strip().lower())
    found = list(db.session.scalars(statement))
    if not found:
        whom = f"with the address {email}" if email else "yet: flask users create-operator"
        raise click.ClickException(f"there is no operator {whom}")
    if len(found) > 1:
        raise click.ClickException("there are several operators: say which one with --as")
    return found[0]
