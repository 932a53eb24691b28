"""What most tests start from: a paid session, an account that can be paid, a transfer."""

from __future__ import annotations

import itertools
from typing import Any

import stripe

from tests.sandbox.server import Remote

SUCCESS = "http://127.0.0.1:8000/done?session={CHECKOUT_SESSION_ID}"
CANCEL = "http://127.0.0.1:8000/canceled"

RECIPIENT: dict[str, Any] = {
    "contact_email": "ada@example.org",
    "dashboard": "express",
    "identity": {"country": "us", "entity_type": "individual"},
    "defaults": {
        "currency": "usd",
        "responsibilities": {"fees_collector": "application", "losses_collector": "application"},
    },
    "configuration": {
        "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}
    },
    "include": ["configuration.recipient", "requirements"],
    "metadata": {"creator": "7"},
}


def session_params(minor: int = 10_000, currency: str = "usd") -> dict[str, Any]:
    """Return what the marketplace sends for a deposit of so many minor units."""
    return {
        "mode": "payment",
        "success_url": SUCCESS,
        "cancel_url": CANCEL,
        "client_reference_id": "deposit-1",
        "customer_email": "brand@example.org",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": minor,
                    "product_data": {"name": "Deposit", "description": "To your balance"},
                },
            }
        ],
        "metadata": {"deposit": "1"},
        "payment_intent_data": {"metadata": {"deposit": "1"}, "transfer_group": "deposit-1"},
    }


class Scenes:
    """Short ways to a state, each through the real client and the real pages."""

    def __init__(self, sandbox: Remote, client: stripe.StripeClient) -> None:
        self.sandbox = sandbox
        self.client = client
        self._keys = (f"key-{number}" for number in itertools.count(1))

    def key(self) -> Any:
        """Return request options with a fresh idempotency key."""
        return {"idempotency_key": next(self._keys)}

    def session(self, minor: int = 10_000, currency: str = "usd") -> stripe.checkout.Session:
        params: Any = session_params(minor, currency)
        return self.client.v1.checkout.sessions.create(params, self.key())

    def paid(self, minor: int = 10_000, currency: str = "usd") -> stripe.PaymentIntent:
        """Return a succeeded payment intent with charge and balance transaction expanded."""
        session = self.session(minor, currency)
        self.sandbox.pay(session.id)
        intent = self.client.v1.checkout.sessions.retrieve(session.id).payment_intent
        assert isinstance(intent, str)
        return self.client.v1.payment_intents.retrieve(
            intent, {"expand": ["latest_charge.balance_transaction"]}
        )

    def account(self, *, can_be_paid: bool = True) -> str:
        params: Any = RECIPIENT
        account = self.client.v2.core.accounts.create(params, self.key())
        if can_be_paid:
            self.sandbox.complete_onboarding(account.id)
        return account.id

    def transfer(
        self, destination: str, minor: int = 4_000, currency: str = "usd", **more: Any
    ) -> stripe.Transfer:
        params: Any = {"amount": minor, "currency": currency, "destination": destination} | more
        return self.client.v1.transfers.create(params, self.key())
