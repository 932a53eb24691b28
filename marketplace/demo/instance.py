"""A marketplace of its own, on free ports and a throw-away database: for the story and proofs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from marketplace.config import REPOSITORY, Settings, free_port, load_settings
from marketplace.database.embedded import EmbeddedServer

START_WITHIN_S = 180
STOP_WITHIN_S = 60
# What would lead an instance to somebody else's database or processor.
_NOT_INHERITED = ("DATABASE_URL", "STRIPE_SECRET_KEY", "BASE_URL", "SANDBOX_URL", "SMTP_URL")


class InstanceFailed(RuntimeError):
    """The instance did not start or stop as it should; the message ends with what it printed."""


class Instance:
    """The supervisor with all its children in a temporary folder; a context manager."""

    def __init__(self, *, demo_world: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="creator-marketplace-"))
        self.folder.chmod(0o755)  # the database's own account must be able to enter it
        self.url = f"http://127.0.0.1:{free_port()}"
        inherited = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
        self.environ = inherited | {
            "MARKETPLACE_VAR": str(self.folder / "var"),
            "MARKETPLACE_HOME": str(self.folder / "postgres"),
            "PORT": self.url.rpartition(":")[2],
            "DEMO": "1" if demo_world else "0",
        }
        self._output = self.folder / "run.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Instance:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "marketplace.run"],
                cwd=REPOSITORY,
                env=self.environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us; we stop it in order
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise InstanceFailed(f"it did not stop:\n{self.output()}") from error
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_WITHIN_S
        while "the marketplace runs at" not in self.output():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise InstanceFailed(f"it did not start:\n{self.output()}")
            time.sleep(0.2)

    def output(self) -> str:
        """What the supervisor printed so far."""
        return self._output.read_text()

    def pids(self) -> dict[str, int]:
        """The process of each child, by name."""
        found: dict[str, int] = json.loads((self.folder / "var" / "pids.json").read_text())
        return found

    def settings(self) -> Settings:
        """The settings under which its web server and worker run, for calls from this process."""
        state = json.loads((self.folder / "var" / "local.json").read_text())
        server = EmbeddedServer(self.folder / "postgres")
        return load_settings(self.environ | {"DATABASE_URL": server.url()}, state)

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one `flask` command against it."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=REPOSITORY,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """Do one control call of its sandbox; return the JSON."""
        base = self.settings().stripe_api_base
        reply = requests.request(method, f"{base}/_sandbox/{path}", json=body, timeout=30)
        reply.raise_for_status()
        return reply.json()
