"""The supervisor: everything up in one command, mended when it dies, gone when it stops."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from marketplace.config import free_port
from marketplace.database.embedded import EmbeddedServer, data_root
from marketplace.run import preflight
from tests.harness import as_nobody, copy_server, has_ended, open_folder
from tests.standin import Run, page, running, stand_in, taken

LIVE = {
    "STRIPE_SECRET_KEY": "sk_test_not_the_sandbox",
    "SECRET_KEY": "a long random text",
    "BASE_URL": "https://market.example",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_2",
    "STRIPE_THIN_WEBHOOK_SECRET": "whsec_3",
    "SMTP_URL": "smtp://localhost",
    "MAIL_FROM": "market@example.com",
}


@pytest.fixture
def folder(server_files: Path) -> Iterator[Path]:
    """One whose database is set up."""
    with open_folder("run-") as empty:
        copy_server(server_files, empty / "var" / "postgres")
        yield stand_in(empty)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """One that runs, for the tests that leave it running."""
    with open_folder("run-") as empty, running(stand_in(empty)) as started:
        yield started


def edit(file: Path, before: str, after: str) -> None:
    """Change the stand-in's copy of a file."""
    content = file.read_text()
    assert before in content
    file.write_text(content.replace(before, after))


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_says_where_the_marketplace_is_and_who_can_log_in(run: Run) -> None:
    run.wait_until("brand@example.com  a password")

    assert run.url.rstrip("/") in run.said
    assert "setting up the database" in run.said
    assert page(run) == "0"
    assert set(run.pids()) == {"postgres", "sandbox", "web", "worker"}
    assert (run.folder / "var" / "demo-was-made").exists()
    for name in ("postgres", "migrate", "sandbox", "web", "worker"):
        assert (run.folder / "var" / "log" / f"{name}.log").exists()


@pytest.mark.parametrize("name", ["web", "worker", "sandbox", "postgres"])
def test_a_child_that_is_killed_comes_back_without_its_orphans(run: Run, name: str) -> None:
    dead = run.pids()[name]
    orphans = psutil.Process(dead).children(recursive=True)
    os.kill(dead, signal.SIGKILL)

    eventually(lambda: run.pids().get(name, dead) != dead)
    eventually(lambda: page(run) == "0")
    assert all(has_ended(orphan.pid) for orphan in orphans)
    assert len({os.getpgid(pid) for pid in run.pids().values()}) == 4


def test_a_second_supervisor_is_refused(run: Run) -> None:
    second = Run(run.folder)

    refusal = second.refusal()

    assert f"already running in this folder (process {run.process.pid})" in refusal
    assert refusal.count("\n") == 0
    assert page(run) == "0"


def test_a_taken_port_is_named(run: Run) -> None:
    with open_folder("run-") as empty:
        refusal = Run(stand_in(empty), {"PORT": run.environ["PORT"]}).refusal()

    assert f"port {run.environ['PORT']} is in use" in refusal
    assert refusal.count("\n") == 0


def test_stopping_leaves_nothing_and_starting_again_finds_the_data(folder: Path) -> None:
    with running(folder, DEMO="0") as first:
        with psycopg.connect(EmbeddedServer(folder / "var" / "postgres").conninfo()) as connection:
            connection.execute("INSERT INTO visit VALUES (now())")
        family = first.family()
        first.process.send_signal(signal.SIGINT)
        first.wait_until("stopping")
        first.process.send_signal(signal.SIGINT)  # an impatient second Ctrl-C
        assert first.process.wait(60) == 0
    assert len(family) > 6
    assert all(has_ended(process.pid) for process in family)
    assert not (folder / "var" / "pids.json").exists()
    assert "Traceback" not in first.said

    with running(folder, DEMO="0") as second:
        assert page(second) == "1"
        assert "setting up the database" not in second.said
        assert (folder / "var" / "log" / "web.log.1").exists()


def test_what_a_killed_supervisor_ran_ends_and_the_next_one_starts(folder: Path) -> None:
    edit(folder / "marketplace/run/preflight.py", "END_WITHIN_S = 10", "END_WITHIN_S = 1")
    with running(folder, STUBBORN_WORKER="1", DEMO="0") as first:
        family = first.family()
        first.process.kill()
        first.process.wait()

    with running(folder, PORT=first.environ["PORT"], DEMO="0") as second:
        assert page(second) == "0"
        assert all(has_ended(process.pid) for process in family)


def test_a_child_that_will_not_stop_is_killed(folder: Path) -> None:
    edit(folder / "marketplace/run/supervisor.py", '"worker": 15', '"worker": 1')
    with running(folder, STUBBORN_WORKER="1", DEMO="0") as run:
        family = run.family()
        assert run.stop() == 0
    assert all(has_ended(process.pid) for process in family)


