"""How one sandbox is started: where it listens, what it remembers, which secrets it shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The one API version spoken here: the one that the stripe library 16.1 pins.
API_VERSION = "2026-10-28.endive"

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """`webhook_base` empty means that nobody listens: events are listed, not sent."""

    port: int
    database: Path
    api_key: str
    webhook_base: str = ""
    webhook_secret: str = ""
    connect_secret: str = ""
    thin_secret: str = ""
    # The second rail; without an id nobody gets a token.
    paypal_client_id: str = ""
    paypal_client_secret: str = ""
    paypal_webhook_id: str = ""
    paypal_webhook: str = ""  # where its events go; empty = nobody listens


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Read SANDBOX_* variables.

    Raises:
        ValueError: names each variable that is missing or unusable.
    """
    needed = ["SANDBOX_PORT", "SANDBOX_DB", "SANDBOX_API_KEY"]
    if environ.get("SANDBOX_WEBHOOK_BASE"):
        needed += ["SANDBOX_WEBHOOK_SECRET", "SANDBOX_CONNECT_SECRET", "SANDBOX_THIN_SECRET"]
    missing = [name for name in needed if not environ.get(name)]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    if not environ["SANDBOX_PORT"].isdecimal():
        raise ValueError("SANDBOX_PORT is not a port number")
    return Settings(
        port=int(environ["SANDBOX_PORT"]),
        database=Path(environ["SANDBOX_DB"]),
        api_key=environ["SANDBOX_API_KEY"],
        webhook_base=environ.get("SANDBOX_WEBHOOK_BASE", "").rstrip("/"),
        webhook_secret=environ.get("SANDBOX_WEBHOOK_SECRET", ""),
        connect_secret=environ.get("SANDBOX_CONNECT_SECRET", ""),
        thin_secret=environ.get("SANDBOX_THIN_SECRET", ""),
        paypal_client_id=environ.get("SANDBOX_PAYPAL_CLIENT_ID", ""),
        paypal_client_secret=environ.get("SANDBOX_PAYPAL_CLIENT_SECRET", ""),
        paypal_webhook_id=environ.get("SANDBOX_PAYPAL_WEBHOOK_ID", ""),
        paypal_webhook=environ.get("SANDBOX_PAYPAL_WEBHOOK", ""),
    )
