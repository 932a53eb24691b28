"""Mails about where a creator's money goes, to the address that we know, in their language."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import current_app
from flask_babel import force_locale, format_datetime, gettext

from marketplace import clock
from marketplace.config import Settings
from marketplace.errors import says
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.notifications import mail, notices
from marketplace.parties.creator import Creator
from marketplace.parties.user import User


def asked_for(creator: Creator, at: datetime) -> None:
    """A destination was added, or is to take the place of another."""
    person = db.session.get_one(User, creator.user_id)
    with force_locale(person.locale):
        _write(
            person,
            gettext("Your payouts are to go to a new account"),
            gettext("Somebody who is logged in as you asked for a new account to be paid to."),
            at,
        )


def usable(creator_id: UUID, until: datetime, at: datetime) -> None:
    """A new destination can receive, and is paid from `until` on."""
    creator = db.session.get_one(Creator, creator_id)
    person = db.session.get_one(User, creator.user_id)
    with force_locale(person.locale):
        when = format_datetime(until, "long", rebase=False)
        _write(
            person,
            gettext("A new account is ready for your payouts"),
            gettext("Payouts go there from %(when)s (UTC) on, not before.", when=when),
            at,
        )


def held(creator_id: UUID, amount: Money, at: datetime) -> None:
    """A payout is kept until its creator has seen to where it goes."""
    notices.to_creator(
        creator_id,
        at,
        says("A payout of %(amount)s waits for you.", amount=amount),
        says(
            "The account that it goes to cannot receive it now, or waits for your confirmation."
            " Nothing is lost: the money is set aside for you and is sent once that is in order."
            " Your payouts page says what is needed."
        ),
        "/creator/payouts",
    )


def came_back(creator_id: UUID, amount: Money, at: datetime) -> None:
    """A payout came back, and nothing more goes there before its creator has looked."""
    notices.to_creator(
        creator_id,
        at,
        says("A payout of %(amount)s came back.", amount=amount),
        says(
            "The money is in your available balance again. Please check the account that it went"
            " to, then confirm on your payouts page that it is in order: nothing is sent there"
            " before."
        ),
        "/creator/payouts",
    )


def did_not_arrive(creator_id: UUID, amount: Money, at: datetime) -> None:
    """A payout failed: nothing of it left us."""
    notices.to_creator(
        creator_id,
        at,
        says("A payout of %(amount)s did not arrive.", amount=amount),
        says(
            "Nothing was lost: the money is in your available balance again, and the next payout"
            " run takes it up. Your payouts page says why it failed."
        ),
        "/creator/payouts",
    )


def arrived_late(creator_id: UUID, amount: Money, owing: Money | None, at: datetime) -> None:
    """What had failed or was called off arrived; `owing` of it was not there to take any more."""
    subject = says("A payout of %(amount)s arrived after all.", amount=amount)
    body = says(
        "It had counted as not paid, and the money was in your available balance again. It has"
        " reached you, so the same amount is taken from that balance."
    )
    if owing is not None:
        body = says(
            "It had counted as not paid, and the money was in your available balance again. It"
            " has reached you, so the same amount is taken from that balance. %(owing)s of it was"
            " not there any more: later payouts recover that, each by a quarter at most.",
            owing=owing,
        )
    notices.to_creator(creator_id, at, subject, body, "/creator/payouts")


def unclaimed(creator_id: UUID, amount: Money, until: datetime, at: datetime) -> None:
    """A payout lies at the processor until its creator fetches it; now and on later days."""
    notices.to_creator(
        creator_id,
        at,
        says("A payout of %(amount)s waits for you to claim it.", amount=amount),
        says(
            "It lies at PayPal: confirm your address there, or open an account with it. On"
            " %(until)s what nobody claimed comes back to your available balance.",
            until=until,
        ),
        "/creator/payouts",
    )


def _write(person: User, subject: str, body: str, at: datetime) -> None:
    settings: Settings = current_app.extensions["settings"]
    lines = [
        gettext("Hello %(name)s,", name=person.name),
        body,
        gettext("If this was not you, change your password and write to us at once."),
        gettext("See it at %(link)s", link=settings.base_url),
        "Marketplace",
    ]
    mail.write(person.email, subject, "\n\n".join(lines), at, clock.wall_now())
