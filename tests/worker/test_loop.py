"""The loop: one commit per unit, nothing ends it but being told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import clock
from marketplace.config import REPOSITORY
from marketplace.extensions import db
from marketplace.notifications import mail as mails
from marketplace.notifications.mail import Mail
from marketplace.worker import draining, loop
from marketplace.worker.draining import drain
from marketplace.worker.jobs import JOBS, Job


class Pile:
    """Work that is there: each unit takes one item."""

    def __init__(self, *items: str) -> None:
        self.left = list(items)
        self.done: list[str] = []
        self.seen_at: list[datetime] = []

    def run_one(self, at: datetime) -> bool:
        if not self.left:
            return False
        self.seen_at.append(at)
        item = self.left.pop(0)
        if item == "broken":
            raise RuntimeError("this item is broken")
        self.done.append(item)
        return True


def queue_mail(subject: str) -> None:
    mails.write("a@example.com", subject, "Hello", clock.now(), clock.wall_now())


def subjects(owner: psycopg.Connection[Any]) -> list[str]:
    found = owner.execute("SELECT subject FROM mail ORDER BY subject").fetchall()
    return [subject for (subject,) in found]


def test_a_drain_ends_when_nothing_is_due_and_says_what_was_done(app: Flask) -> None:
    fruit, stones = Pile("apple", "pear", "plum"), Pile()
    with app.app_context():
        work = drain(jobs=[Job("fruit", fruit.run_one), Job("stones", stones.run_one)])
    assert fruit.done == ["apple", "pear", "plum"]
    assert (work.done, work.failed, work.units) == ({"fruit": 3}, {}, 3)


def test_a_drain_works_at_the_time_it_is_given(app: Flask) -> None:
    pile, at = Pile("apple"), clock.now()
    with app.app_context():
        drain(at, jobs=[Job("fruit", pile.run_one)])
    assert pile.seen_at == [at]


def test_a_job_that_fails_keeps_no_other_from_its_work(app: Flask) -> None:
    broken, sound = Pile("apple", "broken", "pear"), Pile("granite", "slate", "marble")
    with app.app_context():
        work = drain(jobs=[Job("fruit", broken.run_one), Job("stones", sound.run_one)])
    assert sound.done == ["granite", "slate", "marble"]
    assert broken.done == ["apple"]
    assert work.failed == {"fruit": "RuntimeError('this item is broken')"}


def test_each_unit_is_committed_or_never_was(app: Flask, owner: psycopg.Connection[Any]) -> None:
    wanted = ["first", "broken", "third"]

    def write_one(at: datetime) -> bool:
        if not wanted:
            return False
        subject = wanted.pop(0)
        queue_mail(subject)
        db.session.flush()
        if subject == "broken":
            raise RuntimeError(subject)
        return True

    with app.app_context():
        drain(jobs=[Job("writing", write_one)])
        drain(jobs=[Job("writing", write_one)])
    assert subjects(owner) == ["first", "third"]


def test_a_job_that_always_finds_something_is_left_in_the_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "UNITS_MAX", 50)
    with app.app_context():
        assert drain(jobs=[Job("endless", lambda at: True)]).units == 50


def test_a_job_with_much_to_do_lets_the_others_have_their_turns(app: Flask) -> None:
    order: list[str] = []

    def noting(name: str, units: int) -> Job:
        left = iter([True] * units)

        def run_one(at: datetime) -> bool:
            did = next(left, False)
            if did:
                order.append(name)
            return did

        return Job(name, run_one)

    with app.app_context():
        drain(jobs=[noting("many", 25), noting("few", 1)])
    assert order == ["many"] * 10 + ["few"] + ["many"] * 15


def test_what_a_later_job_makes_due_for_an_earlier_one_is_done_in_the_same_drain(
    app: Flask,
) -> None:
    first, fed = Pile(), iter(["apple"])

    def feed(at: datetime) -> bool:
        fruit = next(fed, None)
        if fruit is not None:
            first.left.append(fruit)
        return fruit is not None

    with app.app_context():
        drain(jobs=[Job("first", first.run_one), Job("idle", Pile().run_one), Job("feed", feed)])
    assert first.done == ["apple"]


@contextmanager
def working(app: Flask, monkeypatch: pytest.MonkeyPatch, *jobs: Job) -> Iterator[None]:
    """A worker in a thread, with these jobs and short turns."""
    monkeypatch.setattr(loop, "JOBS", jobs)
    monkeypatch.setattr(loop, "TURN_S", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(app, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def no_sandbox(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the sandbox's address; asking takes no time."""
    monkeypatch.setattr("marketplace.worker.walk.SANDBOX_TIMEOUT_S", 0.1)


@pytest.mark.usefixtures("no_sandbox")
def test_the_worker_takes_up_what_appears_while_it_runs(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pile = Pile("apple")
    with working(app, monkeypatch, Job("fruit", pile.run_one)):
        eventually(lambda: pile.done == ["apple"])
        pile.left.append("pear")
        eventually(lambda: pile.done == ["apple", "pear"])


@pytest.mark.usefixtures("no_sandbox")
def test_a_failed_job_rests_and_is_tried_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = Pile("broken", "pear"), Pile("granite")
    jobs = Job("fruit", broken.run_one), Job("stones", sound.run_one)
    with working(app, monkeypatch, *jobs):
        eventually(lambda: sound.done == ["granite"])
        eventually(lambda: broken.done == ["pear"])


@pytest.mark.usefixtures("no_sandbox")
def test_the_worker_survives_the_loss_of_its_database_connections(
    app: Flask, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[int] = []  # each names the connection it was made on

    def beat(at: datetime) -> bool:
        beats.append(db.session.execute(text("SELECT pg_backend_pid()")).scalar_one())
        return False

    owner.autocommit = True
    with working(app, monkeypatch, Job("beat", beat)):
        eventually(lambda: len(beats) > 2)
        lost = set(beats)
        for pid in lost:
            owner.execute("SELECT pg_terminate_backend(%s)", [pid])
        eventually(lambda: beats[-1] not in lost)


@pytest.mark.usefixtures("no_sandbox")
def test_a_stop_lets_the_unit_under_way_end(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()
    ended: list[str] = []

    def slow(at: datetime) -> bool:
        begun.set()
        may_end.wait(20)
        ended.append("unit")
        return True

    with working(app, monkeypatch, Job("slow", slow)):
        begun.wait(20)
        threading.Timer(0.1, may_end.set).start()
    assert ended[0] == "unit"


def test_a_worker_process_ends_on_sigterm(database_url: str) -> None:
    environ = os.environ | {
        "DATABASE_URL": database_url.replace("+psycopg", ""),
        "SANDBOX_URL": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environ, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = ""
    while "worker: started" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, process.stderr.read()
    process.stderr.close()


def test_every_job_has_a_name_of_its_own_and_finds_nothing_in_an_empty_database(
    app: Flask,
) -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    with app.app_context():
        work = drain()
        assert [job.name for job in JOBS if job.next_due() is not None] == []
        db.session.remove()
    assert (work.done, work.failed) == ({}, {})


def test_mail_waits_where_there_is_no_server(app: Flask) -> None:
    with app.app_context():
        queue_mail("Hello")
        db.session.commit()
        drain()
        assert db.session.query(Mail).one().state == "queued"
        db.session.remove()
