"""Intents, requests and settings as tests need them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.config import Settings
from marketplace.database.identifier import new_id
from marketplace.money import Money
from marketplace.processors.base import (
    OP_OF,
    CheckoutIntent,
    Intent,
    RecipientIntent,
    RefundIntent,
    Request,
    TransferIntent,
)
from marketplace.processors.stripe import Stripe
from tests.harness import Ports, settings_for_tests
from tests.sandbox.server import API_KEY, Remote


def settings_towards(url: str, **changes: Any) -> Settings:
    """Settings of an application whose processor is at `url`."""
    base = settings_for_tests("postgresql+psycopg://nowhere/none", Ports(web=8000, sandbox=1))
    towards = {"stripe_api_base": url, "paypal_api_base": url, "stripe_secret_key": API_KEY}
    return replace(base, **{**towards, **changes})


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def checkout_intent(amount: Money | None = None, subject_id: UUID | None = None) -> CheckoutIntent:
    return CheckoutIntent(
        subject_type="deposit",
        subject_id=subject_id or new_id(),
        amount=amount or usd(10_000),
        description="Deposit",
        customer_email="brand@example.com",
        success_url="http://127.0.0.1:8000/deposits/1?returned=paid",
        cancel_url="http://127.0.0.1:8000/deposits/1?returned=left",
    )


def recipient_intent(subject_id: UUID | None = None) -> RecipientIntent:
    return RecipientIntent(
        subject_type="destination",
        subject_id=subject_id or new_id(),
        email="ada@example.com",
        name="Ada",
        country="US",
        currency="USD",
    )


def transfer_intent(
    remote_account: str, amount: Money | None = None, subject_id: UUID | None = None
) -> TransferIntent:
    return TransferIntent(
        subject_type="payout",
        subject_id=subject_id or new_id(),
        amount=amount or usd(4_000),
        remote_account=remote_account,
        description="Creator payout",
    )


def refund_intent(
    charge_ref: str, amount: Money | None = None, subject_id: UUID | None = None
) -> RefundIntent:
    return RefundIntent(
        subject_type="refund",
        subject_id=subject_id or new_id(),
        amount=amount or usd(1_000),
        charge_ref=charge_ref,
    )


def request_for(stripe: Stripe, intent: Intent, first_sent_at: datetime | None = None) -> Request:
    """The request that the outbox would hand to the adapter."""
    op = OP_OF[type(intent)]
    return Request(
        id=new_id(),
        processor="stripe",
        op=op,
        subject_type=intent.subject_type,
        subject_id=intent.subject_id,
        key=f"{op}:{intent.subject_id.hex}:1",
        body=stripe.body(intent),
        first_sent_at=first_sent_at,
    )


def funded(sandbox: Remote, stripe: Stripe, amount: Money | None = None) -> str:
    """Let somebody pay, so that there is money to transfer; return the charge."""
    outcome = stripe.execute(request_for(stripe, checkout_intent(amount)))
    assert outcome.snapshot is not None
    sandbox.pay(outcome.snapshot.remote_id)
    charge = stripe.fetch("checkout", outcome.snapshot.remote_id, None).charge_ref
    assert charge is not None
    return charge


def payee(sandbox: Remote, stripe: Stripe) -> str:
    """An account that can be paid."""
    outcome = stripe.execute(request_for(stripe, recipient_intent()))
    assert outcome.snapshot is not None
    sandbox.complete_onboarding(outcome.snapshot.remote_id)
    return outcome.snapshot.remote_id
