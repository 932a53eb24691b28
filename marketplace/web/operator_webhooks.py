"""The inbox as operators see it: what the processors told us, what came of it, and replay."""

from __future__ import annotations

import json
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.orm import defer

from marketplace.access import audience
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.processors.outbox import ProcessorRequest
from marketplace.web import paging
from marketplace.web.operator import bp
from marketplace.webhooks import inbox
from marketplace.webhooks.event import WebhookEvent

STATES = ("new", "retry", "done", "ignored", "quarantined", "parked")


@bp.get("/webhooks")
@audience("operator")
def webhooks() -> ResponseReturnValue:
    """Events, newest first; `?state=` shows those of one state."""
    state = request.args.get("state", "")
    statement = select(WebhookEvent).options(defer(WebhookEvent.raw))
    if state in STATES:
        statement = statement.where(WebhookEvent.state == state)
    counted = db.session.execute(
        select(WebhookEvent.state, func.count()).group_by(WebhookEvent.state)
    )
    return render_template(
        "operator/webhooks.html",
        page=paging.newest_first(statement, WebhookEvent.id),
        state=state if state in STATES else None,
        counts={state: count for state, count in counted},
        states=STATES,
    )


@bp.get("/webhooks/<uuid:event_id>")
@audience("operator")
def webhook(event_id: UUID) -> ResponseReturnValue:
    """One event as it came, and what it is about."""
    event = db.session.get(WebhookEvent, event_id)
    if event is None:
        raise NotFound("no such event")
    asked = db.session.scalars(
        select(ProcessorRequest)
        .where(
            ProcessorRequest.processor == event.processor,
            ProcessorRequest.remote_id == event.object_id,
        )
        .order_by(ProcessorRequest.attempt.desc())
        .limit(1)
    ).one_or_none()
    return render_template(
        "operator/webhook.html", event=event, body=pretty(event.raw), asked=asked
    )


def pretty(raw: bytes) -> str:
    """A body with one member a line; what is no JSON as it came."""
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")


@bp.post("/webhooks/<uuid:event_id>/replay")
@audience("operator")
def replay_webhook(event_id: UUID) -> ResponseReturnValue:
    """Handle it once more from the start; what was applied stays applied once."""
    event = lock(WebhookEvent, event_id)
    if event is None:
        raise NotFound("no such event")
    inbox.replay(event)
    db.session.commit()
    flash(gettext("The event will be handled again. What it did before stays done once."))
    return redirect(url_for("operator.webhook", event_id=event_id), 303)
