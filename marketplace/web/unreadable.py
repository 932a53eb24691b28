"""Text that cannot be stored or read is refused at the door, before anything looks at the form.

PostgreSQL stores no NUL. Werkzeug leaves bytes that are no UTF-8 percent-encoded, so that '%FF'
would be taken for what the person wrote.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from flask import request
from werkzeug.exceptions import BadRequest, RequestURITooLarge

QUERY_BYTES_MAX = 8_192
_FORM = "application/x-www-form-urlencoded"


def refuse_unreadable() -> None:
    """Before each request: refuse a query or form with bytes that are no text.

    Raises:
        RequestURITooLarge: the query is longer than any of our links.
        BadRequest: not UTF-8, or it contains NUL.
    """
    if len(request.query_string) > QUERY_BYTES_MAX:
        raise RequestURITooLarge
    _refuse(request.query_string)
    if request.mimetype == _FORM:
        # Kept, so that the form is still there for those who come after us.
        _refuse(request.get_data(cache=True))


def _refuse(encoded: bytes) -> None:
    decoded = unquote_to_bytes(encoded)
    if b"\0" in decoded:
        raise BadRequest("The request contains a NUL character.")
    try:
        decoded.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("The request is not UTF-8 text.") from error
