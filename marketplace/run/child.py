"""One program that the supervisor keeps running, in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from marketplace.database.embedded_process import tied_to_parent

PAUSE_S = 0.5  # before the second start; doubles with every death in a row
PAUSE_MAX_S = 10.0
SETTLED_AFTER_S = 30.0  # a child that lived this long was well


class Child:
    """A program by name: `spawn` starts it, `stop_signal` asks it to end."""

    def __init__(
        self,
        name: str,
        spawn: Callable[[], subprocess.Popen[bytes]],
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self._spawn = spawn
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_again_at = 0.0
        self._deaths_in_a_row = 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the program."""
        self._process = self._spawn()
        self._started_at = time.monotonic()

    def died(self) -> int | None:
        """Return its exit status, once, if it ended since; what is left of its group is killed."""
        if self._process is None or self._process.poll() is None:
            return None
        status: int = self._process.returncode
        self._kill_group()
        if time.monotonic() - self._started_at > SETTLED_AFTER_S:
            self._deaths_in_a_row = 0
        pause_s = min(PAUSE_MAX_S, PAUSE_S * 2**self._deaths_in_a_row)
        self._start_again_at = time.monotonic() + pause_s
        self._deaths_in_a_row += 1
        return status

    @property
    def waits_to_start_again(self) -> bool:
        """Has it died, and has its pause passed?"""
        return self._process is None and time.monotonic() >= self._start_again_at

    def stop(self, within_s: float) -> None:
        """Ask it to end; after the deadline kill its whole group."""
        if self._process is None:
            return
        self._process.send_signal(self._stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        self._kill_group()

    def _kill_group(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in it
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def program(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], log: Path
) -> Callable[[], subprocess.Popen[bytes]]:
    """Return what starts `command` in `folder`, its output appended to `log`.

    It has no terminal, so Ctrl-C reaches the supervisor alone; it ends when the supervisor dies.
    """

    def spawn() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=tied_to_parent(signal.SIGTERM),
            )

    return spawn
