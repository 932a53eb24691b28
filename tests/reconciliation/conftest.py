"""The application joined to a sandbox that tells nobody: whatever happens there, we must ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from marketplace.extensions import db
from marketplace.processors.stripe import Stripe
from tests.sandbox.server import SandboxServer
from tests.worker.joining import join


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxServer]:
    """A sandbox to whose webhooks nobody listens; it is held to Stripe's own description."""
    server = SandboxServer(tmp_path)
    server.start()
    yield server
    server.stop()
    assert server.violations == []


@pytest.fixture
def joined(app: Flask, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    """Our adapter towards the sandbox, within the application."""
    stripe = join(app, sandbox, monkeypatch)
    with app.app_context():
        yield stripe
        db.session.remove()
