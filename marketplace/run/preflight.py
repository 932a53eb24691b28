"""What must be true before anything starts. Each refusal is one sentence that says what to do."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from marketplace.config import REPOSITORY, make_folder
from marketplace.database.embedded_process import command_lines
from marketplace.errors import MarketplaceError

SERVER_VERSION_MIN = 15
CONNECT_WITHIN_S = 5
LEFTOVERS_END_WITHIN_S = 10


class StartRefused(MarketplaceError):
    """The marketplace cannot run here and now; the message says why and what to do."""

    status, code = 500, "start_refused"


@contextlib.contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Be the only supervisor of this folder while the block lasts.

    Raises:
        StartRefused: another one runs.
        SettingsError: the folder cannot be made.
    """
    make_folder(var)
    with (var / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartRefused(
                f"it is already running in this folder (process {lock.read().strip()}): "
                "stop that one first, with Ctrl-C where it runs"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def end_leftovers(var: Path) -> None:
    """See to it that nothing of a killed supervisor runs on; PostgreSQL sees to its own processes.

    They were told to end when it died, so they get time; those that do not are killed.
    """
    try:
        recorded: dict[str, int] = json.loads((var / "pids.json").read_text())
    except (FileNotFoundError, ValueError):  # cut short, where the machine itself went down
        return
    deadline = time.monotonic() + LEFTOVERS_END_WITHIN_S
    while left := [pid for pid in recorded.values() if _is_ours(pid)]:
        if time.monotonic() > deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        time.sleep(0.1)


def _is_ours(pid: int) -> bool:
    """Is it still one of our programs? The number may be some other process's by now."""
    command = dict(command_lines()).get(pid, "").split("\0")
    if command[1:2] != ["-m"] or command[2] not in ("gunicorn", "flask", "marketplace.sandbox"):
        return False
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(REPOSITORY) and os.getpgid(pid) == pid
    except OSError:
        return False


def port_is_free(port: int) -> bool:
    """Could a server listen on this port of the loopback address now?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_port(port: int) -> None:
    """Refuse to start on a port that the web server could not take.

    Raises:
        StartRefused: it is in use, or we may not listen on it.
    """
    if not port_is_free(port):
        raise StartRefused(
            f"port {port} is in use or not ours to take: free it, or choose another with "
            "`PORT=8001 make run`"
        )


def check_database(url: str) -> None:
    """Refuse to start without a usable database at `DATABASE_URL`.

    Raises:
        StartRefused: it cannot be reached, or is older than we support.
    """
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(conninfo, connect_timeout=CONNECT_WITHIN_S) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise StartRefused(f"the database at DATABASE_URL cannot be used: {reason}") from None
    if version < SERVER_VERSION_MIN:
        raise StartRefused(
            f"the database at DATABASE_URL is PostgreSQL {version}: "
            f"{SERVER_VERSION_MIN} or newer is needed"
        )
