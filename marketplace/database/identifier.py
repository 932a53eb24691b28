"""Identifiers: UUIDv7, made in Python, so that a row knows its id before it is written."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562, section 5.7): 48 bits of wall-clock ms, then random."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10))
    bits = bits & ~(0xF << 76) | (0x7 << 76)  # version 7
    bits = bits & ~(0x3 << 62) | (0x2 << 62)  # variant of RFC 9562
    return UUID(int=bits)
