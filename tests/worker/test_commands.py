"""What operators can do by hand: every step of the worker is a command."""

from __future__ import annotations

import pytest
from click.testing import Result
from flask import Flask

from marketplace import clock
from marketplace.extensions import db
from marketplace.processors import outbox
from marketplace.processors.base import Ref
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import inbox
from marketplace.worker import draining
from marketplace.worker.jobs import Job
from tests.processors.make import funded, payee, transfer_intent
from tests.sandbox.server import SandboxServer
from tests.worker import ways
from tests.worker.recorder import Recorder


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=arguments)


def store(event_id: str, kind: str | None = None) -> None:
    ref = Ref(event_id, "transfer.created", False, kind, "tr_nobody", None)  # type: ignore[arg-type]
    inbox.store("stripe", "platform", ref, b"{}", {}, clock.wall_now())


def test_requests_are_sent_by_hand(
    app: Flask, sandbox: SandboxServer, joined: Stripe, recorder: Recorder
) -> None:
    funded(sandbox, joined)
    intent = transfer_intent(payee(sandbox, joined))
    ways.enqueue(intent)
    db.session.remove()

    done = run(app, "processors", "send")

    assert (done.exit_code, done.output) == (0, "processor requests: 1\n")
    assert ways.states(intent.subject_id) == ["done"]
    assert run(app, "processors", "send").output == ""
    listed = run(app, "processors", "list", "--state", "done").output
    assert f"trf:{intent.subject_id.hex}:1" in listed


def test_events_are_listed_handled_and_replayed_by_hand(app: Flask, joined: Stripe) -> None:
    store("evt_ours", "transfer")
    store("evt_foreign")

    assert run(app, "webhooks", "handle").exit_code == 0
    listed = run(app, "webhooks", "list").output
    assert "evt_ours" in listed
    assert "retry" in listed
    assert "evt_foreign" not in listed
    assert "ignored" in run(app, "webhooks", "list", "--state", "ignored").output

    assert run(app, "webhooks", "replay", "evt_foreign").exit_code == 0
    assert "evt_foreign" in run(app, "webhooks", "list", "--state", "new").output
    unknown = run(app, "webhooks", "replay", "evt_none")
    assert unknown.exit_code == 1
    assert "evt_none" in unknown.output


def test_lost_events_are_asked_for_by_hand(
    app: Flask, sandbox: SandboxServer, joined: Stripe
) -> None:
    funded(sandbox, joined)
    caught_up = run(app, "webhooks", "catch-up", "--hours", "1")
    assert caught_up.exit_code == 0
    assert not caught_up.output.startswith("0 ")
    assert run(app, "webhooks", "catch-up", "--hours", "1").output.startswith("0 ")


def test_the_worker_can_work_once_and_says_if_something_failed(
    app: Flask, joined: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(at: object) -> bool:
        raise RuntimeError("a mistake of ours")

    assert run(app, "worker", "--once").exit_code == 0
    monkeypatch.setattr(draining, "JOBS", (Job("broken", fails),))
    failed = run(app, "worker", "--once")
    assert failed.exit_code == 1
    assert "a mistake of ours" in failed.output


def test_a_request_is_sent_by_whoever_comes_first(
    app: Flask, sandbox: SandboxServer, joined: Stripe, recorder: Recorder
) -> None:
    funded(sandbox, joined)
    outbox.enqueue("stripe", transfer_intent(payee(sandbox, joined)))
    db.session.commit()
    db.session.remove()
    run(app, "worker", "--once")
    run(app, "worker", "--once")
    assert len(sandbox.books()["transfers"]) == 1
