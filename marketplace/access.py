"""Who is calling, and which page is for whom.

Every view declares its audience; `guard` enforces it before the view runs, and refuses a view that
declares none. A thing that belongs to somebody else does not exist for the caller (404).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from flask import abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from marketplace import clock
from marketplace.extensions import login_manager
from marketplace.parties import brand as brands
from marketplace.parties import creator as creators
from marketplace.parties import session as sessions
from marketplace.parties.brand import Brand
from marketplace.parties.creator import Creator
from marketplace.parties.user import User

Audience = Literal["public", "signed_in", "brand", "creator", "operator"]
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

# Flask's own view of static files, on the app and on blueprints.
_STATIC = "static"


def audience(who: Audience) -> Callable[[View], View]:
    """Declare for whom a view is."""

    def declare(view: View) -> View:
        view.audience = who  # type: ignore[attr-defined]
        return view

    return declare


def audience_of(endpoint: str) -> str | None:
    """The declared audience of an endpoint; static files are public."""
    if endpoint.rpartition(".")[2] == _STATIC:
        return "public"
    return getattr(current_app.view_functions[endpoint], "audience", None)


def guard() -> ResponseReturnValue | None:
    """Before each request: refuse whoever the view is not for.

    A visitor is sent to log in (GET) or told 401; a person without the role is told 403.
    """
    if request.endpoint is None:
        return None  # no such route: Flask answers 404 or 405
    who = audience_of(request.endpoint)
    if who == "public":
        return None
    user = signed_in()
    if user is None:
        if request.method in ("GET", "HEAD"):
            return redirect(url_for("auth.login", next=request.full_path.rstrip("?")))
        abort(401)
    if not (who == "signed_in" or roles().get(who or "", False)):
        abort(403)
    return None


def log_in(user: User) -> None:
    """Begin a session for this person and name it in the cookie."""
    login_user(sessions.begin(user, clock.wall_now()))


def log_out() -> None:
    """End the caller's session in the database, then forget the cookie."""
    if current_user.is_authenticated:
        sessions.revoke(current_user, clock.wall_now())
    logout_user()


@login_manager.user_loader  # type: ignore[untyped-decorator]
def _load(session_id: str) -> sessions.LoginSession | None:
    return sessions.living(session_id, clock.wall_now())


def signed_in() -> User | None:
    """The person who is calling, or None."""
    return current_user.user if current_user.is_authenticated else None


def current_person() -> User:
    """The person who is calling, in a view that is not public."""
    user = signed_in()
    assert user is not None, "this view is public"
    return user


def actor() -> str:
    """How the caller is named in the trace of statuses."""
    return f"user:{current_person().id.hex}"


def current_brand() -> Brand:
    """The brand the caller acts for, in a view for brands."""
    brand = _brand()
    assert brand is not None, "this view is not for brands"
    return brand


def current_creator() -> Creator:
    """The creator who is calling, in a view for creators."""
    creator = _creator()
    assert creator is not None, "this view is not for creators"
    return creator


def roles() -> dict[str, bool]:
    """Which parts of the site the caller sees in the navigation."""
    user = signed_in()
    return {
        "brand": _brand() is not None,
        "creator": _creator() is not None,
        "operator": user is not None and user.is_operator,
    }


def _brand() -> Brand | None:
    if "brand" not in g:
        user = signed_in()
        g.brand = brands.of_user(user) if user else None
    brand: Brand | None = g.brand
    return brand


def _creator() -> Creator | None:
    if "creator" not in g:
        user = signed_in()
        g.creator = creators.of_user(user) if user else None
    creator: Creator | None = g.creator
    return creator
