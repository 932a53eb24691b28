"""People as a browser test needs them: made first, then logged in without any context around.

A request inside an application context would share its `g`, and with it who is logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient

from marketplace.parties.user import User
from tests.make import PASSWORD, csrf_token, make_user


@dataclass(frozen=True)
class Person:
    """What is needed of a user outside of the database."""

    id: UUID
    email: str
    name: str


def known(app: Flask, make: Callable[[], User] = make_user) -> Person:
    """Make a person who can log in with `PASSWORD`."""
    with app.app_context():
        user = make()
        return Person(user.id, user.email, user.name)


def log_in(client: FlaskClient, person: Person) -> str:
    """Log this browser in; return a CSRF token for its further forms."""
    token = csrf_token(client)
    form = {"email": person.email, "password": PASSWORD, "csrf_token": token}
    reply = client.post("/login", data=form)
    assert reply.status_code == 303, reply.text
    return token
