"""The mail that proves whose an address is: a signed link, bound to person and address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import current_app, render_template, url_for
from flask_babel import force_locale, gettext
from itsdangerous import BadSignature, URLSafeTimedSerializer

from marketplace import clock
from marketplace.config import Settings
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.notifications import mail
from marketplace.parties.user import User

LINK_LIFETIME = timedelta(days=3)  # wall time
LINK_DAYS = LINK_LIFETIME.days


class LinkOver(MarketplaceError):
    """The link is not ours, too old, or for an address that the person no longer has."""

    status, code = 410, "link_over"


def link_token(person: User) -> str:
    """What the link carries: who, and which address it was sent to."""
    return _signer().dumps([person.id.hex, person.email])


def person_of(token: str) -> User:
    """Whose link this is.

    Raises:
        LinkOver: it proves nothing, or nothing any more.
    """
    try:
        id, address = _signer().loads(token, max_age=int(LINK_LIFETIME.total_seconds()))
    except BadSignature as error:  # a too old one included
        raise LinkOver("confirmation link") from error
    person = db.session.get(User, UUID(id))
    if person is None or person.email != address:
        raise LinkOver("confirmation link")
    return person


def send(person: User) -> None:
    """Queue the mail with the link."""
    link = _absolute("auth.confirm", token=link_token(person))
    with force_locale(person.locale):
        subject = gettext("Confirm your address")
        body = render_template("auth/confirm_mail.txt", person=person, link=link, days=LINK_DAYS)
    _write(person, subject, body)


def send_known(person: User) -> None:
    """Somebody signed up with the address of a confirmed person: only that person learns of it."""
    with force_locale(person.locale):
        subject = gettext("You already have an account")
        link = _absolute("auth.login")
        body = render_template("auth/known_mail.txt", person=person, link=link)
    _write(person, subject, body)


def _write(person: User, subject: str, body: str) -> None:
    mail.write(person.email, subject, body, clock.now(), clock.wall_now())


def _absolute(endpoint: str, **values: Any) -> str:
    """A link on our own address, whatever the request calls us."""
    settings: Settings = current_app.extensions["settings"]
    return settings.base_url + url_for(endpoint, **values)


def _signer() -> URLSafeTimedSerializer:
    assert current_app.secret_key
    return URLSafeTimedSerializer(current_app.secret_key, salt="confirm-address")
