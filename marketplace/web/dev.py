"""Sandbox mode only: the mail that would have been sent, to read it here."""

from __future__ import annotations

import re
from uuid import UUID

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from sqlalchemy import select

from marketplace.access import audience
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.web import paging

_LINK = re.compile(r"https?://[^\s<>\"]+")

bp = Blueprint("dev", __name__, url_prefix="/dev")


@bp.get("/mail")
@audience("public")
def mails() -> ResponseReturnValue:
    """Every mail, newest first."""
    return render_template("dev/mails.html", page=paging.newest_first(select(Mail), Mail.id))


@bp.get("/mail/<uuid:mail_id>")
@audience("public")
def mail(mail_id: UUID) -> ResponseReturnValue:
    """One mail, its links to click on."""
    found = db.session.get(Mail, mail_id)
    if found is None:
        raise NotFound("no such mail")
    return render_template("dev/mail.html", mail=found, body=with_links(found.body))


def with_links(body: str) -> Markup:
    """Plain text as HTML with its links. Ours stay on the host by which this page was reached."""
    base_url = current_app.extensions["settings"].base_url
    html, end = Markup(""), 0
    for link in _LINK.finditer(body):
        url = link.group()
        anchor = Markup('<a href="{}">{}</a>').format(url.removeprefix(base_url) or "/", url)
        html += escape(body[end : link.start()]) + anchor
        end = link.end()
    return html + escape(body[end:])
