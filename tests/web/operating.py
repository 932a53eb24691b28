"""What tests of operators' pages share: a browser in which an operator is logged in, and forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.processors import sending
from marketplace.processors.base import Op, Outcome, Verdict
from marketplace.processors.outbox import ProcessorRequest
from marketplace.webhooks import converge
from tests.make import make_operator
from tests.web.people import Person, known, log_in

Made = TypeVar("Made")


@dataclass
class Operating:
    """An operator at their browser."""

    app: Flask
    client: FlaskClient
    person: Person
    token: str

    def see(self, path: str) -> str:
        """The page's text, which must be there."""
        reply = self.client.get(path)
        assert reply.status_code == 200, f"{path}: {reply.status_code}"
        return reply.text

    def send(self, path: str, form_key: UUID | None = None, **fields: Any) -> TestResponse:
        """Send a form; its key is fresh unless it is given."""
        key = form_key or new_id()
        return self.client.post(path, data={"csrf_token": self.token, "form_key": key, **fields})

    def bring(
        self, content: bytes | str, form_key: UUID | None = None, **fields: Any
    ) -> TestResponse:
        """Send an import file."""
        raw = content.encode() if isinstance(content, str) else content
        name = fields.pop("filename", "income.csv")
        fields = {"kind": "fund", "file": (BytesIO(raw), name), **fields}
        return self.send("/operator/imports", form_key, **fields)

    def within(self, act: Callable[[], Made]) -> Made:
        """What `act` returns, done inside the application and outside of any request."""
        with self.app.app_context():
            try:
                return act()
            finally:
                db.session.remove()


def answer(verdict: Verdict, code: str | None = None) -> None:
    """The processor answers the request of the payout that is due, as the worker is told."""
    claim = sending.claim_due()
    while claim is not None and claim.request.op != Op.TRANSFER:
        claim = sending.claim_due()
    assert claim is not None
    row = db.session.get_one(ProcessorRequest, claim.request.id)
    assert converge.before_send(row, clock.now())
    assert sending.mark_sent(claim, clock.now())
    db.session.commit()
    outcome = Outcome(verdict, code=code, message="too little")
    at = clock.wall_now()
    answered = sending.record(claim, outcome, [sending.Try("send", at, at, outcome)])
    assert answered is not None
    converge.answered(answered, outcome, clock.now())
    db.session.commit()


@pytest.fixture
def operating(app: Flask, client: FlaskClient) -> Operating:
    """An operator who has just logged in."""
    person = known(app, make_operator)
    return Operating(app, client, person, log_in(client, person))
