"""POST /webhooks/metrics: facts about creators from a source that signs them.

The header `Metrics-Signature: t=<unix>,v1=<hex>` carries the HMAC-SHA256 of '<t>.<raw body>' under
`METRICS_SECRET`. Good rows are taken, bad ones named in the answer; the same delivery again gets
the report of the first.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Request

from marketplace import clock, demo_clock
from marketplace.config import Settings
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.metrics.importing import MetricImport, MetricLine, import_metrics
from marketplace.metrics.reading import read_json
from marketplace.processors.base import BadSignature
from marketplace.processors.stripe_events import check_signature
from marketplace.webhooks.endpoint import raw_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/webhooks/metrics"
SIGNATURE_HEADER = "Metrics-Signature"
NAMED_MAX = 1_000  # lines of a report in one answer

log = logging.getLogger(__name__)


class Metrics:
    """Takes what is posted to `PATH` and leaves everything else to the application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._pages: WSGIApplication = app.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
            return self._pages(environ, start_response)
        try:
            with self._app.app_context():
                status, answer = take(Request(environ), self._app.extensions["settings"])
        except HTTPException as refusal:
            return refusal(environ, start_response)
        except Exception:
            log.exception("metrics")
            status, answer = 500, {"error": "failed"}
        body = json.dumps(answer).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {HTTP_STATUS_CODES[status]}", headers)
        return [body]


def take(request: Request, settings: Settings) -> tuple[int, dict[str, Any]]:
    """Take one body; return status and answer. 200 = it was judged, row by row, now or before.

    Raises:
        NotFound: no secret is set, so that this endpoint is off.
        RequestEntityTooLarge: more than `RAW_BYTES_MAX`.
    """
    if not settings.metrics_secrets:
        raise NotFound
    raw = raw_of(request)
    signature = request.headers.get(SIGNATURE_HEADER, "")
    try:
        check_signature(raw, signature, settings.metrics_secrets, clock.wall_now())
        rows = read_json(raw)
    except BadSignature as error:
        return error.status, {"error": error.code}
    except BadInput as error:
        return 400, {"error": "bad_payload", "message": str(error)}
    if settings.sandbox:
        demo_clock.load()
    # A delivery is known by what was signed: its body and its moment.
    key = UUID(bytes=hashlib.sha256(signature.partition(",")[0].encode() + raw).digest()[:16])
    try:
        brought = import_metrics(
            rows, raw, filename="signed", uploaded_by=None, form_key=key, at=clock.now()
        )
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        brought = db.session.scalars(select(MetricImport).filter_by(form_key=key)).one()
    return 200, _report(brought)


def _report(brought: MetricImport) -> dict[str, Any]:
    lines = select(MetricLine).where(MetricLine.import_id == brought.id).order_by(MetricLine.line)
    return {
        "import": str(brought.id),
        **brought.counts,
        "lines": [
            {"row": line.line, "outcome": line.outcome, "reason": line.reason}
            for line in db.session.scalars(lines.limit(NAMED_MAX))
        ],
    }
