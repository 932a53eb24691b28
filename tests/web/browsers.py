"""Brands and creators at their browsers: made, logged in, and sending forms with their tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace import clock
from marketplace.extensions import Base, db
from marketplace.parties.brand import Brand, Membership
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from tests.make import BrandTeam, log_in, make_brand, make_creator, make_user

Row = TypeVar("Row", bound=Base)
T = TypeVar("T")


@dataclass(frozen=True)
class Browser:
    """Somebody who is logged in; `id` is their brand's or creator's."""

    app: Flask
    client: FlaskClient
    token: str
    user_id: UUID
    id: UUID

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, **fields: object) -> TestResponse:
        form = {name: str(value) for name, value in fields.items()}
        return self.client.post(path, data={"csrf_token": self.token, **form})

    def again(self) -> Browser:
        """The same person at another browser of theirs."""
        with self.app.app_context():
            user = db.session.get_one(User, self.user_id)
            email = user.email
        return _at_browser(self.app, email, self.user_id, self.id)

    def colleague(self) -> Browser:
        """Somebody else who acts for the same brand."""
        with self.app.app_context():
            user, at = make_user(), clock.now()
            joined = Membership(user_id=user.id, brand_id=self.id, role="owner", created_at=at)
            db.session.add(joined)
            db.session.commit()
            known = user.email, user.id, self.id
        return _at_browser(self.app, *known)

    @contextmanager
    def team(self) -> Iterator[BrandTeam]:
        """The brand and its person, inside the application."""
        with self.app.app_context():
            user, brand = db.session.get_one(User, self.user_id), db.session.get_one(Brand, self.id)
            yield BrandTeam(user, brand)

    @contextmanager
    def creator(self) -> Iterator[Creator]:
        """The creator, inside the application."""
        with self.app.app_context():
            yield db.session.get_one(Creator, self.id)


def brand_browser(app: Flask, name: str = "Northwind Coffee") -> Browser:
    with app.app_context():
        user, brand = make_brand(name)
        known = user.email, user.id, brand.id
    return _at_browser(app, *known)


def creator_browser(app: Flask, handle: str | None = None, **options: Any) -> Browser:
    with app.app_context():
        user, creator = make_creator(handle, **options)
        known = user.email, user.id, creator.id
    return _at_browser(app, *known)


def _at_browser(app: Flask, email: str, user_id: UUID, id: UUID) -> Browser:
    client = app.test_client()
    token = log_in(client, User(email=email))
    return Browser(app, client, token, user_id, id)


def rows(app: Flask, model: type[Row]) -> list[Row]:
    """Every row of a table, as it is now, oldest first."""
    with app.app_context():
        found = list(db.session.query(model).order_by(model.__mapper__.primary_key[0]))
        db.session.expunge_all()
        return found


def only(app: Flask, model: type[Row]) -> Row:
    """The one row of a table."""
    (row,) = rows(app, model)
    return row


def together(*acts: Callable[[], T]) -> list[T]:
    """Do all acts at one moment, each in a thread of its own."""
    start = threading.Barrier(len(acts))

    def one(act: Callable[[], T]) -> T:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))
