"""Which processors and rails this application has, by name."""

from __future__ import annotations

from flask import Flask, current_app

from marketplace.config import Settings
from marketplace.errors import NotFound
from marketplace.processors.bank import Bank
from marketplace.processors.base import Processor, Rail
from marketplace.processors.paypal import PayPal
from marketplace.processors.stripe import Stripe


def register(app: Flask, settings: Settings) -> None:
    """Build an adapter for each processor that is set up. Opens no connection."""
    processors: dict[str, Processor] = {Stripe.name: Stripe(settings)}
    if settings.paypal_client_id:
        processors[PayPal.name] = PayPal(settings)
    app.extensions["processors"] = processors
    app.extensions["bank"] = Bank(settings.bank_account) if settings.bank_account else None


def get(name: str) -> Processor:
    """Return the adapter of this name.

    Raises:
        NotFound: there is no such processor.
    """
    processors: dict[str, Processor] = current_app.extensions["processors"]
    if name not in processors:
        raise NotFound(f"there is no processor {name!r}")
    return processors[name]


def names() -> list[str]:
    """Every processor that is set up here."""
    return sorted(current_app.extensions["processors"])


def bank() -> Bank:
    """Return the bank rail.

    Raises:
        NotFound: there is no account of ours from which it could pay.
    """
    found: Bank | None = current_app.extensions["bank"]
    if found is None:
        raise NotFound("there is no bank account of ours")
    return found


def rail(name: str) -> Rail:
    """Return the rail of this name: each processor is one, and the bank.

    Raises:
        NotFound: there is no such rail.
    """
    return bank() if name == Bank.name else get(name)


def offers(name: str) -> bool:
    """Is this rail set up here?"""
    if name == Bank.name:
        return current_app.extensions["bank"] is not None
    return name in current_app.extensions["processors"]


def livemode() -> bool:
    """Does real money move here?"""
    settings: Settings = current_app.extensions["settings"]
    return settings.livemode
