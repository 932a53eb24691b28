"""Ways to make time pass and faults happen around one request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from marketplace import clock
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination
from marketplace.processors import outbox
from marketplace.processors.base import Intent, Outcome, Request
from marketplace.processors.outbox import ProcessorRequest, ProcessorTry
from marketplace.processors.paypal import PayPal
from marketplace.processors.stripe import Stripe
from marketplace.worker.sender import send_next
from tests.worker.recorder import Crash


class CrashingStripe(Stripe):
    """Our adapter in a process that may die just before, or just after, the network call."""

    dies: str | None = None

    def execute(self, request: Request) -> Outcome:
        return dying(self.dies, super().execute, request)


class CrashingPayPal(PayPal):
    """The same towards PayPal."""

    dies: str | None = None

    def execute(self, request: Request) -> Outcome:
        return dying(self.dies, super().execute, request)


def dying(when: str | None, call: Callable[[Request], Outcome], request: Request) -> Outcome:
    """Make the call, unless the process dies before it; nobody hears of it if it dies after."""
    if when == "before":
        raise Crash
    outcome = call(request)
    if when == "after":
        raise Crash
    return outcome


def enqueue(intent: Intent) -> ProcessorRequest:
    request = outbox.enqueue("stripe", intent)
    db.session.commit()
    return request


def send() -> bool:
    """One unit of the sender, as the worker runs it: what a dead process left open is gone."""
    try:
        return send_next(clock.now())
    except Crash:
        return True
    finally:
        db.session.remove()


def onboarded(sandbox: Any, stripe: Stripe, creator_id: UUID) -> str:
    """An account at Stripe, opened by our own request; it can be paid, and has cooled off."""
    at = clock.now()
    id = destinations.connect(creator_id, "pay@example.com", "USD", "system", at).id
    db.session.commit()
    while send():
        pass
    destination = lock(Destination, id)
    assert destination is not None
    assert destination.remote_account is not None
    account = destination.remote_account
    sandbox.complete_onboarding(account)
    snapshot = stripe.fetch("recipient", account, None)
    destinations.converge(destination, snapshot, at - 2 * destinations.COOLING)
    db.session.commit()
    return account


def only_this_is_sent(subject_id: UUID) -> None:
    """Call off all other requests: what they would open is there already."""
    db.session.execute(
        text("UPDATE processor_request SET state = 'abandoned' WHERE subject_id <> :id"),
        {"id": subject_id},
    )
    db.session.commit()


def waits_are_over() -> None:
    """Let every retry, lease and second look-up fall due, as if that wall time had passed."""
    past = "now() - interval '1 second'"
    db.session.execute(
        text(
            f"UPDATE processor_request SET next_try_at = {past},"
            " lease_until = lease_until - interval '1 day',"
            " missing_since = missing_since - interval '1 day'"
        )
    )
    db.session.commit()


def domain_time_passes(sandbox: Any, delay: timedelta) -> None:
    """Move domain time, and the processor's clock with it."""
    clock.set_offset(clock.offset() + delay)
    sandbox.set_offset(round(clock.offset().total_seconds()))


def states(subject_id: UUID) -> list[str]:
    """The state of each attempt, the first one first."""
    found = list(
        db.session.scalars(
            select(ProcessorRequest.state)
            .where(ProcessorRequest.subject_id == subject_id)
            .order_by(ProcessorRequest.attempt)
        )
    )
    db.session.rollback()
    return found


def tries() -> list[tuple[str, str]]:
    """Every network try as it was written down: its kind and verdict."""
    rows = db.session.execute(
        select(ProcessorTry.kind, ProcessorTry.verdict).order_by(ProcessorTry.id)
    )
    found = [(kind, verdict) for kind, verdict in rows]
    db.session.rollback()
    return found


def transfers(sandbox: Any, subject_id: UUID) -> list[dict[str, Any]]:
    """What the sandbox's own books say was paid for this subject."""
    made = sandbox.books()["transfers"]
    return [each for each in made if each["transfer_group"] == subject_id.hex]
