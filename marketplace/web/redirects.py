"""Where a person goes after a form. A destination from outside is only ever a path of ours."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from flask import request, url_for


def own_path(destination: str) -> str | None:
    """The destination as a path on this site, or None if it leads anywhere else.

    Browsers drop tabs and line breaks and read backslashes as slashes, so '/\\t/evil.example' and
    '/\\evil.example' lead away: any of these is refused.
    """
    if not destination.startswith("/") or destination.startswith("//"):
        return None
    if "\\" in destination or not destination.isprintable():
        return None
    try:
        parts = urlsplit(destination)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or parts.path.startswith("//"):
        return None
    return urlunsplit(("", "", parts.path, parts.query, ""))


def here() -> str:
    """The present page as a path, to come back to it; after a form, the page it was on is gone."""
    if request.method != "GET":
        return url_for("public.home")
    # Also asked by the page that refuses a query which is no text.
    query = request.query_string.decode(errors="replace")
    return f"{request.path}?{query}" if query else request.path
