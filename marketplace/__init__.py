"""A brand-creator marketplace: money in, money owed, money out, over one ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from marketplace.config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Assemble the application. Does no I/O but finding the embedded server's address.

    Raises:
        SettingsError: live mode lacks a secret, or there is no database to talk to.
    """
    # Late, so that `import marketplace` stays light: the sandbox lives in this package too.
    from marketplace.assembly import assemble
    from marketplace.config import load_settings

    return assemble(settings or load_settings())
