"""Answers that are none: cut off, a page of something in between, or no HTTP at all."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from flask import Response

from marketplace.sandbox.severing import sever

# A TLS alert in place of an answer: fatal (2), handshake failure (40).
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
_PAGE = "<html><body><h1>Please wait</h1></body></html>"


def fail_handshake(environ: dict[str, Any]) -> None:
    """Answer as one with whom no TLS can be agreed; nothing was read."""
    connection: socket.socket = environ["werkzeug.socket"]
    with contextlib.suppress(OSError):
        connection.sendall(_ALERT)
    sever(environ, reset=False)


def garble(response: Response, fault: str) -> Response:
    """Spoil how an answer is written, whatever it says."""
    if fault == "truncated":
        body = response.get_data()
        response.set_data(body[: len(body) // 2])
    elif fault == "wrong_type":
        response.set_data(_PAGE)
        response.mimetype = "text/html"
    elif fault == "api_version":
        response.headers["Stripe-Version"] = "2031-01-01.later"
    return response
