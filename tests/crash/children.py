"""Workers and web servers as processes of their own, to be killed.

They are forked from a server that has imported everything already (multiprocessing's forkserver):
a fifth of a second each, where starting Python anew takes two.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.context import ForkServerProcess

from werkzeug.serving import WSGIRequestHandler, make_server

from marketplace import create_app
from marketplace.config import Settings
from marketplace.worker import loop
from marketplace.worker.jobs import JOBS

KILLED = -signal.SIGKILL
PATIENCE_S = 30
TURN_S = 0.05  # of a worker, instead of a second

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["marketplace.assembly", __name__])

Spoil = Callable[[], None]  # takes a guard out, in the child alone


class Child:
    """One process of ours."""

    def __init__(self, work: Callable[..., None], *arguments: object) -> None:
        self._process: ForkServerProcess = _processes.Process(target=work, args=arguments)
        self._process.start()

    def died_by_itself(self) -> bool:
        """Wait until it is gone: by kill -9, and not otherwise?"""
        self._process.join(PATIENCE_S)
        died = self._process.exitcode == KILLED
        self.kill()
        return died

    def is_dead(self) -> bool:
        return not self._process.is_alive()

    def kill(self) -> None:
        """kill -9: nothing is finished, nobody is told."""
        self._process.kill()
        self._process.join()

    def stop(self) -> None:
        """Ask it to end, as a supervisor does."""
        self._process.terminate()
        self._process.join(PATIENCE_S)
        self.kill()


def worker(settings: Settings, failpoint: str = "", spoil: Spoil | None = None) -> Child:
    """A worker; it dies at the failpoint, if one is named."""
    return Child(_work, replace(settings, failpoint=failpoint), spoil)


def web(settings: Settings, port: int, failpoint: str = "") -> Child:
    """A web server."""
    return Child(_serve, replace(settings, failpoint=failpoint), port)


def _work(settings: Settings, spoil: Spoil | None) -> None:
    if spoil:
        spoil()
    loop.TURN_S = TURN_S
    # The sandbox keeps what earlier cells made there, and a reconciliation would ask whose it is.
    vars(loop)["JOBS"] = tuple(job for job in JOBS if job.name != "reconciliation")
    loop.run(create_app(settings))


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


def _serve(settings: Settings, port: int) -> None:
    app = create_app(settings)
    make_server("127.0.0.1", port, app, request_handler=_Quiet).serve_forever()


def until(what: Callable[[], bool], patience_s: float | None = None) -> bool:
    """Wait for something; False if it never comes."""
    deadline = time.monotonic() + (patience_s or PATIENCE_S)
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True
