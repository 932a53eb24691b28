"""The supervisor: starts everything in order, starts again what dies, stops everything in order.

postgres ── migrations ── sandbox ── demo world ── web, worker ── watch ── stop
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from marketplace.config import REPOSITORY, VAR, Settings, free_port, local_state
from marketplace.database.embedded import READY_WITHIN_S, EmbeddedServer, data_root
from marketplace.run.child import Child, program
from marketplace.run.preflight import StartRefused, port_is_free

LOGS = VAR / "log"
PIDS = VAR / "pids.json"
POLL_S = 0.1
NEVER_SILENT_FOR_S = 10  # while something starts
WEB_WORKERS = 2
REQUEST_ENDS_WITHIN_S = 8
STOP_WITHIN_S = {"web": 10, "worker": 15, "sandbox": 5, "postgres": 20}


class _Stopped(Exception):
    """We were asked to stop before everything had started."""


class Supervisor:
    """Everything that `make run` runs; `run` returns when it has been told to stop."""

    def __init__(self, settings: Settings, web_port: int, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._port = web_port
        self._environ = {
            **environ,
            "PORT": str(web_port),
            "PYTHONUNBUFFERED": "1",
            "FLASK_SKIP_DOTENV": "1",  # what we read is what every child reads
        }
        embedded = settings.database_url is None
        LOGS.mkdir(parents=True, exist_ok=True)
        self._server = (
            EmbeddedServer(data_root(REPOSITORY, environ), log=_fresh_log("postgres"))
            if embedded
            else None
        )
        wants_demo = environ.get("DEMO", "1" if embedded else "0") == "1"
        self._demo = settings.sandbox and wants_demo
        self._children: list[Child] = []  # in the order of their start
        self._starting: Child | None = (
            None  # its death ends the start; the others are started again
        )
        self._asked_to_stop = False
        self._everything_runs = False
        self._said_at = time.monotonic()

    def run(self) -> None:
        """Start, watch, stop.

        Raises:
            MarketplaceError: something did not start; everything that did has been stopped.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it, and means it
            signal.signal(signal.SIGHUP, self._ask_to_stop)
        try:
            self._start()
            self._everything_runs = True
            while True:
                self._pause()
        except _Stopped:
            pass
        finally:
            self._stop()

    def _ask_to_stop(self, *_: object) -> None:
        """A second Ctrl-C changes nothing: stopping is under way and has deadlines."""
        self._asked_to_stop = True

    def _start(self) -> None:
        if self._server:
            self._start_database(self._server)
        self._say("bringing the database up to date")
        if self._run_once("migrate", "db", "upgrade") != 0:
            raise StartRefused(f"the migrations failed:\n{_end_of_log('migrate')}")
        if self._settings.sandbox:
            self._start_sandbox()
        if self._demo:
            self._say("making the demo world, if the database is empty")
            if self._run_once("demo", "demo", "create", "--if-empty") != 0:
                self._say(f"no demo world, it failed:\n{_end_of_log('demo')}")
        self._say("starting the web server and the worker")
        self._start_child("worker", _flask("worker"), self._environ)
        web = [sys.executable, "-m", "gunicorn", "-w", str(WEB_WORKERS), "--no-control-socket"]
        web += ["--graceful-timeout", str(REQUEST_ENDS_WITHIN_S)]
        web += ["-b", f"127.0.0.1:{self._port}", "wsgi:app"]
        child = self._start_child("web", web, self._environ)
        self._wait_for(child, lambda: _answers(self._port, "/"), within_s=60)
        self._say(f"the marketplace runs at {self._settings.base_url} (Ctrl-C stops it)")
        if self._demo and self._run_once("logins", "demo", "logins") == 0:
            print((LOGS / "logins.log").read_text().rstrip(), flush=True)

    def _start_database(self, server: EmbeddedServer) -> None:
        if not server.data.exists():
            self._say(f"setting up the database in {server.root}, this once")
        server.prepare()
        self._say("starting the database")
        child = Child("postgres", server.spawn, signal.SIGINT)
        self._add(child)
        self._wait_for(child, server.is_running, READY_WITHIN_S)
        server.ensure_database()

    def _start_sandbox(self) -> None:
        self._say("starting the sandbox, which plays the payment processors")
        state = _sandbox_state(self._port)
        names = {
            "SANDBOX_PORT": str(state["sandbox_port"]),
            "SANDBOX_DB": str(VAR / "sandbox.db"),
            "SANDBOX_API_KEY": str(state["sandbox_api_key"]),
            "SANDBOX_WEBHOOK_BASE": f"http://127.0.0.1:{self._port}/webhooks/stripe",
            "SANDBOX_WEBHOOK_SECRET": str(state["sandbox_webhook_secret"]),
            "SANDBOX_CONNECT_SECRET": str(state["sandbox_connect_secret"]),
            "SANDBOX_THIN_SECRET": str(state["sandbox_thin_secret"]),
            "SANDBOX_PAYPAL_CLIENT_ID": str(state["sandbox_paypal_client_id"]),
            "SANDBOX_PAYPAL_CLIENT_SECRET": str(state["sandbox_paypal_client_secret"]),
            "SANDBOX_PAYPAL_WEBHOOK_ID": str(state["sandbox_paypal_webhook_id"]),
            "SANDBOX_PAYPAL_WEBHOOK": f"http://127.0.0.1:{self._port}/webhooks/paypal",
        }
        command = [sys.executable, "-m", "marketplace.sandbox"]
        child = self._start_child("sandbox", command, self._environ | names)
        port = int(state["sandbox_port"])
        self._wait_for(child, lambda: _answers(port, "/_sandbox/health"), within_s=30)

    def _start_child(self, name: str, command: list[str], environ: Mapping[str, str]) -> Child:
        child = Child(name, program(command, REPOSITORY, environ, _fresh_log(name)))
        self._add(child)
        return child

    def _add(self, child: Child) -> None:
        self._children.append(child)
        child.start()
        self._write_pids()

    def _run_once(self, name: str, *arguments: str) -> int:
        """Run a `flask` command to its end and return its exit status."""
        child = Child(
            name, program(_flask(*arguments), REPOSITORY, self._environ, _fresh_log(name))
        )
        child.start()
        try:
            while (status := child.died()) is None:
                self._pause()
        finally:
            child.stop(within_s=5)
        return status

    def _wait_for(self, child: Child, ready: Callable[[], bool], within_s: float) -> None:
        """Wait until a child that has just been started is of use."""
        deadline = time.monotonic() + within_s
        self._starting = child
        while not ready():
            died = child.died() is not None
            if died or time.monotonic() > deadline:
                problem = "ended at once" if died else f"was not ready after {within_s:g} s"
                raise StartRefused(f"{child.name} {problem}:\n{_end_of_log(child.name)}")
            self._pause()
        self._starting = None

    def _pause(self) -> None:
        """Let a moment pass; start again what died meanwhile."""
        if self._asked_to_stop:
            raise _Stopped
        if not self._everything_runs and time.monotonic() - self._said_at > NEVER_SILENT_FOR_S:
            self._say("  still at it")
        time.sleep(POLL_S)
        for child in self._children:
            if child is self._starting:
                continue
            status = child.died()
            if status is not None:
                self._say(f"{child.name} ended ({_ending(status)}); starting it again")
                self._write_pids()
            elif child.waits_to_start_again:
                child.start()
                self._write_pids()

    def _stop(self) -> None:
        self._say("stopping")
        order = {child.name: child for child in self._children}
        for name, within_s in STOP_WITHIN_S.items():
            if name in order:
                order[name].stop(within_s)
                self._write_pids()
        if self._server:
            self._server.stop()
        PIDS.unlink(missing_ok=True)
        self._say("stopped")

    def _say(self, line: str) -> None:
        print(f"[run] {line}", flush=True)
        self._said_at = time.monotonic()

    def _write_pids(self) -> None:
        """Replace pids.json as a whole, so that a reader never sees half of it."""
        pids = {child.name: child.pid for child in self._children if child.pid is not None}
        unfinished = PIDS.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(pids))
        unfinished.replace(PIDS)


def _sandbox_state(web_port: int) -> dict[str, str | int]:
    """This checkout's sandbox settings; a port that something else took meanwhile is replaced."""
    state = local_state(VAR)
    if state["sandbox_port"] == web_port or not port_is_free(state["sandbox_port"]):
        state["sandbox_port"] = free_port()
        unfinished = VAR / "local.json.unfinished"
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(state, indent=1))
        unfinished.replace(VAR / "local.json")
    return state


def _flask(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]


def _answers(port: int, path: str) -> bool:
    """Does a server on this machine answer a GET without an error of its own?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _fresh_log(name: str) -> Path:
    """The log of a child, empty; what the last run left is kept as `.log.1`."""
    log = LOGS / f"{name}.log"
    if log.exists():
        log.replace(LOGS / f"{name}.log.1")
    return log


def _end_of_log(name: str, lines: int = 40) -> str:
    log = LOGS / f"{name}.log"
    said = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([*said[-lines:], f"(all of it: {os.path.relpath(log)})"])


def _ending(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit {status}"
