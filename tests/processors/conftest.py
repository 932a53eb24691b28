"""The Stripe adapter against a running sandbox, and against a server that gives canned answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.processors.stripe import Stripe
from tests.processors.canned import CannedServer
from tests.processors.make import settings_towards
from tests.sandbox.server import SandboxServer


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxServer]:
    """A sandbox; all that crosses its wire agrees with Stripe's own description."""
    server = SandboxServer(tmp_path)
    server.start()
    yield server
    server.stop()
    assert server.violations == []


@pytest.fixture
def stripe(sandbox: SandboxServer) -> Stripe:
    """Our adapter, towards the sandbox."""
    return Stripe(settings_towards(sandbox.url))


@pytest.fixture
def canned() -> Iterator[CannedServer]:
    """A server that answers whatever the test says."""
    server = CannedServer()
    server.start()
    yield server
    server.stop()
