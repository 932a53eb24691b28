"""The outbox as operators see it: what we asked the processors, and each try."""

from __future__ import annotations

import json
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from marketplace.access import audience
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.processors.outbox import ProcessorRequest, ProcessorTry
from marketplace.web import paging
from marketplace.web.operator import bp

STATES = ("ready", "sent", "unknown", "done", "rejected", "abandoned", "needs_review")


@bp.get("/webhooks/requests")
@audience("operator")
def requests() -> ResponseReturnValue:
    """Requests, newest first; `?state=` shows those of one state."""
    state = request.args.get("state", "")
    statement = select(ProcessorRequest)
    if state in STATES:
        statement = statement.where(ProcessorRequest.state == state)
    counted = db.session.execute(
        select(ProcessorRequest.state, func.count()).group_by(ProcessorRequest.state)
    )
    return render_template(
        "operator/requests.html",
        page=paging.newest_first(statement, ProcessorRequest.id),
        state=state if state in STATES else None,
        counts={state: count for state, count in counted},
        states=STATES,
    )


@bp.get("/webhooks/requests/<uuid:request_id>")
@audience("operator")
def processor_request(request_id: UUID) -> ResponseReturnValue:
    """One request: its frozen body, and what each try came to."""
    asked = db.session.get(ProcessorRequest, request_id)
    if asked is None:
        raise NotFound("no such request")
    tries = db.session.scalars(
        select(ProcessorTry).where(ProcessorTry.request_id == request_id).order_by(ProcessorTry.id)
    )
    body = json.dumps(asked.body, indent=2, ensure_ascii=False)
    return render_template("operator/request.html", asked=asked, tries=list(tries), body=body)
