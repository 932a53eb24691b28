"""Money goes back to the payer: in part, whole, late, or not after all."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.listener import Listener
from tests.sandbox.scenes import Scenes
from tests.sandbox.server import SandboxServer


def refund(scenes: Scenes, intent: stripe.PaymentIntent, **more: Any) -> stripe.Refund:
    params: Any = {"payment_intent": intent.id, "metadata": {"refund": "1"}} | more
    return scenes.client.v1.refunds.create(params, scenes.key())


def charge_of(scenes: Scenes, intent: stripe.PaymentIntent) -> stripe.Charge:
    fresh = scenes.client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert isinstance(fresh.latest_charge, stripe.Charge)
    return fresh.latest_charge


def test_a_partial_refund_leaves_the_rest_and_keeps_the_fee(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    intent = scenes.paid()

    part = refund(scenes, intent, amount=2_500, reason="requested_by_customer")

    assert (part.status, part.amount, part.reason) == ("succeeded", 2_500, "requested_by_customer")
    charge = charge_of(scenes, intent)
    assert (charge.amount_refunded, charge.refunded) == (2_500, False)
    usd = sandbox.books()["currencies"]["usd"]
    assert (usd["fees"], usd["refunds"], usd["balance"]) == ("3.20", "25.00", "71.80")
    assert scenes.client.v1.refunds.retrieve(part.id).id == part.id
    listed = scenes.client.v1.refunds.list({"payment_intent": intent.id}).data
    assert [each.id for each in listed] == [part.id]
    assert listed[0].to_dict()["metadata"] == {"refund": "1"}
    sandbox.wait_delivered()
    assert listener.types()[-3:] == ["refund.created", "charge.refunded", "refund.updated"]


def test_refunds_never_exceed_the_charge(scenes: Scenes) -> None:
    scenes.paid(50_000)  # so that the balance is not what refuses
    intent = scenes.paid()
    refund(scenes, intent, amount=6_000)

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded") as too_much:
        refund(scenes, intent, amount=4_001)
    rest = refund(scenes, intent)
    with pytest.raises(stripe.InvalidRequestError) as again:
        refund(scenes, intent)

    assert too_much.value.code is None
    assert rest.amount == 4_000
    assert again.value.code == "charge_already_refunded"
    assert charge_of(scenes, intent).refunded is True


def test_what_was_not_paid_cannot_be_refunded(scenes: Scenes, sandbox: SandboxServer) -> None:
    session = scenes.session()
    sandbox.decline(session.id)
    intent = scenes.client.v1.checkout.sessions.retrieve(session.id).payment_intent

    for params in ({"payment_intent": intent}, {"payment_intent": "pi_nothing"}):
        with pytest.raises(stripe.InvalidRequestError):
            scenes.client.v1.refunds.create(params, scenes.key())  # type: ignore[arg-type]


def test_a_refund_may_fail_after_it_succeeded_and_the_money_comes_back(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    intent = scenes.paid()
    sandbox.fault("refunds.create", "refund_fails_after_success", delay_s=3600)
    made = refund(scenes, intent, amount=2_500)
    assert made.status == "succeeded"
    assert sandbox.books()["currencies"]["usd"]["balance"] == "71.80"

    sandbox.set_offset(3601)

    failed = scenes.client.v1.refunds.retrieve(made.id)
    assert failed.status == "failed"
    assert failed.failure_balance_transaction is not None
    assert charge_of(scenes, intent).amount_refunded == 0
    assert sandbox.books()["currencies"]["usd"]["balance"] == "96.80"
    sandbox.wait_delivered()
    assert listener.types()[-2:] == ["refund.updated", "refund.failed"]


@pytest.mark.parametrize(
    ("fault", "end", "balance"),
    [("refund_pending", "succeeded", "71.80"), ("refund_fails", "failed", "96.80")],
)
def test_a_refund_may_be_pending_for_a_while(
    scenes: Scenes, sandbox: SandboxServer, fault: str, end: str, balance: str
) -> None:
    intent = scenes.paid()
    sandbox.fault("refunds.create", fault, delay_s=3600)
    made = refund(scenes, intent, amount=2_500)
    assert (made.status, made.pending_reason) == ("pending", "processing")
    assert charge_of(scenes, intent).amount_refunded == 2_500

    sandbox.set_offset(3601)

    assert scenes.client.v1.refunds.retrieve(made.id).status == end
    assert sandbox.books()["currencies"]["usd"]["balance"] == balance


def test_a_refund_waits_for_funds(scenes: Scenes, sandbox: SandboxServer) -> None:
    intent = scenes.paid()
    scenes.transfer(scenes.account(), 9_000)

    made = refund(scenes, intent)
    assert (made.status, made.pending_reason) == ("pending", "insufficient_funds")

    scenes.paid(20_000)
    sandbox.set_offset(3601)
    assert scenes.client.v1.refunds.retrieve(made.id).status == "succeeded"
