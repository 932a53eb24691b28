"""Join the application to a sandbox for one test."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from marketplace.processors.paypal import PayPal
from marketplace.processors.stripe import Stripe
from tests.sandbox.server import API_KEY, SandboxServer

TIMEOUT_S = 1.0


def join(app: Flask, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Stripe:
    """Point settings and adapter of the application at this sandbox, until the test ends."""
    settings = replace(
        app.extensions["settings"],
        stripe_api_base=sandbox.url,
        paypal_api_base=sandbox.url,
        stripe_secret_key=API_KEY,
        processor_timeout_s=TIMEOUT_S,
    )
    stripe = Stripe(settings)
    monkeypatch.setitem(app.extensions, "settings", settings)
    monkeypatch.setitem(
        app.extensions, "processors", {"stripe": stripe, "paypal": PayPal(settings)}
    )
    return stripe
