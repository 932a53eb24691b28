"""What everybody may see: the home page, the health check, and how the site looks and speaks."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy import select, text

from marketplace import access, clock
from marketplace.access import audience
from marketplace.challenges import entry as entries
from marketplace.challenges.challenge import Challenge
from marketplace.commissions import click
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.user import User
from marketplace.web import challenge_words, language, shell
from marketplace.web.headers import YEAR_S
from marketplace.web.redirects import own_path

# People of the demo world, shown on the home page of a sandbox that has them.
DEMO_PEOPLE = {
    "northwind@demo.example": _("A brand"),
    "ines@demo.example": _("A creator"),
    "nora@demo.example": _("A creator just below the threshold"),
    "tom@demo.example": _("A creator who just reached it"),
    "operator@demo.example": _("The operator"),
}
DEMO_PASSWORD = "demo-password"  # the demo world is public by design

# What the picture on the front page shows.
_SAMPLE = {
    "reserved": Money(420_000, "EUR"),
    "available": Money(38_248, "EUR"),
    "threshold": Money(8_600, "EUR"),
}

bp = Blueprint("public", __name__)


@bp.get("/")
@audience("public")
def home() -> ResponseReturnValue:
    """The front page; whoever is logged in goes on to their own."""
    if access.signed_in():
        own = shell.home_of_role()
        return redirect(own, 303) if own else render_template("public/welcome.html")
    demo = {"demo": _demo_people(), "what": DEMO_PEOPLE, "demo_password": DEMO_PASSWORD}
    return render_template("public/home.html", sample=_SAMPLE, **demo)


def _demo_people() -> list[User]:
    """Who of the demo world exists here."""
    if not current_app.extensions["settings"].sandbox:
        return []
    people = db.session.scalars(select(User).where(User.email.in_(DEMO_PEOPLE)))
    return sorted(people, key=lambda person: list(DEMO_PEOPLE).index(person.email))


@bp.get("/challenges/<uuid:challenge_id>")
@audience("public")
def challenge(challenge_id: UUID) -> ResponseReturnValue:
    """The frozen rules of a challenge or contest, and its results, for everybody."""
    found = db.session.get(Challenge, challenge_id)
    if found is None or found.rules is None:
        raise NotFound("no such challenge")
    return render_template(
        "public/challenge.html",
        challenge=found,
        cw=challenge_words,
        entered=entries.count(found),
        results=challenge_words.results(found),
    )


@bp.get("/healthz")
@audience("public")
def healthz() -> ResponseReturnValue:
    """For monitors: the application answers and its database does."""
    db.session.execute(text("SELECT 1"))
    return {"status": "ok"}


@bp.post("/language")
@audience("public")
def choose_language() -> ResponseReturnValue:
    """Speak this language in this browser, and to this person."""
    chosen = request.form.get("language", "")
    if chosen in language.LANGUAGES:
        language.choose(chosen)
        person = access.signed_in()
        if person is not None:
            person.locale = chosen
            db.session.commit()
    return _back()


@bp.post("/theme")
@audience("public")
def choose_theme() -> ResponseReturnValue:
    """Light or dark in this browser; anything else follows the system again."""
    chosen = request.form.get("theme", "")
    response = _back()
    if chosen in shell.THEMES:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        # A script switches without a round trip, so it must be able to write this cookie.
        response.set_cookie("theme", chosen, max_age=YEAR_S, samesite="Lax", secure=secure)
    else:
        response.delete_cookie("theme")
    return response


@bp.get("/r/<token>")
@audience("public")
def follow(token: str) -> ResponseReturnValue:
    """A creator's link: write the visit down and lead to the shop. Nothing stays in the browser."""
    address = click.follow(token, clock.now()) if token.isascii() and token.isprintable() else None
    if address is None:
        raise NotFound("no such link")
    if request.method == "GET":  # who only asks where it leads has not visited
        db.session.commit()
    response = redirect(address, 302)
    response.headers["Cache-Control"] = "no-store"
    return response


def _back() -> Response:
    destination = own_path(request.form.get("next", "")) or url_for("public.home")
    response = redirect(destination, 303)
    assert isinstance(response, Response)
    return response
