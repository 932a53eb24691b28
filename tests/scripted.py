"""An adapter whose calls never leave this process: a test says how each one ends.

What was made is kept under its key, as the processor keeps it: the same key again makes nothing,
and a look-up finds what was made, whether or not we were told.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Literal

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import clock
from marketplace.extensions import db
from marketplace.processors import pace
from marketplace.processors.base import NOT_FOUND, Op, Outcome, Request, Snapshot, Verdict
from marketplace.processors.stripe import Stripe
from marketplace.processors.stripe_amounts import from_stripe
from marketplace.worker.sender import send_next

# How a call ends: it was made; made, but nobody told us; never came to it, and nobody told us; not
# now. Anything else is the code of a definitive refusal.
MADE, LOST, DOWN, BUSY = "made", "lost", "down", "busy"
Ending = Literal["made", "lost", "down", "busy"] | str


class Scripted(Stripe):
    """Ends every call as `ending` says."""

    ending: Ending = MADE
    made: dict[str, Snapshot]  # by key
    sent: list[str]  # the key of every call

    def execute(self, request: Request) -> Outcome:
        self.sent.append(request.key)
        if self.ending == BUSY:
            return Outcome(Verdict.BUSY, code="rate_limit")
        if self.ending == DOWN:
            return Outcome(Verdict.UNKNOWN, code="no_answer", message="no answer")
        if self.ending not in (MADE, LOST) and request.key not in self.made:
            return Outcome(Verdict.REJECTED, code=self.ending, message=f"refused: {self.ending}")
        made = self.made.setdefault(request.key, snapshot_of(request))
        if self.ending == LOST:
            return Outcome(Verdict.UNKNOWN, code="no_answer", message="no answer")
        return Outcome(Verdict.DONE, made)

    def find(self, request: Request) -> Outcome:
        for made in self.made.values():
            if made.our_ref == request.subject_id.hex:
                return Outcome(Verdict.DONE, made)
        return Outcome(Verdict.REJECTED, code=NOT_FOUND)


def snapshot_of(request: Request) -> Snapshot:
    """What the processor makes of a request."""
    body = request.body
    made = Snapshot(
        kind="transfer",
        remote_id=f"{request.op}_{sha256(request.key.encode()).hexdigest()[:24]}",
        our_ref=request.subject_id.hex,
        state="paid",
        livemode=False,
    )
    match request.op:
        case Op.TRANSFER:
            amount = from_stripe(body["amount"], body["currency"])
            return replace(made, amount=amount, account=body["destination"])
        case Op.REFUND:
            return replace(
                made, kind="refund", state="pending", amount=from_stripe(body["amount"], "USD")
            )
        case Op.RECIPIENT:
            return replace(made, kind="recipient", state="restricted", requirements=("a passport",))
        case Op.CHECKOUT:
            price = body["line_items"][0]["price_data"]
            amount = from_stripe(price["unit_amount"], price["currency"])
            return replace(
                made, kind="checkout", state="open", amount=amount, url="http://127.0.0.1:9/pay"
            )


@pytest.fixture
def scripted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The application with a scripted adapter instead of its own."""
    adapter = Scripted(app.extensions["settings"])
    adapter.made, adapter.sent = {}, []
    monkeypatch.setitem(app.extensions, "processors", {"stripe": adapter})
    # Nothing is tried again by itself, however slow the machine: `send` says when.
    monkeypatch.setattr(
        pace, "SANDBOX", pace.Pace(first_s=3600, longest_s=3600, look_up_gap_s=3600)
    )
    return adapter


def send(adapter: Scripted, ending: Ending) -> None:
    """Let every request leave that may, also those that wait for another try; all end like that."""
    adapter.ending = ending
    past = "now() - interval '1 second'"
    db.session.execute(
        text(
            f"UPDATE processor_request SET next_try_at = {past},"
            " missing_since = missing_since - interval '1 day'"
        )
    )
    db.session.commit()
    while send_next(clock.now()):
        pass
    db.session.rollback()
