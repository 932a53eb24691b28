"""Connections that the server has closed are not handed out; knowing costs no round trip."""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError


def refuse_closed_connections(engine: Engine) -> None:
    """Have the pool replace a connection whose server is gone, such as after a restart.

    A server that ends closes its sockets: one that can be read while nothing was asked has only its
    end to tell. `pool_pre_ping` would ask with a query of its own before each use, which took half
    the time of storing a webhook.
    """
    event.listen(engine, "checkout", _refuse_closed)


def _refuse_closed(connection: Any, record: object, proxy: object) -> None:
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise DisconnectionError("the server closed this connection")
