"""Which processors this application has, by name."""

from __future__ import annotations

from flask import Flask, current_app

from marketplace.config import Settings
from marketplace.errors import NotFound
from marketplace.processors.base import Processor
from marketplace.processors.stripe import Stripe


def register(app: Flask, settings: Settings) -> None:
    """Build an adapter for each processor. Opens no connection."""
    app.extensions["processors"] = {Stripe.name: Stripe(settings)}


def get(name: str) -> Processor:
    """Return the adapter of this name.

    Raises:
        NotFound: there is no such processor.
    """
    processors: dict[str, Processor] = current_app.extensions["processors"]
    if name not in processors:
        raise NotFound(f"there is no processor {name!r}")
    return processors[name]


def livemode() -> bool:
    """Does real money move here?"""
    settings: Settings = current_app.extensions["settings"]
    return settings.livemode
