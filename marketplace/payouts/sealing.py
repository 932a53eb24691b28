"""What must not be readable in the database or its backups: sealed under a key that lies elsewhere.

`BANK_DATA_KEY` may name several keys while one is replaced: the first seals, each of them opens.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app

from marketplace.config import Settings
from marketplace.errors import MarketplaceError


class Unreadable(MarketplaceError):
    """It was sealed under another key, or was changed since."""

    status, code = 500, "unreadable"


def seal(content: bytes) -> bytes:
    """Return what only `unseal` can read."""
    return _box().encrypt(content)


def unseal(sealed: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        Unreadable: none of our keys opens it.
    """
    try:
        return _box().decrypt(sealed)
    except InvalidToken as error:
        raise Unreadable("BANK_DATA_KEY lacks the key under which this was sealed") from error


def likeness(text: str) -> str:
    """Return what two equal texts share and nobody can turn back, under the oldest of the keys."""
    return hmac.new(_keys()[-1].encode(), text.encode(), hashlib.sha256).hexdigest()


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _keys()])


def _keys() -> tuple[str, ...]:
    settings: Settings = current_app.extensions["settings"]
    return settings.bank_data_keys
