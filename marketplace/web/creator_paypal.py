"""Being paid by PayPal: an address, the mail that proves it, or another one until then.

name ──mail with a link──▶ confirm ──▶ active
 └──withdraw──▶ nothing chosen yet

Whoever is paid elsewhere names an address by `replace`: the old destination is retired at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeTimedSerializer

from marketplace import access, clock
from marketplace.access import audience
from marketplace.config import Settings
from marketplace.database.lock import lock
from marketplace.errors import BadInput, NotFound, WrongState
from marketplace.extensions import db
from marketplace.notifications import mail
from marketplace.parties import throttle
from marketplace.payouts import destination as destinations
from marketplace.payouts import receiver
from marketplace.payouts.destination import Destination
from marketplace.processors import registry
from marketplace.schemas.payouts import PayPalAddress
from marketplace.web import forms
from marketplace.web.buttons import late, told
from marketplace.web.creator import bp, my_currencies
from marketplace.web.creator_payouts import shown, to_payouts

LINK_LIFETIME = timedelta(days=3)  # wall time
MAILS_PER_ADDRESS = 5


@bp.post("/payouts/paypal")
@audience("creator")
def name_paypal() -> ResponseReturnValue:
    """Write the address down and mail a link there; nothing is paid before it was opened."""
    return _name(receiver.name)


@bp.post("/payouts/paypal/replace")
@audience("creator")
def replace_by_paypal() -> ResponseReturnValue:
    """Retire the present destination and begin with an address."""
    return _name(receiver.replace)


@bp.post("/payouts/paypal/again")
@audience("creator")
def mail_paypal_again() -> ResponseReturnValue:
    with told():
        destination = _mine("mail")
        _mail(destination)
        db.session.commit()
        flash(gettext("The link is on its way to %(to)s.", to=destination.remote_account))
    return to_payouts()


@bp.post("/payouts/paypal/withdraw")
@audience("creator")
def withdraw_paypal() -> ResponseReturnValue:
    """Take back an address that is not confirmed: it was mistyped, say."""
    with told():
        receiver.withdraw(_mine("withdraw"), access.actor(), clock.now())
        db.session.commit()
    return to_payouts()


@bp.get("/paypal/<token>")
@audience("public")
def confirm_paypal(token: str) -> ResponseReturnValue:
    """Only a question: programs that read mail follow links, and following one proves nothing."""
    destination = _named_by(token)
    if destination is None:
        return render_template("creator/paypal_link_over.html"), 410
    return render_template("creator/paypal_confirm.html", destination=destination, token=token)


@bp.post("/paypal/<token>")
@audience("public")
def confirm_paypal_now(token: str) -> ResponseReturnValue:
    destination = _named_by(token)
    if destination is None:
        return render_template("creator/paypal_link_over.html"), 410
    receiver.confirm(destination, clock.now())
    db.session.commit()
    flash(gettext("Confirmed: payouts go to %(to)s.", to=destination.remote_account))
    return redirect(url_for("creator.payouts"), 303)


def _name(begin: Callable[[UUID, str, str, datetime], Destination]) -> ResponseReturnValue:
    """Begin with the address that was sent, by `receiver.name` or `receiver.replace`."""
    if not registry.offers(receiver.PROCESSOR):
        raise NotFound("no PayPal here")
    form = forms.sent(PayPalAddress())
    with form.refusals():
        address = form.data["paypal_address"]
        if refusal := refused():
            raise BadInput("rail", {"paypal_address": refusal})
        with late():
            destination = begin(access.current_creator().id, address, access.actor(), clock.now())
            if receiver.waits(destination) and destination.remote_account == address:
                _mail(destination)
            db.session.commit()
        return to_payouts()
    return form.again("creator/payouts.html", **(shown() | {"address_form": form}))


def refused() -> str | None:
    """Why PayPal cannot pay the caller, in words; None if it can."""
    currency = my_currencies()[0]
    country = access.current_creator().country
    word = registry.get(receiver.PROCESSOR).supports(country, currency)
    if word is None:
        return None
    if word == "country":
        return str(gettext("PayPal cannot pay people in your country."))
    return str(gettext("PayPal does not pay out %(currency)s there.", currency=currency))


def _mine(event: str) -> Destination:
    """The caller's address that waits to be confirmed, locked.

    Raises:
        WrongState: there is none, any more.
    """
    current = destinations.current(access.current_creator().id)
    destination = lock(Destination, current.id) if current else None
    if destination is None or not receiver.waits(destination):
        raise WrongState("destination", destination.status if destination else "gone", event)
    return destination


def _mail(destination: Destination) -> None:
    """Queue the mail with the link."""
    settings: Settings = current_app.extensions["settings"]
    address, wall_at = destination.remote_account or "", clock.wall_now()
    throttle.count({f"mail to {address}": MAILS_PER_ADDRESS}, wall_at)
    link = settings.base_url + url_for("creator.confirm_paypal", token=_token(destination))
    text = render_template(
        "creator/paypal_mail.txt",
        creator=access.current_creator(),
        link=link,
        days=LINK_LIFETIME.days,
    )
    mail.write(address, gettext("Confirm your PayPal address"), text, clock.now(), wall_at)


def _token(destination: Destination) -> str:
    """What the link carries: which destination, and the address it was mailed to."""
    return str(_signer().dumps([destination.id.hex, destination.remote_account]))


def _named_by(token: str) -> Destination | None:
    """The destination of a link, locked; None if the link proves nothing, or nothing any more."""
    try:
        id, address = _signer().loads(token, max_age=int(LINK_LIFETIME.total_seconds()))
    except BadSignature:  # a too old one included
        return None
    destination = lock(Destination, UUID(hex=id))
    if destination is None or destination.remote_account != address:
        return None
    confirmed = destination.status == destinations.DestinationStatus.ACTIVE
    return destination if confirmed or receiver.waits(destination) else None


def _signer() -> URLSafeTimedSerializer:
    assert current_app.secret_key
    return URLSafeTimedSerializer(current_app.secret_key, salt="confirm-paypal-address")
