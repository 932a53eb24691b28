"""Webhooks as they come: signed bytes over HTTP to the application's own server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from marketplace.extensions import db
from marketplace.processors.stripe import Stripe
from tests.conftest import Web
from tests.sandbox.server import SandboxServer
from tests.webhooks.sender import PATHS, Sender
from tests.worker.joining import join


@pytest.fixture
def deliver(web: Web) -> Sender:
    """Posts to the endpoints as Stripe would, or as Stripe never would."""
    return Sender(web.url)


@pytest.fixture
def sandbox(web: Web, tmp_path: Path) -> Iterator[SandboxServer]:
    """A sandbox that tells our server what happens, and is held to Stripe's own description."""
    server = SandboxServer(
        tmp_path,
        webhook_base=web.url + PATHS["platform"],
        paypal_webhook=web.url + PATHS["paypal"],
    )
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
