"""Mail to a creator about the program, in their language: written with what caused it."""

from __future__ import annotations

from flask import current_app, render_template, url_for
from flask_babel import force_locale, gettext

from marketplace import clock
from marketplace.config import Settings
from marketplace.extensions import db
from marketplace.notifications import mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.program.application import ProgramApplication
from marketplace.program.membership import ProgramMembership
from marketplace.web import formats
from marketplace.web.program_words import REJECTIONS, SUSPENSIONS


def approved(application: ProgramApplication) -> None:
    """They are in."""
    person = _person(application)
    with force_locale(person.locale):
        text = gettext("you take part in the program from now on. Campaigns wait for you.")
        _write(person, gettext("You are in the program"), [text])


def rejected(application: ProgramApplication) -> None:
    """They were turned down: why, and from when on they may ask again."""
    person = _person(application)
    with force_locale(person.locale):
        said = gettext("your application to the program was turned down.")
        why = f"{REJECTIONS[application.reason_code or 'other']}: {application.reason_text}"
        _write(
            person,
            gettext("Your application to the program"),
            [said, why, again(application)],
        )


def again(application: ProgramApplication) -> str:
    """From when on a creator may apply again, in a sentence."""
    if application.reapply_at is None:
        return str(gettext("You cannot apply again."))
    if application.reapply_at <= clock.now():
        return str(gettext("You may apply again now."))
    day = formats.day(application.reapply_at)
    return str(gettext("You may apply again from %(day)s on.", day=day))


def suspended(membership: ProgramMembership) -> None:
    """They cannot start anything new; what they earned stays theirs."""
    person = _person(membership)
    with force_locale(person.locale):
        said = gettext("your part in the program is suspended. What you earned stays yours.")
        why = f"{SUSPENSIONS[membership.reason_code or 'other']}: {membership.reason_text}"
        _write(person, gettext("Your part in the program is suspended"), [said, why])


def lifted(membership: ProgramMembership) -> None:
    """They take part again."""
    person = _person(membership)
    with force_locale(person.locale):
        said = gettext("the suspension is over: you take part in the program again.")
        _write(person, gettext("You take part again"), [said])


def _person(thing: ProgramApplication | ProgramMembership) -> User:
    creator = db.session.get_one(Creator, thing.creator_id)
    return db.session.get_one(User, creator.user_id)


def _write(person: User, subject: str, sentences: list[str]) -> None:
    settings: Settings = current_app.extensions["settings"]
    link = settings.base_url + url_for("creator.program")
    body = render_template("program/mail.txt", person=person, sentences=sentences, link=link)
    mail.write(person.email, subject, body, clock.now(), clock.wall_now())
