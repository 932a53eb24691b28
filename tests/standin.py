"""A stand-in for the application in a folder of its own, for tests of the supervisor.

`stand_in` copies the supervisor, the settings and the embedded server there, as they are, beside
the smallest application and sandbox that behave as the real ones do towards a supervisor.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from marketplace.config import REPOSITORY, free_port

COPIED = (
    *("__init__.py", "config.py", "bank_settings.py", "sepa.py", "errors.py"),
    *("database/__init__.py", "database/embedded*.py"),
)

WSGI = """
import os, pathlib, signal, sys, threading, time
import click, flask, psycopg
from marketplace.config import load_settings
from marketplace.database.embedded import running_url

app = flask.Flask("stand-in")
VAR = pathlib.Path(__file__).parent / "var"

def connect():
    url = load_settings().database_url or running_url()
    return psycopg.connect(url.replace("+psycopg", ""))

@app.get("/")
def home():
    with connect() as connection:
        return str(connection.execute("SELECT count(*) FROM visit").fetchone()[0])

@app.cli.group("db")
def db(): ...

@db.command()
def upgrade():
    if "BREAK_MIGRATION" in os.environ:
        sys.exit("column cannot be added")
    with connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS visit (at timestamptz)")

@app.cli.command()
def worker():
    if "STUBBORN_WORKER" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.1)

@app.cli.group("demo")
def demo(): ...

@demo.command()
@click.option("--if-empty", is_flag=True, required=True)
def create(if_empty):
    (VAR / "demo-was-made").touch()

@demo.command()
def logins():
    click.echo("brand@example.com  a password")
"""

SANDBOX = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/_sandbox/health" else 404)
        self.end_headers()
for name in ("DB", "API_KEY", "WEBHOOK_BASE", "WEBHOOK_SECRET", "CONNECT_SECRET", "THIN_SECRET"):
    assert os.environ["SANDBOX_" + name]
address = ("127.0.0.1", int(os.environ["SANDBOX_PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


def stand_in(folder: Path) -> Path:
    """Lay out the stand-in in `folder` and return it."""
    ours = REPOSITORY / "marketplace"
    for pattern in (*COPIED, "run/*.py"):
        for file in ours.glob(pattern):
            copy = folder / "marketplace" / file.relative_to(ours)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    (folder / "wsgi.py").write_text(WSGI)
    (folder / "marketplace" / "sandbox").mkdir()
    (folder / "marketplace" / "sandbox" / "__main__.py").write_text(SANDBOX)
    return folder


class Run:
    """One `python -m marketplace.run` in a folder."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        python: str = sys.executable,
        **options: Any,
    ) -> None:
        self.folder = folder
        self.environ = {"PORT": str(free_port()), **(environ or {})}
        inherited = options.pop("env", {"PATH": os.environ["PATH"]})
        self.output = folder / f"output-{self.environ['PORT']}"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [python, "-m", "marketplace.run"],
                cwd=folder,
                env=inherited | self.environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )

    @property
    def said(self) -> str:
        """All that it printed so far."""
        return self.output.read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environ['PORT']}/"

    def pids(self) -> dict[str, int]:
        """What var/pids.json says."""
        recorded: dict[str, int] = json.loads((self.folder / "var" / "pids.json").read_text())
        return recorded

    def wait_until(self, what: str) -> None:
        """Wait until it has printed `what`."""
        deadline = time.monotonic() + 90
        while what not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def refusal(self) -> str:
        """What it says on its last line, when it ends by itself with exit status 1."""
        assert self.process.wait(60) == 1, self.said
        return self.said.strip()

    def family(self) -> list[psutil.Process]:
        """The supervisor's children, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Run]:
    """A supervisor that has started everything; stopped at the end of the block."""
    run = Run(folder, environ)
    try:
        run.wait_until("the marketplace runs at")
        yield run
    finally:
        if run.process.poll() is None:
            run.stop()


def page(run: Run) -> str | None:
    """What the web server answers on its first page, or None if it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(run.url, timeout=5) as answer:
            body: bytes = answer.read()
            return body.decode()
    except (OSError, urllib.error.HTTPError):
        return None


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Somebody else listens on `port`."""
    with socket.create_server(("127.0.0.1", port)):
        yield
