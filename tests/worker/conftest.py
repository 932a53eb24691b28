"""The application joined to a running sandbox; the glue to the domain may be a recorder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from marketplace.extensions import db
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import converge
from tests.sandbox.server import SandboxServer
from tests.worker.joining import join
from tests.worker.recorder import Recorder


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxServer]:
    """A sandbox; all that crosses its wire agrees with Stripe's own description."""
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


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Stands where the domain is told what came of a request."""
    recorder = Recorder()
    monkeypatch.setattr(converge, "before_send", recorder.before_send)
    monkeypatch.setattr(converge, "answered", recorder.answered)
    return recorder