def test_a_failed_migration_is_shown_and_ends_the_start(folder: Path) -> None:
    run = Run(folder, {"BREAK_MIGRATION": "1"})

    refusal = run.refusal()

    assert "the migrations failed:\ncolumn cannot be added" in refusal
    assert not (folder / "var" / "pids.json").exists()


def test_a_web_server_that_cannot_start_ends_the_start(folder: Path) -> None:
    broken = 'if "gunicorn" in sys.argv[0]: raise RuntimeError("a page is broken")'
    edit(folder / "wsgi.py", "VAR =", f"{broken}\nVAR =")

    assert "a page is broken" in Run(folder).refusal()


def test_a_sandbox_port_that_was_taken_meanwhile_is_replaced(folder: Path) -> None:
    local = folder / "var" / "local.json"
    with running(folder, DEMO="0"):
        before = json.loads(local.read_text())
    with taken(before["sandbox_port"]), running(folder, DEMO="0"):
        after = json.loads(local.read_text())

    assert after.pop("sandbox_port") != before.pop("sandbox_port")
    assert after == before


def test_with_a_database_url_there_is_no_server_and_no_demo(
    folder: Path, server: EmbeddedServer
) -> None:
    server.ensure_database("of_the_supervisor")
    with running(folder, DATABASE_URL=server.url("of_the_supervisor")) as run:
        assert set(run.pids()) == {"sandbox", "web", "worker"}
        assert page(run) == "0"
        assert not (folder / "var" / "demo-was-made").exists()


def test_live_mode_has_no_sandbox_and_no_demo(folder: Path, server: EmbeddedServer) -> None:
    server.ensure_database("of_the_supervisor")
    url = server.url("of_the_supervisor")
    with running(folder, DATABASE_URL=url, DEMO="1", **LIVE) as run:
        assert set(run.pids()) == {"web", "worker"}
        assert "https://market.example" in run.said
        assert not (folder / "var" / "demo-was-made").exists()


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"PORT": "many"}, "PORT must be a number from 1 to 65535, not 'many'"),
        ({"PORT": "²"}, "PORT must be a number from 1 to 65535, not '²'"),
        (
            {"DATABASE_URL": f"postgresql://x:secret@127.0.0.1:{free_port()}/x"},
            "Connection refused",
        ),
        ({"DATABASE_URL": "mysql://x/y"}, "must begin with postgresql://"),
        ({"DATABASE_URL": "postgresql://x:secret@h:port/x"}, "user:password@host:port/database"),
        ({"STRIPE_SECRET_KEY": "sk_live_x"}, "DATABASE_URL"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(
    folder: Path, environ: dict[str, str], reason: str
) -> None:
    refusal = Run(folder, environ).refusal()

    assert refusal.startswith("make run: ")
    assert reason in refusal
    assert refusal.count("\n") == 0
    assert "secret@" not in refusal


def test_a_server_older_than_we_support_is_refused(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "SERVER_VERSION_MIN", 99)

    with pytest.raises(preflight.StartRefused, match="99 or newer is needed"):
        preflight.check_database(server.url("postgres"))


def test_a_recorded_number_that_is_now_a_strangers_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "flask.py").write_text("import time; time.sleep(60)")
    stranger = subprocess.Popen([sys.executable, "-m", "flask"], cwd=tmp_path)  # of another folder
    try:
        (tmp_path / "pids.json").write_text(json.dumps({"web": stranger.pid, "worker": 1}))
        preflight.end_leftovers(tmp_path)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", '{"web": 1'])
def test_a_record_that_was_cut_short_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "pids.json").write_text(content)

    preflight.end_leftovers(tmp_path)


def test_secrets_that_cannot_be_read_are_refused_in_one_sentence(folder: Path) -> None:
    state = folder / "var" / "local.json"
    state.write_text("")

    refusal = Run(folder).refusal()

    assert (
        refusal == f"make run: {state} cannot be read: remove it, and the sandbox gets new secrets"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_root_in_a_closed_home_keeps_the_home_closed() -> None:
    with open_folder("home-") as home:
        home.chmod(0o700)
        (home / "checkout").mkdir()
        place = data_root(home / "checkout", {})
        try:
            with running(stand_in(home / "checkout"), DEMO="0") as run:
                assert page(run) == "0"
                assert psutil.Process(run.pids()["postgres"]).uids().real != 0
            assert home.stat().st_mode & 0o777 == 0o700
            assert not (home / "checkout" / "var" / "postgres").exists()
        finally:
            shutil.rmtree(place)
            with contextlib.suppress(OSError):  # other checkouts have theirs there
                place.parent.rmdir()


def test_an_ordinary_user_runs_it_all(folder: Path) -> None:
    python, options = as_nobody()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, options["user"], options["group"])
    run = Run(folder, python=python, **options)
    try:
        run.wait_until("the marketplace runs at")
        assert {process.uids().real for process in run.family()} == {options["user"]}
    finally:
        assert run.stop() == 0
