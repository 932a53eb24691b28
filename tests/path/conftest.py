"""The application, a sandbox that tells it what happens, and Stripe's description over both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from marketplace.extensions import db
from marketplace.worker import walk
from tests.conftest import Web
from tests.harness import Ports
from tests.path.story import Story, our_books, their_books
from tests.sandbox.server import SandboxServer
from tests.worker.joining import join


@pytest.fixture
def story(app: Flask, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """A story to tell. At its end the two books agree, and each wire was as Stripe describes it."""
    with told(SandboxServer(tmp_path, webhook_base=_hooks(web)), app, monkeypatch) as story:
        yield story


@pytest.fixture
def seen_story(
    app: Flask, web: Web, ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Story]:
    """The same for people at browsers: the sandbox is where our pages may lead them."""
    monkeypatch.setattr(walk, "_told", None)  # of the sandbox that was there before
    sandbox = SandboxServer(tmp_path, webhook_base=_hooks(web), port=ports.sandbox)
    with told(sandbox, app, monkeypatch) as story:
        yield story


def _hooks(web: Web) -> str:
    return f"{web.url}/webhooks/stripe"


@contextmanager
def told(sandbox: SandboxServer, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """The application joined to a sandbox, and both judged at the end."""
    with sandbox, app.app_context():
        join(app, sandbox, monkeypatch)
        yield Story(app, sandbox)
        assert our_books() == their_books(sandbox)
        db.session.remove()
    assert sandbox.violations == []
