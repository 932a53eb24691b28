"""Run the sandbox until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType

from marketplace.sandbox.server import Server
from marketplace.sandbox.settings import settings_from


def main() -> None:
    """Serve in the foreground; exit 0 when asked to stop, 1 when not configured."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        settings = settings_from(os.environ)
    except ValueError as error:
        sys.exit(f"sandbox: {error}")

    asked_to_stop = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        asked_to_stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    server = Server(settings)
    server.start()
    logging.getLogger("sandbox").info("listening on %s", server.url)
    asked_to_stop.wait()
    server.stop()


if __name__ == "__main__":
    main()
