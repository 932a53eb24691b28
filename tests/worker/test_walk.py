"""The demo clock: a month asked for at once is lived through, due instant by due instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask

from marketplace import clock, demo_clock
from marketplace.extensions import db
from marketplace.processors.stripe import Stripe
from marketplace.worker import draining, walk
from marketplace.worker.jobs import Job
from tests.sandbox.server import SandboxServer

DAY = timedelta(days=1)


class Calendar:
    """Things that fall due; each is done no earlier than that, in its order."""

    def __init__(self, *due: datetime) -> None:
        self.due = sorted(due)
        self.done: list[tuple[datetime, datetime]] = []  # due, and when it was done

    def run_one(self, at: datetime) -> bool:
        if not self.due or self.due[0] > at:
            return False
        self.done.append((self.due.pop(0), at))
        return True

    def next_due(self) -> datetime | None:
        return self.due[0] if self.due else None

    def job(self, name: str = "calendar") -> Job:
        return Job(name, self.run_one, self.next_due)


@pytest.fixture
def start(app: Flask, joined: Stripe) -> datetime:
    return clock.wall_now()


def jobs_are(monkeypatch: pytest.MonkeyPatch, *jobs: Job) -> None:
    monkeypatch.setattr(walk, "JOBS", jobs)
    monkeypatch.setattr(draining, "JOBS", jobs)


def ask(days: int) -> None:
    demo_clock.ask(days)
    db.session.commit()


def test_a_walk_stops_at_every_due_instant(
    start: datetime, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    weeks = Calendar(*(start + week * 7 * DAY for week in range(1, 6)))
    jobs_are(monkeypatch, weeks.job())
    ask(30)

    stops = walk.walk()

    assert stops == 5  # four weeks, and where we wanted to be
    assert [due for due, _ in weeks.done] == [start + week * 7 * DAY for week in range(1, 5)]
    for due, done in weeks.done:
        assert timedelta(0) <= done - due < timedelta(minutes=1)
    assert abs(clock.now() - (clock.wall_now() + 30 * DAY)) < timedelta(seconds=5)
    told: int = sandbox.call("GET", "clock")["offset_s"]
    assert told == 30 * 86_400


def test_what_one_job_makes_due_is_stopped_at_too(
    start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Calendar()

    class First(Calendar):
        def run_one(self, at: datetime) -> bool:
            did = super().run_one(at)
            if did:
                later.due.append(at + 3 * DAY)
            return did

    jobs_are(monkeypatch, First(start + DAY).job("first"), later.job("later"))
    ask(10)
    walk.walk()

    (due, done), *_ = later.done
    assert timedelta(0) <= done - due < timedelta(minutes=1)


def test_what_cannot_be_done_holds_nobody_up(
    start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(at: datetime) -> bool:
        raise RuntimeError("always")

    stuck = Job("stuck", fails, lambda: start + DAY)
    weeks = Calendar(start + 2 * DAY, start + 5 * DAY)
    jobs_are(monkeypatch, stuck, weeks.job())
    ask(7)

    walk.walk()

    assert len(weeks.done) == 2
    assert demo_clock.wanted() is None


def test_nothing_moves_unless_somebody_asks(start: datetime) -> None:
    before = clock.offset()
    assert walk.walk() == 0
    assert clock.offset() == before


def test_two_walkers_never_move_time_backwards(
    start: datetime, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[datetime] = []

    def look(at: datetime) -> bool:
        seen.append(at)
        return False

    days = Calendar(*(start + day * DAY for day in range(1, 20)))
    jobs_are(monkeypatch, Job("look", look), days.job())
    ask(10)
    walk.walk()
    ask(5)
    walk.walk()

    assert seen == sorted(seen)
    assert len(days.done) == 15


def test_a_sandbox_that_does_not_listen_is_told_later(
    start: datetime, sandbox: SandboxServer, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_are(monkeypatch)
    with monkeypatch.context() as away:
        settings = app.extensions["settings"]
        away.setitem(
            app.extensions, "settings", replace(settings, stripe_api_base="http://127.0.0.1:9")
        )
        ask(3)
        walk.walk()
        assert not walk.tell_sandbox()
    assert demo_clock.wanted() is None

    assert walk.tell_sandbox()
    assert sandbox.call("GET", "clock")["offset_s"] == 3 * 86_400
