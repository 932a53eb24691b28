"""That a shop signed these bytes: base64 of an HMAC-SHA256 over the raw body. PURE.

Shopify and WooCommerce sign alike, under headers of their own; neither signs a time, so that a
message is known by its id alone.
"""

from __future__ import annotations

import base64
import hmac

from marketplace.errors import MarketplaceError


class BadSignature(MarketplaceError):
    """The message is not proven to be the shop's."""

    status, code = 401, "bad_signature"


def signature(raw: bytes, secret: str) -> str:
    """What a shop that knows `secret` writes into the header."""
    return base64.b64encode(hmac.digest(secret.encode(), raw, "sha256")).decode()


def check(raw: bytes, header: str, secret: str) -> None:
    """Prove that `secret` signed these bytes.

    Raises:
        BadSignature: it did not.
    """
    if not hmac.compare_digest(signature(raw, secret).encode(), header.strip().encode()):
        raise BadSignature("the signature is not the shop's")
