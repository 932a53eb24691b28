"""What browsers are told: what a page may load, where its forms may go, what may be kept."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request, session

from marketplace.config import Settings

YEAR_S = 31_536_000
DAY_S = 86_400

# Where a form of ours leads by redirect: Chromium applies `form-action` to the whole chain.
_STRIPE_PAGES = ("https://checkout.stripe.com", "https://connect.stripe.com")


def register(app: Flask) -> None:
    """Put the headers on every answer, refusals and failures included."""
    settings: Settings = app.extensions["settings"]
    fixed = {
        "Content-Security-Policy": content_policy(settings),
        "X-Content-Type-Options": "nosniff",
        # Flask-WTF compares the referrer of a form sent over https, so it must not be empty.
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if settings.base_url.startswith("https://"):
        fixed["Strict-Transport-Security"] = f"max-age={YEAR_S}; includeSubDomains"

    @app.after_request
    def tell(response: Response) -> Response:
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        _say_what_may_be_kept(response)
        return response


def content_policy(settings: Settings) -> str:
    """Everything from ourselves, nothing inline; forms also lead to the processor's pages."""
    hosted = (_origin(settings.stripe_api_base),) if settings.stripe_api_base else _STRIPE_PAGES
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            f"form-action 'self' {' '.join(hosted)}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _say_what_may_be_kept(response: Response) -> None:
    """A file named with its fingerprint for ever; a page of somebody who is logged in never."""
    if (request.endpoint or "").endswith(".static") and response.status_code in (200, 206, 304):
        seconds = YEAR_S if "v" in request.args else DAY_S
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = seconds
        response.cache_control.immutable = "v" in request.args
    elif "_user_id" in session:
        response.headers["Cache-Control"] = "no-store"
    else:
        response.headers.setdefault("Cache-Control", "private, no-cache")
