"""Short mails to whom something happened, each in the language of whom it is for.

Written by the domain with what caused them: a subject, why, and the page that says more.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from babel.dates import format_date
from babel.numbers import format_currency
from flask import current_app
from flask_babel import force_locale, get_locale, gettext
from sqlalchemy import select

from marketplace import clock
from marketplace.config import Settings
from marketplace.errors import Says
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.notifications import mail
from marketplace.parties.brand import Membership
from marketplace.parties.creator import Creator
from marketplace.parties.user import User


def to_brand(brand_id: UUID, at: datetime, subject: str, body: str, page: str = "") -> None:
    """Write to everybody who acts for a brand; `page` is the path of the page that says more."""
    people = select(User).join(Membership, Membership.user_id == User.id)
    for person in db.session.scalars(people.where(Membership.brand_id == brand_id)):
        _write(person, at, subject, body, page)


def to_creator(creator_id: UUID, at: datetime, subject: str, body: str, page: str = "") -> None:
    """Write to a creator; `page` is the path of the page that says more."""
    people = select(User).join(Creator, Creator.user_id == User.id)
    for person in db.session.scalars(people.where(Creator.id == creator_id)):
        _write(person, at, subject, body, page)


def to_operators(at: datetime, subject: str, body: str, page: str) -> None:
    """Write to everybody who works for the marketplace."""
    for person in db.session.scalars(select(User).where(User.is_operator).order_by(User.id)):
        _write(person, at, subject, body, page)


def _write(person: User, at: datetime, subject: str, body: str, page: str) -> None:
    settings: Settings = current_app.extensions["settings"]
    with force_locale(person.locale):
        lines = [gettext("Hello %(name)s,", name=person.name), _said(subject)]
        lines += [_said(body)] if body else []
        lines += [gettext("See it at %(link)s", link=settings.base_url + page), "Marketplace"]
        title = _said(subject)
    mail.write(person.email, title, "\n\n".join(lines), at, clock.wall_now())


def _said(sentence: str) -> str:
    """A sentence of ours in the language in force; what somebody wrote stays as it is."""
    if not isinstance(sentence, Says):
        return sentence
    values = {name: _written(value) for name, value in sentence.values.items()}
    return str(gettext(sentence.template)) % values


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return format_date(value, "long", locale=get_locale())
    if not isinstance(value, Money):
        return value
    return format_currency(value.decimal, value.currency, locale=get_locale())
