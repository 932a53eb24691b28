"""A cardholder disputes a charge: the bank takes it, and gives it back or keeps it."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.listener import Listener
from tests.sandbox.scenes import Scenes
from tests.sandbox.server import SandboxServer

DAY_S = 24 * 3600


def charge_of(intent: stripe.PaymentIntent) -> stripe.Charge:
    assert isinstance(intent.latest_charge, stripe.Charge)
    return intent.latest_charge


def moved(dispute: stripe.Dispute) -> list[tuple[str, int, int, int]]:
    return [
        (it.reporting_category, it.amount, it.fee, it.net) for it in dispute.balance_transactions
    ]


def test_a_dispute_takes_the_charge_and_a_fee_and_gives_the_charge_back_when_won(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    charge = charge_of(scenes.paid())
    id = sandbox.dispute(charge.id)

    opened = scenes.client.v1.disputes.retrieve(id)
    assert (opened.status, opened.amount, opened.charge) == ("needs_response", 10_000, charge.id)
    assert moved(opened) == [("dispute", -10_000, 1_500, -11_500)]
    usd = sandbox.books()["currencies"]["usd"]
    assert (usd["disputes"], usd["fees"], usd["balance"]) == ("100.00", "18.20", "-18.20")

    evidence: Any = {"evidence": {"uncategorized_text": "It was ordered."}, "submit": True}
    answered = scenes.client.v1.disputes.update(id, evidence, scenes.key())
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)

    sandbox.decide_dispute(id, "won")
    won = scenes.client.v1.disputes.retrieve(id)
    assert won.status == "won"
    assert moved(won)[1:] == [("dispute_reversal", 10_000, 0, 10_000)]
    assert sandbox.books()["currencies"]["usd"]["balance"] == "81.80"
    sandbox.wait_delivered()
    assert listener.types()[-5:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]
    listed = scenes.client.v1.disputes.list({"charge": charge.id}).data
    assert [it.id for it in listed] == [id]


def test_a_disputed_charge_cannot_be_refunded_nor_disputed_twice(
    scenes: Scenes, sandbox: SandboxServer
) -> None:
    scenes.paid(50_000)
    intent = scenes.paid()
    id = sandbox.dispute(charge_of(intent).id, amount=6_000)
    for _ in ("while it is open", "once it is lost"):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            scenes.client.v1.refunds.create({"charge": charge_of(intent).id}, scenes.key())
        assert refusal.value.code == "charge_disputed"
        with pytest.raises(AssertionError, match="disputed already"):
            sandbox.dispute(charge_of(intent).id)
        if scenes.client.v1.disputes.retrieve(id).status != "lost":
            sandbox.decide_dispute(id, "lost")


def test_a_refund_leaves_only_the_rest_to_be_disputed(
    scenes: Scenes, sandbox: SandboxServer
) -> None:
    intent = scenes.paid()
    scenes.client.v1.refunds.create({"charge": charge_of(intent).id, "amount": 4_000}, scenes.key())
    with pytest.raises(AssertionError, match="can be disputed"):
        sandbox.dispute(charge_of(intent).id, amount=6_001)
    id = sandbox.dispute(charge_of(intent).id)
    assert scenes.client.v1.disputes.retrieve(id).amount == 6_000


def test_an_inquiry_takes_nothing_and_may_be_refunded_closed_or_escalated(
    scenes: Scenes, sandbox: SandboxServer
) -> None:
    intent = scenes.paid()
    id = sandbox.dispute(charge_of(intent).id, inquiry=True, reason="product_not_received")
    asked = scenes.client.v1.disputes.retrieve(id)
    assert (asked.status, asked.reason, moved(asked), asked.is_charge_refundable) == (
        "warning_needs_response",
        "product_not_received",
        [],
        True,
    )
    scenes.client.v1.refunds.create({"charge": charge_of(intent).id, "amount": 1_000}, scenes.key())
    sandbox.decide_dispute(id, "closed")
    assert scenes.client.v1.disputes.retrieve(id).status == "warning_closed"

    other = sandbox.dispute(charge_of(scenes.paid()).id, inquiry=True)
    sandbox.decide_dispute(other, "escalated")
    assert moved(scenes.client.v1.disputes.retrieve(other)) == [
        ("dispute", -10_000, 1_500, -11_500)
    ]


def test_what_nobody_answers_in_time_is_lost(scenes: Scenes, sandbox: SandboxServer) -> None:
    lost = sandbox.dispute(charge_of(scenes.paid()).id)
    closed = sandbox.dispute(charge_of(scenes.paid()).id, inquiry=True)
    sandbox.set_offset(7 * DAY_S + 1)
    assert scenes.client.v1.disputes.retrieve(lost).status == "lost"
    assert scenes.client.v1.disputes.retrieve(closed).status == "warning_closed"


def test_a_dispute_that_we_accept_is_lost(scenes: Scenes, sandbox: SandboxServer) -> None:
    id = sandbox.dispute(charge_of(scenes.paid()).id)
    assert scenes.client.v1.disputes.close(id, {}, scenes.key()).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        scenes.client.v1.disputes.close(id, {}, scenes.key())


@pytest.mark.parametrize("outcome", ["escalated", "nonsense"])
def test_a_decision_that_cannot_be_is_refused(
    scenes: Scenes, sandbox: SandboxServer, outcome: str
) -> None:
    id = sandbox.dispute(charge_of(scenes.paid()).id)
    with pytest.raises(AssertionError, match="outcome is one of|cannot be"):
        sandbox.decide_dispute(id, outcome)
