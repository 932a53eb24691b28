"""The embedded server: a real PostgreSQL that needs no set-up, for machines without `DATABASE_URL`.

    <root>
      lock          held by the process that runs the server, for as long as it does
      password      of the server's own user, 0600: who may read it may connect
      data/         PGDATA, owned by an unprivileged account when we are root
      run/          the Unix socket; there is no TCP port. Not in PGDATA, which backups copy
      server.log

`postgres` is a direct child of the process that calls `spawn`, so a killed server is reaped, not
mistaken for a living one. `url` works from every process that may read the password.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from marketplace.config import REPOSITORY
from marketplace.database.embedded_host import (
    ENVIRONMENT,
    SUPERUSER,
    Account,
    ServerError,
    account_for,
    binaries,
    initialise,
    open_to_others,
)
from marketplace.database.embedded_process import end_leftovers, tied_to_parent

DATABASE = "marketplace"
SYSTEM_HOME = Path("/var/lib/creator-marketplace")
SOCKET_PATH_BYTES = 107  # what Linux allows; macOS allows 103, and our names are far shorter there
READY_WITHIN_S = 120  # a killed server replays its log first
STOP_WITHIN_S = 20


def data_root(repository: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of this checkout's server; every process finds the same one.

    `MARKETPLACE_HOME` names it; otherwise `var/postgres`. As root the server's account must be able
    to reach it, so a checkout in a closed folder, such as a home, has it in /var/lib.
    """
    named = (os.environ if environ is None else environ).get("MARKETPLACE_HOME")
    if named:
        return repository / named
    if os.geteuid() == 0 and not open_to_others(repository):
        return SYSTEM_HOME / _digest(repository)
    return repository / "var" / "postgres"


def running_url() -> str:
    """The SQLAlchemy URL of this checkout's server, whether or not it runs now."""
    return EmbeddedServer(data_root(REPOSITORY)).url()


class EmbeddedServer:
    """One PostgreSQL under `root`. `throwaway` trades durability for speed: for tests only."""

    def __init__(self, root: Path, *, throwaway: bool = False, log: Path | None = None) -> None:
        self.root = root.resolve()
        self.throwaway = throwaway
        self.log = log or self.root / "server.log"
        self.data = self.root / "data"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def url(self, database: str = DATABASE) -> str:
        """The SQLAlchemy URL of the server's own user, who owns everything."""
        return self.conninfo(database).replace("postgresql://", "postgresql+psycopg://", 1)

    def conninfo(self, database: str = DATABASE) -> str:
        """The same as libpq and psycopg take it.

        Raises:
            ServerError: the server was never set up, or belongs to somebody else.
        """
        try:
            password = self._password_file.read_text().strip()
        except FileNotFoundError:
            raise ServerError(
                f"there is no embedded database in {self.root} yet: start it with `make run`"
            ) from None
        except PermissionError:
            raise ServerError(
                f"the embedded database in {self.root} belongs to another user: "
                "work as that user, or set MARKETPLACE_HOME to a folder of your own"
            ) from None
        return (
            f"postgresql://{SUPERUSER}:{password}@/{database}?host={quote(str(self.socket_folder))}"
        )

    def prepare(self) -> None:
        """Take `root` for this process and make the server's files if there are none.

        Raises:
            ServerError: another process runs this server, or PostgreSQL cannot be set up here.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        if self._account.uid is not None:
            self.root.chmod(0o755)
            if not open_to_others(self.root):
                raise ServerError(
                    f"the account that runs PostgreSQL cannot enter {self.root}: "
                    "set MARKETPLACE_HOME to a folder whose parents are open to all (chmod o+x)"
                )
        self._take_lock()
        self._make_socket_folder()
        if not self.data.exists():
            self._initialise()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start `postgres` as our direct child and return it; `prepare` comes first."""
        end_leftovers(self.data, self._cluster_name, STOP_WITHIN_S)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "max_connections": "100",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "cluster_name": self._cluster_name,
        }
        if self.throwaway:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self.data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone
                preexec_fn=tied_to_parent(signal.SIGINT),
                **self._account.for_subprocess,
            )
        return self.process

    def is_running(self) -> bool:
        """Does the server answer now?"""
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def wait_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Return once the server answers.

        Raises:
            ServerError: it ended, or did not answer in time; with the end of its log.
        """
        deadline = time.monotonic() + within_s
        while not self.is_running():
            if self.process is not None and self.process.poll() is not None:
                raise ServerError(f"PostgreSQL did not start:\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise ServerError(
                    f"PostgreSQL was not ready after {within_s:g} s:\n{self.log_end()}"
                )
            time.sleep(0.05)

    def ensure_database(self, database: str = DATABASE) -> None:
        """Create the database if it is missing."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            if known.fetchone() is None:
                create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database))
                connection.execute(create)

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """Stop the server: clients are cut off at once; after the deadline it is killed."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT if self.throwaway else signal.SIGINT)
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
            end_leftovers(self.data, self._cluster_name, STOP_WITHIN_S)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def running(self) -> Iterator[EmbeddedServer]:
        """The server with its database, for as long as the block lasts."""
        try:
            self.prepare()
            self.spawn()
            self.wait_ready()
            self.ensure_database()
            yield self
        finally:
            self.stop()

    def log_end(self, lines: int = 12) -> str:
        """The last lines of the server's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    @cached_property
    def socket_folder(self) -> Path:
        """Where the socket lies: under `root`, or in /tmp if that path is too long for a socket."""
        folder = self.root / "run"
        if len(os.fsencode(folder / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES:
            return folder
        # Not TMPDIR, which differs between processes. Whose folder it is, is checked.
        return Path("/tmp") / f"marketplace-{_digest(self.root)}"  # nosec

    @cached_property
    def _account(self) -> Account:
        return account_for(self.data)

    @cached_property
    def _binaries(self) -> Path:
        return binaries(self._account, self.root)

    @property
    def _password_file(self) -> Path:
        return self.root / "password"

    @property
    def _cluster_name(self) -> str:
        """Stands in the command line of each of the server's processes, and of no other's."""
        return f"marketplace-{_digest(self.data)}"

    def _take_lock(self) -> None:
        lock = (self.root / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ServerError(
                f"the embedded database in {self.root} is already run by another process"
            ) from None
        self._lock = lock

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        if not folder.exists():
            folder.mkdir(mode=0o700)
            self._account.own(folder)
        owner = os.geteuid() if self._account.uid is None else self._account.uid
        if folder.lstat().st_uid != owner:
            raise ServerError(f"{folder} belongs to somebody else: remove it, it is for our socket")

    def _initialise(self) -> None:
        """Choose the password and run initdb; without `data` an older password opens nothing."""
        password = secrets.token_urlsafe(24)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(password)
        initialise(self.data, password, self._binaries, self._account, not self.throwaway)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
