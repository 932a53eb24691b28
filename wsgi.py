"""The application as web servers and `flask` load it."""

from __future__ import annotations

import sys

from marketplace import create_app
from marketplace.errors import MarketplaceError

try:
    app = create_app()
except MarketplaceError as refusal:
    sys.exit(f"cannot start: {refusal}")
