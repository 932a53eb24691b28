"""What the processor told us and what we asked it: shown as it was, replayed by a button."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select, update

from marketplace import clock
from marketplace.extensions import db
from marketplace.processors.base import Ref
from marketplace.processors.outbox import ProcessorRequest
from marketplace.webhooks import inbox
from marketplace.webhooks.event import WebhookEvent
from tests.make import make_creator, make_payout
from tests.web.operating import Operating, operating

__all__ = ["operating"]


def store(operating: Operating, event_id: str, raw: bytes = b'{"a":{"b":1}}') -> UUID:
    ref = Ref(event_id, "transfer.created", False, "transfer", "tr_1", None)
    headers = {"Stripe-Signature": "t=1,v1=beef"}

    def keep() -> UUID:
        inbox.store("stripe", "platform", ref, raw, headers, clock.wall_now())
        event = select(WebhookEvent.id).where(WebhookEvent.event_id == event_id)
        return db.session.scalars(event).one()

    return operating.within(keep)


def change(operating: Operating, event_id: UUID, **values: object) -> None:
    def write() -> None:
        db.session.execute(update(WebhookEvent).where(WebhookEvent.id == event_id).values(**values))
        db.session.commit()

    operating.within(write)


def state(operating: Operating, event_id: UUID) -> tuple[str, int]:
    event = operating.within(lambda: db.session.get_one(WebhookEvent, event_id))
    return event.state, event.tries


def test_events_are_listed_by_state_with_what_went_wrong(operating: Operating) -> None:
    assert "No event yet" in operating.see("/operator/webhooks")
    fine, broken = store(operating, "evt_fine"), store(operating, "evt_broken")
    change(operating, broken, state="parked", tries=20, last_error="ValueError: no <such> thing")
    everything = operating.see("/operator/webhooks")
    parked = operating.see("/operator/webhooks?state=parked")
    assert str(fine) in everything
    assert str(fine) not in parked
    assert str(broken) in parked
    assert "no &lt;such&gt; thing" in parked
    assert "No such events" in operating.see("/operator/webhooks?state=done")


def test_an_event_is_shown_as_it_came(operating: Operating) -> None:
    page = operating.see(f"/operator/webhooks/{store(operating, 'evt_1')}")
    assert "&#34;a&#34;: {\n    &#34;b&#34;: 1\n" in page
    assert "t=1,v1=beef" in page
    assert "evt_1" in page


@pytest.mark.parametrize(
    "raw", [b"\xff\x00no json", b"[" * 5_000, b"", b"<script>alert(1)</script>"]
)
def test_a_body_that_is_no_json_is_shown_too(operating: Operating, raw: bytes) -> None:
    page = operating.see(f"/operator/webhooks/{store(operating, 'evt_1', raw)}")
    assert "<script>alert" not in page


@pytest.mark.parametrize("before", ["done", "ignored", "quarantined", "parked", "retry"])
def test_an_event_is_replayed_from_the_start(operating: Operating, before: str) -> None:
    event_id = store(operating, "evt_1")
    handled = clock.wall_now() if before in ("done", "ignored", "quarantined") else None
    change(operating, event_id, state=before, tries=7, handled_at=handled, last_error="broken")
    reply = operating.send(f"/operator/webhooks/{event_id}/replay")
    assert reply.status_code == 303
    assert "will be handled again" in operating.see(reply.location)
    assert state(operating, event_id) == ("new", 0)


def test_a_request_is_shown_with_its_body_and_tries(operating: Operating) -> None:
    payout = operating.within(lambda: make_payout(make_creator().creator))
    of_payout = select(ProcessorRequest).where(ProcessorRequest.subject_id == payout.id)
    asked = operating.within(lambda: db.session.scalars(of_payout).one())
    assert str(asked.id) in operating.see("/operator/webhooks/requests?state=ready")
    assert str(asked.id) not in operating.see("/operator/webhooks/requests?state=done")
    page = operating.see(f"/operator/webhooks/requests/{asked.id}")
    assert asked.idem_key in page
    assert "&#34;amount&#34;: 15000" in page
    assert f"/operator/payouts/{payout.id}" in page
    assert "Not tried yet." in page
