"""The server's processes: tied to the life of their parent, ended where one left them behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux has it; elsewhere a child is not tied


def tied_to_parent(signal_at_death: int) -> Callable[[], None]:
    """Return a `preexec_fn`: the kernel sends the child this signal once its parent is dead."""
    parent = os.getpid()

    def tie() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, int(signal_at_death))
        if os.getppid() != parent:  # it died before the tie held
            os._exit(1)

    return tie


def end_leftovers(data: Path, cluster_name: str, within_s: float) -> None:
    """End what a killed server, or a server whose parent was killed, left running on `data`.

    Only for whoever holds the server's lock: these processes are then nobody else's. When they are
    gone the pid file goes too: its number may by now be another process, and PostgreSQL would
    refuse to start. Where there is no /proc, PostgreSQL's own check decides.
    """
    pid_file = data / "postmaster.pid"
    if not _PROC.exists() or not pid_file.exists():
        return
    postmaster = pid_file.read_text().partition("\n")[0]
    deadline = time.monotonic() + within_s
    while left := _servers(cluster_name):
        late = time.monotonic() > deadline
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                if late:
                    os.kill(pid, signal.SIGKILL)
                elif str(pid) == postmaster:  # without it the others end by themselves
                    os.kill(pid, signal.SIGINT)
        time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def command_lines() -> Iterator[tuple[int, str]]:
    """Each living process and its command line, arguments separated by NUL.

    Reads `/proc/<pid>/cmdline`, which anybody may read (`cwd` and `environ` are closed even to root
    in a container). A zombie has none.
    """
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if command := (folder / "cmdline").read_bytes():
                yield int(folder.name), os.fsdecode(command)


def _servers(cluster_name: str) -> list[int]:
    """The postmaster has the name among its arguments, its children in their titles."""
    return [
        pid
        for pid, command in command_lines()
        if cluster_name in command and "postgres" in command.partition("\0")[0]
    ]
