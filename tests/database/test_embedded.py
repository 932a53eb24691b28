"""The embedded server: set up once, private, and back after every kind of death."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from marketplace.config import REPOSITORY
from marketplace.database.embedded import EmbeddedServer, data_root
from marketplace.database.embedded_host import (
    Account,
    ServerError,
    account_for,
    binaries,
    open_to_others,
)
from tests.harness import as_nobody, copy_server, has_ended, open_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

RUN_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from marketplace.database.embedded import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1]), throwaway=True).running() as server:
    print(server.process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def empty() -> Iterator[Path]:
    """A folder for a server that is not set up yet."""
    with open_folder("embedded-") as folder:
        yield folder


@pytest.fixture
def root(empty: Path, server_files: Path) -> Path:
    """The folder of a server that is set up."""
    copy_server(server_files, empty)
    return empty


def another_process(
    root: Path, python: str = sys.executable, **options: Any
) -> subprocess.Popen[str]:
    """Run a server from a Python process of its own, until its stdin closes."""
    process: subprocess.Popen[str] = subprocess.Popen(
        [python, "-c", RUN_UNTIL_KILLED, str(root)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    return process


def write_number(server: EmbeddedServer, number: int) -> None:
    with psycopg.connect(server.conninfo()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def numbers(server: EmbeddedServer) -> list[int]:
    with psycopg.connect(server.conninfo()) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM kept ORDER BY number")]


def test_what_was_committed_is_there_after_a_stop_and_after_a_kill(empty: Path) -> None:
    server = EmbeddedServer(empty)
    with server.running():
        write_number(server, 1)
    with server.running():
        write_number(server, 2)
        assert server.process is not None
        server.process.kill()
        server.process.wait()

        server.spawn()
        server.wait_ready()

        assert numbers(server) == [1, 2]
    assert not server.is_running()


def test_the_server_is_reached_only_through_its_own_files(root: Path) -> None:
    with EmbeddedServer(root, throwaway=True).running() as server:
        assert server.process is not None
        process = psutil.Process(server.process.pid)

        assert process.uids().real != 0
        assert [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
        assert stat.S_IMODE((root / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert server.data not in server.socket_folder.parents
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=str(server.socket_folder), user="marketplace", password="guessed")
        assert EmbeddedServer(root).url() == server.url()  # as any other process finds it


def test_a_second_starter_is_refused_while_the_first_lives(root: Path) -> None:
    with EmbeddedServer(root, throwaway=True).running() as first:
        with pytest.raises(ServerError, match="already run by another process"):
            EmbeddedServer(root, throwaway=True).prepare()
        assert first.is_running()

    with EmbeddedServer(root, throwaway=True).running() as second:
        assert second.is_running()


def test_of_two_starters_at_once_one_sets_up_the_server(empty: Path) -> None:
    starters = [another_process(empty) for _ in range(2)]
    while all(starter.poll() is None for starter in starters):
        time.sleep(0.05)
    refused, winner = sorted(starters, key=lambda starter: starter.poll() is None)

    assert "already run by another process" in refused.communicate()[1]
    assert refused.returncode == 1
    winner.communicate("")
    assert winner.returncode == 0


def test_a_server_ends_with_its_killed_parent_and_starts_again(root: Path) -> None:
    parent = another_process(root)
    assert parent.stdout is not None
    server_pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()

    with EmbeddedServer(root, throwaway=True).running() as server:  # while the old one still ends
        assert server.is_running()
        assert has_ended(server_pid)


def test_a_server_that_outlived_its_parent_is_stopped_first(root: Path) -> None:
    first = EmbeddedServer(root, throwaway=True)
    first.prepare()
    left = first.spawn()
    first.wait_ready()
    assert first._lock is not None
    first._lock.close()  # as when the kernel releases it for a dead parent

    with EmbeddedServer(root, throwaway=True).running() as server:
        assert server.is_running()
        assert left.wait(5) == 0


def test_a_pid_file_that_names_a_stranger_is_no_obstacle(root: Path) -> None:
    with EmbeddedServer(root, throwaway=True).running() as server:
        account = account_for(server.data)
    with subprocess.Popen(["sleep", "60"], **account.for_subprocess) as stranger:
        pid_file = server.data / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{server.data}\n1\n5432\n\n\n\n")
        account.own(pid_file)
        try:
            with server.running():
                assert server.is_running()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_set_up_that_was_cut_short_is_done_again(empty: Path) -> None:
    (empty / "data.unfinished").mkdir()
    (empty / "data.unfinished" / "PG_VERSION").write_text("18\n")

    with EmbeddedServer(empty, throwaway=True).running() as server:
        assert server.is_running()


def test_a_server_that_cannot_start_says_why(root: Path) -> None:
    server = EmbeddedServer(root, throwaway=True)
    with server.running():
        pass
    (server.data / "PG_VERSION").write_text("9.6\n")

    with (
        pytest.raises(ServerError, match=r"initialized by PostgreSQL version 9\.6"),
        server.running(),
    ):
        pass


def test_a_path_too_long_for_a_socket_gets_a_short_one(empty: Path) -> None:
    server = EmbeddedServer(empty / ("long" * 30), throwaway=True)
    try:
        with server.running():
            assert server.is_running()
        assert server.socket_folder.parent == Path("/tmp")
    finally:
        shutil.rmtree(server.socket_folder)


@as_root
def test_a_socket_folder_of_somebody_else_is_refused(empty: Path) -> None:
    server = EmbeddedServer(empty / ("long" * 30), throwaway=True)
    target = empty / "a folder of the server's account"
    target.mkdir()
    account_for(server.data).own(target)
    server.socket_folder.symlink_to(target)  # the way there is not its own
    try:
        with pytest.raises(ServerError, match="belongs to somebody else"):
            server.prepare()
    finally:
        server.socket_folder.unlink()
        server.stop()


def test_a_server_that_was_never_set_up_says_how_to_start_it(empty: Path) -> None:
    with pytest.raises(ServerError, match="make run"):
        EmbeddedServer(empty).url()


def test_where_the_server_lies_can_be_named(empty: Path) -> None:
    assert data_root(empty, {"MARKETPLACE_HOME": "/srv/market"}) == Path("/srv/market")
    assert data_root(empty, {}) == empty / "var" / "postgres"


@as_root
def test_root_in_a_closed_folder_keeps_the_server_elsewhere(empty: Path) -> None:
    closed = empty / "home"
    closed.mkdir(mode=0o700)

    place = data_root(closed / "checkout", {})

    assert place.parent == Path("/var/lib/creator-marketplace")
    assert data_root(closed / "checkout", {}) == place
    assert data_root(closed / "another", {}) != place
    with pytest.raises(ServerError, match="MARKETPLACE_HOME"):
        EmbeddedServer(closed / "postgres").prepare()


@as_root
def test_binaries_in_a_closed_folder_are_copied_once(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = binaries(Account(), empty).parent.parent
    closed = empty / "venv"
    closed.mkdir(mode=0o700)
    for package in (installed, installed.with_name(f"{installed.name}.libs")):
        if package.exists():
            (closed / package.name).symlink_to(package)
    monkeypatch.syspath_prepend(closed)

    with EmbeddedServer(empty / "postgres", throwaway=True).running() as server:
        copied = binaries(account_for(server.data), server.root)
        assert server.root in copied.parents
        assert open_to_others(copied / "postgres")
        assert server.is_running()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_an_ordinary_user_runs_a_server_as_himself(empty: Path) -> None:
    python, options = as_nobody()
    os.chown(empty, options["user"], options["group"])
    process = another_process(empty, python, **options)
    assert process.stdout is not None
    server_pid = int(process.stdout.readline())

    assert psutil.Process(server_pid).uids().real == options["user"]
    process.communicate("")
    assert process.returncode == 0


def test_the_password_of_another_user_is_not_readable(empty: Path) -> None:
    python, options = as_nobody()
    (empty / "password").touch(mode=0o600)
    ask = f"from marketplace.database.embedded import *; EmbeddedServer(Path({str(empty)!r})).url()"

    asked = subprocess.run(
        [python, "-c", ask], cwd=REPOSITORY, capture_output=True, text=True, check=False, **options
    )

    assert "belongs to another user" in asked.stderr


def test_a_stop_ends_a_server_that_does_not_listen(root: Path) -> None:
    server = EmbeddedServer(root, throwaway=True)
    with server.running():
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        server.stop(within_s=0.5)
        assert time.monotonic() - started < 15
    assert not server.is_running()
