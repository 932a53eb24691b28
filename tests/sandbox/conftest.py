"""A sandbox per test, judged by Stripe's own description, and somebody who listens to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests import oracle
from tests.sandbox.listener import Listener
from tests.sandbox.scenes import Scenes
from tests.sandbox.server import SandboxServer


@pytest.fixture(scope="session")
def judge() -> oracle.Oracle:
    try:
        return oracle.load()
    except oracle.OracleMissing as missing:
        pytest.skip(f"NOT JUDGED BY STRIPE'S DESCRIPTION: {missing}")


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    listener.start()
    yield listener
    listener.stop()


@pytest.fixture
def sandbox(judge: oracle.Oracle, tmp_path: Path, listener: Listener) -> Iterator[SandboxServer]:
    """A running sandbox; whatever crossed a wire in the test agrees with Stripe's description."""
    with SandboxServer(tmp_path, webhook_base=listener.url) as server:
        yield server
    assert server.violations == []


@pytest.fixture
def client(sandbox: SandboxServer) -> stripe.StripeClient:
    return sandbox.client()


@pytest.fixture
def scenes(sandbox: SandboxServer, client: stripe.StripeClient) -> Scenes:
    return Scenes(sandbox, client)
