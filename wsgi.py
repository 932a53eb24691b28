"""The application as web servers and `flask` load it."""

from __future__ import annotations

from marketplace import create_app

app = create_app()
