"""The sandbox as a web application: Stripe's API and PayPal's, the hosted pages, the control
calls."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from marketplace.sandbox import api, control, pages, paypal, paypal_control
from marketplace.sandbox.world import World, new_id

MAX_BODY_BYTES = 1 << 20


def create_app(world: World) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.register_error_handler(HTTPException, _refuse)
    api.register(app, world)
    paypal.register(app, world)
    pages.register(app, world)
    control.register(app, world)
    paypal_control.register(app, world)
    return app


def _refuse(error: HTTPException) -> Response:
    """Say no in Stripe's shape, also where there is no such call or we broke."""
    status = error.code or 500
    kind = "api_error" if status >= 500 else "invalid_request_error"
    message = error.description or error.name
    if status == 404 and request.path.startswith(("/v1/", "/v2/")):
        message = f"Unrecognized request URL ({request.method}: {request.path})."
    response = jsonify(error={"type": kind, "message": message})
    response.status_code = status
    response.headers["Request-Id"] = new_id("req", 14)
    return response
