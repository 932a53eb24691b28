"""The application, a sandbox that tells it what happens, and Stripe's description over both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from marketplace.extensions import db
from tests.conftest import Web
from tests.path.story import Story, our_books, their_books
from tests.sandbox.server import SandboxServer
from tests.worker.joining import join


@pytest.fixture
def story(app: Flask, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """A story to tell. At its end the two books agree, and each wire was as Stripe describes it."""
    with (
        SandboxServer(tmp_path, webhook_base=f"{web.url}/webhooks/stripe") as sandbox,
        app.app_context(),
    ):
        join(app, sandbox, monkeypatch)
        yield Story(app, sandbox)
        assert our_books() == their_books(sandbox)
        db.session.remove()
    assert sandbox.violations == []
