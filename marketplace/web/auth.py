"""Sign up, confirm the address, log in, log out.

No answer here tells a stranger whether somebody has an account: a known address gets a mail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from sqlalchemy.exc import IntegrityError

from marketplace import access, clock
from marketplace.access import audience
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.parties import brand as brands
from marketplace.parties import creator as creators
from marketplace.parties import throttle
from marketplace.parties import user as people
from marketplace.parties.user import User
from marketplace.schemas.auth import ConfirmAgain, LogIn, SignUpBrand, SignUpCreator
from marketplace.web import confirmation, forms, language
from marketplace.web.choices import country_choices, zone_choices
from marketplace.web.redirects import own_path

LOG_INS_PER_ADDRESS = 10
LOG_INS_PER_REMOTE = 30
MAILS_PER_ADDRESS = 5

_ADDRESS = "address"  # in the session cookie: where the confirmation mail went

bp = Blueprint("auth", __name__)

Join = Callable[[User, dict[str, Any]], object]


# --- Sign up


@bp.get("/signup")
@audience("public")
def sign_up() -> ResponseReturnValue:
    if access.signed_in():
        return redirect(url_for("public.home"), 303)
    return render_template("auth/sign_up.html")


@bp.get("/signup/brand")
@audience("public")
def sign_up_brand() -> ResponseReturnValue:
    return render_template("auth/sign_up_brand.html", form=forms.blank(), zones=zone_choices())


@bp.post("/signup/brand")
@audience("public")
def begin_brand() -> ResponseReturnValue:
    form = forms.sent(SignUpBrand())
    with form.refusals():
        return _welcome(form.data, _found_brand)
    return form.again("auth/sign_up_brand.html", zones=zone_choices())


@bp.get("/signup/creator")
@audience("public")
def sign_up_creator() -> ResponseReturnValue:
    return render_template("auth/sign_up_creator.html", form=forms.blank(), **_places())


@bp.post("/signup/creator")
@audience("public")
def begin_creator() -> ResponseReturnValue:
    form = forms.sent(SignUpCreator())
    with form.refusals():
        _refuse_taken_handle(form.data)
        return _welcome(form.data, _join_as_creator)
    return form.again("auth/sign_up_creator.html", **_places())


@bp.get("/signup/done")
@audience("public")
def signed_up() -> ResponseReturnValue:
    return render_template("auth/check_mail.html", address=session.get(_ADDRESS))


def _places() -> dict[str, Any]:
    return {"countries": country_choices(), "zones": zone_choices()}


def _found_brand(owner: User, data: dict[str, Any]) -> object:
    return brands.found(owner, data["brand_name"], data["time_zone"], clock.now())


def _join_as_creator(person: User, data: dict[str, Any]) -> object:
    return creators.join(person, data["handle"], data["country"], data["time_zone"], clock.now())


def _refuse_taken_handle(data: dict[str, Any]) -> None:
    """Before the address is looked at: a handle is public, whether an address is known is not.

    The holder's own password tells a form that was sent twice from a stranger's.
    """
    holder = creators.by_handle(data["handle"])
    if holder is None:
        return
    sender = people.authenticate(data["email"], data["password"])
    if sender is None or sender.id != holder.user_id:
        raise BadInput("handle", {"handle": gettext("This handle is taken.")})


def _welcome(data: dict[str, Any], join: Join) -> ResponseReturnValue:
    """Register and commit; the answer is the same if somebody has this address already."""
    try:
        _register(data, join)
        db.session.commit()
    except IntegrityError:  # a rival took the address or handle after we had looked: look again
        db.session.rollback()
        _register(data, join)
        db.session.commit()
    session[_ADDRESS] = data["email"]
    return redirect(url_for("auth.signed_up"), 303)


def _register(data: dict[str, Any], join: Join) -> None:
    email, password = data["email"], data["password"]
    throttle.count({f"mail to {email}": MAILS_PER_ADDRESS}, clock.wall_now())
    known = people.by_email(email)
    if known is not None:
        people.authenticate(email, password)  # takes as long as hashing a new person's password
        _remind(known)
        return
    locale = str(get_locale())
    person = people.register(email, data["name"], password, clock.now(), locale)
    join(person, data)
    confirmation.send(person)


def _remind(person: User) -> None:
    if person.confirmed_at is None:
        confirmation.send(person)
    else:
        confirmation.send_known(person)


# --- Confirm


@bp.get("/confirm/<token>")
@audience("public")
def confirm(token: str) -> ResponseReturnValue:
    """Only a question: programs that read mail follow links, and following one proves nothing."""
    try:
        person = confirmation.person_of(token)
    except confirmation.LinkOver as over:
        return render_template("auth/link_over.html", form=forms.blank()), over.status
    return render_template("auth/confirm.html", person=person, token=token)


@bp.post("/confirm/<token>")
@audience("public")
def confirm_now(token: str) -> ResponseReturnValue:
    try:
        person = confirmation.person_of(token)
    except confirmation.LinkOver as over:
        return render_template("auth/link_over.html", form=forms.blank()), over.status
    person.confirm(clock.now())
    db.session.commit()
    flash(gettext("Your address is confirmed. Log in to begin."))
    session[_ADDRESS] = person.email
    return redirect(url_for("auth.login"), 303)


@bp.get("/confirm/again")
@audience("public")
def confirm_again() -> ResponseReturnValue:
    return render_template("auth/confirm_again.html", form=forms.blank(**_last_address()))


@bp.post("/confirm/again")
@audience("public")
def send_again() -> ResponseReturnValue:
    form = forms.sent(ConfirmAgain())
    with form.refusals():
        email = form.data["email"]
        throttle.count({f"mail to {email}": MAILS_PER_ADDRESS}, clock.wall_now())
        person = people.by_email(email)
        if person is not None:
            _remind(person)
        db.session.commit()
        session[_ADDRESS] = email
        return redirect(url_for("auth.signed_up"), 303)
    return form.again("auth/confirm_again.html")


def _last_address() -> dict[str, str]:
    return {"email": session[_ADDRESS]} if _ADDRESS in session else {}


# --- Log in and out


@bp.get("/login")
@audience("public")
def login() -> ResponseReturnValue:
    destination = own_path(request.args.get("next", ""))
    if access.signed_in():
        return redirect(destination or url_for("public.home"), 303)
    form = forms.blank(next=destination or "", **_last_address())
    return render_template("auth/login.html", form=form)


@bp.post("/login")
@audience("public")
def begin_session() -> ResponseReturnValue:
    form = forms.sent(LogIn())
    with form.refusals():
        email = people.normalised(form.data["email"])
        tries = {
            f"log-in to {email}": LOG_INS_PER_ADDRESS,
            f"log-in from {request.remote_addr}": LOG_INS_PER_REMOTE,
        }
        throttle.count(tries, clock.wall_now())
        person = people.authenticate(email, form.data["password"])
        if person is None:
            db.session.commit()  # the try counts
            wrong = gettext("This address and this password do not belong together.")
            raise BadInput("log-in", {"password": wrong})
        throttle.forgive(tries)
        if person.confirmed_at is None:
            db.session.commit()
            return render_template("auth/unconfirmed.html", person=person), 403
        access.log_out()  # whoever was logged in here before
        access.log_in(person)
        language.prefer(person.locale)
        session.pop(_ADDRESS, None)
        db.session.commit()
        return redirect(own_path(form.data["next"]) or url_for("public.home"), 303)
    return form.again("auth/login.html")


@bp.post("/logout")
@audience("public")
def logout() -> ResponseReturnValue:
    access.log_out()
    db.session.commit()
    flash(gettext("You are logged out."))
    return redirect(url_for("public.home"), 303)
