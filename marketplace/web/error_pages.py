"""Refusals and failures: a page for people, problem+json (RFC 9457) for who asks for JSON.

Each says what happened and what to do next. What went wrong inside is logged, never shown.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from marketplace import clock
from marketplace.errors import BadInput, MarketplaceError, TooManyTries
from marketplace.extensions import db
from marketplace.web.formats import translated


class Say(NamedTuple):
    """What the page says: an icon, a title, and what to do."""

    icon: str
    title: Any
    text: Any


BY_STATUS = {
    400: Say(
        "unplug",
        _("This request cannot be read"),
        _("The link or the form is incomplete. Go back, load the page again and try once more."),
    ),
    401: Say(
        "lock-keyhole",
        _("Log in first"),
        _("You are not logged in any more. Log in and try again; nothing was changed."),
    ),
    403: Say(
        "ban",
        _("This page is not for you"),
        _("Your account has no access here. Perhaps you are logged in with another account."),
    ),
    404: Say(
        "ghost",
        _("There is nothing here"),
        _("The address is wrong, or the page belongs to somebody else. Check the link."),
    ),
    405: Say(
        "hand",
        _("That does not work here"),
        _("The address exists, but takes no such request. Start again from the page before."),
    ),
    409: Say(
        "split",
        _("Something else came first"),
        _("What you saw has changed meanwhile. Load the page again and see where it stands."),
    ),
    413: Say(
        "file-exclamation-point",
        _("That is too large"),
        _("The file or text is larger than we take. Send a smaller one; nothing was changed."),
    ),
    414: Say(
        "unplug",
        _("This address is too long"),
        _("The link carries more than any of ours. Check where it comes from."),
    ),
    422: Say(
        "circle-alert",
        _("This cannot be taken as it is"),
        _("Go back, correct what is named here and send it again; nothing was changed."),
    ),
    429: Say(
        "timer",
        _("Too many tries"),
        _("To protect accounts we count tries. Wait a little, then try again."),
    ),
    500: Say(
        "server-crash",
        _("Something broke on our side"),
        _("It is not your fault, and nothing was half done. Try again in a moment."),
    ),
    503: Say(
        "cloud-off",
        _("The payment processor does not answer"),
        _("No money was moved. Try again in a moment."),
    ),
}

BY_CODE = {
    "csrf": Say(
        "hourglass",
        _("This form is out of date"),
        _("It was open for too long, or cookies are off. Load the page and send it once more."),
    ),
    "insufficient_funds": Say(
        "coins",
        _("There is not enough money for this"),
        _("Nothing was changed. Go back and see what is available."),
    ),
}


def register(app: Flask) -> None:
    """Answer every error with a page of ours."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(MarketplaceError, _refusal)


def _refusal(error: Exception) -> Response:
    """A refusal of the domain that the view did not show beside a field."""
    assert isinstance(error, MarketplaceError)
    if error.status >= 500:
        current_app.logger.error("%s: %s", error.code, error)
    details: list[str] = []
    headers = {}
    if isinstance(error, BadInput):
        details = [translated(text) for text in error.fields.values()]
        details = details or [translated(error.args[0])]
    if isinstance(error, TooManyTries):
        wait_s = max(1, math.ceil((error.until - clock.wall_now()).total_seconds()))
        minutes = gettext("You can try again in %(minutes)d min.", minutes=math.ceil(wait_s / 60))
        details, headers = [minutes], {"Retry-After": str(wait_s)}
    fields = error.fields if isinstance(error, BadInput) else {}
    return _answer(error.status, error.code, str(error), details, headers, fields)


def _http_error(error: Exception) -> Response:
    """What Flask and Werkzeug refuse, and every failure of ours as 500."""
    assert isinstance(error, HTTPException)
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    # 405 names the allowed methods, and 429 and 503 when to come back.
    kept = {
        name: value
        for name, value in error.get_headers()
        if name.lower() in ("allow", "retry-after")
    }
    code = "csrf" if isinstance(error, CSRFError) else f"http_{status}"
    return _answer(status, code, "", [], kept, {})


def _answer(
    status: int,
    code: str,
    reason: str,
    details: list[str],
    headers: dict[str, str],
    fields: dict[str, str],
) -> Response:
    """`reason` is for programs, `details` are for people; what was begun is undone."""
    db.session.rollback()
    family = 500 if status >= 500 else 400
    say = BY_CODE.get(code) or BY_STATUS.get(status) or BY_STATUS[family]
    if _wants_json():
        problem = {"type": "about:blank", "title": str(say.title), "status": status, "code": code}
        if status < 500:
            problem |= {"detail": reason or str(say.text)}
        if fields:
            problem |= {"errors": fields}
        response = Response(json.dumps(problem), mimetype="application/problem+json")
    else:
        # A failure may be the database's: its page shows nothing that would ask it.
        template = "errors/failure.html" if status == 500 else "errors/refusal.html"
        page = render_template(template, say=say, status=status, details=details)
        response = make_response(page)
    response.status_code = status
    response.headers.extend(headers)
    return response


def _wants_json() -> bool:
    offered = ["text/html", "application/problem+json", "application/json"]
    return request.accept_mimetypes.best_match(offered, default="text/html") != "text/html"
