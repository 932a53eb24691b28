"""Breaking a connection instead of answering."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any

# Close at once and send RST instead of FIN: (on, zero seconds).
LINGER_NOT = struct.pack("ii", 1, 0)


def sever(environ: dict[str, Any], *, reset: bool) -> None:
    """End the caller's connection now; whatever is written to it afterwards goes nowhere."""
    connection: socket.socket = environ["werkzeug.socket"]
    with contextlib.suppress(OSError):  # a caller that waited too long is gone already
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        connection.shutdown(socket.SHUT_RDWR)
