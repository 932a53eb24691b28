"""`python -m marketplace.run`."""

from __future__ import annotations

import os
import sys

from marketplace.config import VAR, load_settings, port
from marketplace.errors import MarketplaceError
from marketplace.run import preflight
from marketplace.run.supervisor import Supervisor


def main() -> int:
    """Run the marketplace until it is told to stop; return the exit status."""
    os.umask(0o022)  # the database's account must be able to enter the folders we make
    try:
        web_port = port(os.environ)
        settings = load_settings()
        with preflight.only_one(VAR):
            preflight.end_leftovers(VAR)
            preflight.check_port(web_port)
            if settings.database_url:
                preflight.check_database(settings.database_url)
            Supervisor(settings, web_port, os.environ).run()
    except MarketplaceError as refusal:
        print(f"make run: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the supervisor listens to it
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
