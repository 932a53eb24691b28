"""One throw-away PostgreSQL per run, one migrated template, one copy of it per test process.

Tests commit for real. After each one that touched the database every invariant is checked, then the
tables are emptied. A test that breaks the books on purpose asks for `broken_on_purpose`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from psycopg import sql
from werkzeug.serving import make_server

from marketplace import clock
from marketplace.config import free_port
from marketplace.database.embedded import EmbeddedServer
from marketplace.database.roles import APP_OPTIONS
from tests.books import broken_invariants, empty_tables
from tests.harness import Ports, open_folder, settings_for_tests

SERVER_ROOT = "TEST_SERVER_ROOT"  # tells the xdist workers where the controller's server is
TEMPLATE = "template_migrated"

# A busy machine is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_server = pytest.StashKey[contextlib.ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the server, in the process that controls the run."""
    if SERVER_ROOT in os.environ or config.option.collectonly:
        return
    stack = contextlib.ExitStack()
    root = stack.enter_context(open_folder("marketplace-tests-"))
    stack.enter_context(EmbeddedServer(root, throwaway=True).running())
    os.environ[SERVER_ROOT] = str(root)
    config.stash[_server] = stack


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it again."""
    if stack := config.stash.get(_server, None):
        del os.environ[SERVER_ROOT]
        stack.close()


def pytest_report_header() -> str | None:
    """Say at the top of the run that browser tests will not run, and why."""
    return None if CHROMIUM else "NO BROWSER TESTS: chromium is missing (apt-get install chromium)"


@pytest.fixture(scope="session")
def server() -> EmbeddedServer:
    """The throw-away server of this run."""
    return EmbeddedServer(Path(os.environ[SERVER_ROOT]), throwaway=True)


@pytest.fixture(scope="session")
def server_files() -> Iterator[Path]:
    """The files of a server that was set up and stopped, to copy by `harness.copy_server`."""
    with open_folder("server-files-") as root:
        with EmbeddedServer(root, throwaway=True).running():
            pass
        yield root


@pytest.fixture(scope="session")
def ports() -> Ports:
    """The ports of this test process."""
    return Ports(web=free_port(), sandbox=free_port())


@pytest.fixture(scope="session")
def database_url(server: EmbeddedServer, ports: Ports, worker_id: str) -> str:
    """This test process's own copy of the migrated template, as the owner reaches it."""
    with (server.root / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE])
            if known.fetchone() is None:
                _migrate_template(server, ports)
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            name = f"test_{worker_id}"
            connection.execute(copy.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    return server.url(name)


def _migrate_template(server: EmbeddedServer, ports: Ports) -> None:
    """Migrate under another name first, so that the template is whole or missing."""
    import flask_migrate

    from marketplace import create_app

    unfinished = f"{TEMPLATE}_unfinished"
    server.ensure_database(unfinished)
    with create_app(settings_for_tests(server.url(unfinished), ports)).app_context():
        flask_migrate.upgrade()
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(TEMPLATE)))


@pytest.fixture(scope="session")
def app(database_url: str, ports: Ports) -> Iterator[Flask]:
    """The application on this test process's database, connected as the application's role."""
    from marketplace import create_app
    from marketplace.extensions import db

    app = create_app(settings_for_tests(database_url, ports))
    app.testing = True
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies. pytest-flask's own keeps `g`, and with it the person logged in."""
    return app.test_client()


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Replaces pytest-flask's, which keeps one context, and so one `g`, for the whole test."""


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the owner of every table; what the test does not commit is undone."""
    with contextlib.closing(psycopg.connect(_conninfo(database_url))) as connection:
        yield connection


@pytest.fixture
def app_role(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection with the rights of the running application."""
    connected = psycopg.connect(_conninfo(database_url), options=APP_OPTIONS)
    with contextlib.closing(connected) as connection:
        yield connection


def _conninfo(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@pytest.fixture
def broken_on_purpose() -> None:
    """For a test that leaves an invariant broken, to show that a check sees it."""


@pytest.fixture(scope="session")
def _owner_engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _checking(_owner_engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection for the checks alone: what empties tables drops the plans of its connection."""
    with _owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@pytest.fixture(autouse=True)
def _books_hold_and_are_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test on the database: prove every invariant, then empty the tables."""
    if "database_url" not in request.fixturenames:
        yield
        return
    checking: sa.Connection = request.getfixturevalue("_checking")
    engine: sa.Engine = request.getfixturevalue("_owner_engine")
    yield
    clock.set_offset(timedelta(0))
    broken = broken_invariants(checking)
    with engine.begin() as connection:
        empty_tables(connection)
    if "broken_on_purpose" not in request.fixturenames:
        assert broken == []


@dataclass(frozen=True)
class Web:
    """The application as a real server."""

    url: str


@pytest.fixture(scope="session")
def web(app: Flask, ports: Ports) -> Iterator[Web]:
    """Serve the application on its own address, `settings.base_url`, from a thread."""
    http = make_server("127.0.0.1", ports.web, app, threaded=True)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Web(f"http://127.0.0.1:{ports.web}")
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Drive the machine's own Chromium, which asks the network for nothing of its own."""
    if CHROMIUM is None:
        pytest.skip("chromium is missing: apt-get install chromium")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    quiet += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": quiet}
