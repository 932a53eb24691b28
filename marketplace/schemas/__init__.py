"""What people and programs send: shapes only. One schema reads a form or a JSON object."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema


class Sent(Schema):
    """Something that was sent. What it does not name, such as a form's CSRF token, is left out."""

    class Meta:
        unknown = EXCLUDE
