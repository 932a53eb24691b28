"""Payment intents and charges: a brand's money arriving.

A payment intent is born when a payer first tries on the hosted page. Every try is a charge:
failed ones too, so `latest_charge` alone proves nothing.
"""

from __future__ import annotations

from decimal import Decimal

from marketplace.sandbox import balance
from marketplace.sandbox.currency import rounded, to_wire, written
from marketplace.sandbox.events import emit
from marketplace.sandbox.params import Params
from marketplace.sandbox.refusal import missing
from marketplace.sandbox.world import Act, Doc, new_id

# What the processor keeps of a charge: 2.9 % and 0.30 of its currency, rounded half-even.
FEE_RATE = Decimal("0.029")
FEE_FLAT = Decimal("0.30")

DECLINED = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
}


def begin(act: Act, session: Doc) -> Doc:
    """Return the session's payment intent, made at the payer's first try."""
    if session["payment_intent"]:
        return act.the("payment_intent", session["payment_intent"])
    wishes = session["payment_intent_data"]
    intent: Doc = {
        "id": new_id("pi"),
        "created": act.now,
        "session": session["id"],
        "amount": session["amount"],
        "currency": session["currency"],
        "status": "requires_payment_method",
        "description": wishes["description"],
        "metadata": wishes["metadata"],
        "transfer_group": wishes["transfer_group"],
        "statement_descriptor_suffix": wishes["statement_descriptor_suffix"],
        "email": session["customer_email"],
        "latest_charge": None,
        "last_payment_error": None,
        "canceled_at": None,
    }
    act.add("payment_intent", intent, link=session["id"])
    session["payment_intent"] = intent["id"]
    act.save(session)
    emit(act, "payment_intent.created", show_intent(act, intent))
    return intent


def succeed(act: Act, intent: Doc) -> None:
    """The card paid: charge it, take the processor fee, tell everybody."""
    charge = _charge(act, intent, paid=True)
    amount = Decimal(intent["amount"])
    charge["balance_transaction"] = balance.book(
        act,
        "charge",
        charge["id"],
        amount,
        intent["currency"],
        fee=rounded(amount * FEE_RATE + FEE_FLAT, intent["currency"]),
        available_after_s=act.setting("funds_delay_s"),
    )
    act.add("charge", charge, link=intent["id"])
    intent |= {
        "status": "succeeded",
        "latest_charge": charge["id"],
        "last_payment_error": None,
    }
    act.save(intent)
    emit(act, "charge.succeeded", show_charge(act, charge))
    emit(act, "payment_intent.succeeded", show_intent(act, intent))
    emit(act, "charge.updated", show_charge(act, charge))


def decline(act: Act, intent: Doc) -> None:
    """The bank said no: the same payment intent may be tried again."""
    charge = _charge(act, intent, paid=False)
    act.add("charge", charge, link=intent["id"])
    intent |= {
        "status": "requires_payment_method",
        "latest_charge": charge["id"],
        "last_payment_error": DECLINED | {"charge": charge["id"]},
    }
    act.save(intent)
    emit(act, "charge.failed", show_charge(act, charge))
    emit(act, "payment_intent.payment_failed", show_intent(act, intent))


def cancel(act: Act, intent: Doc) -> None:
    """Its session expired before it was paid."""
    intent |= {"status": "canceled", "canceled_at": act.now}
    act.save(intent)
    emit(act, "payment_intent.canceled", show_intent(act, intent))


def _charge(act: Act, intent: Doc, *, paid: bool) -> Doc:
    return {
        "id": new_id("ch"),
        "created": act.now,
        "payment_intent": intent["id"],
        "amount": intent["amount"],
        "currency": intent["currency"],
        "paid": paid,
        "refunded": written(Decimal(0), intent["currency"]),
        "description": intent["description"],
        "metadata": intent["metadata"],
        "transfer_group": intent["transfer_group"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "email": intent["email"],
        "balance_transaction": None,
    }


def retrieve(act: Act, params: Params, id: str) -> Doc:
    """GET /v1/payment_intents/<id>."""
    params.done()
    intent = act.get("payment_intent", id)
    if intent is None:
        raise missing("payment_intent", id, "intent")
    return show_intent(act, intent)


def show_intent(act: Act, doc: Doc) -> Doc:
    amount = to_wire(doc["amount"], doc["currency"])
    succeeded = doc["status"] == "succeeded"
    return {
        "id": doc["id"],
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": amount if succeeded else 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": doc["canceled_at"],
        "cancellation_reason": "expired" if doc["canceled_at"] else None,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "created": doc["created"],
        "currency": doc["currency"],
        "customer": None,
        "description": doc["description"],
        "last_payment_error": doc["last_payment_error"],
        "latest_charge": doc["latest_charge"],
        "livemode": False,
        "metadata": doc["metadata"],
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": doc["statement_descriptor_suffix"],
        "status": doc["status"],
        "transfer_data": None,
        "transfer_group": doc["transfer_group"],
    }


def show_charge(act: Act, doc: Doc) -> Doc:
    amount = to_wire(doc["amount"], doc["currency"])
    refunded = to_wire(doc["refunded"], doc["currency"])
    paid = doc["paid"]
    return {
        "id": doc["id"],
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if paid else 0,
        "amount_refunded": refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": doc["balance_transaction"],
        "billing_details": {
            "address": None,
            "email": doc["email"],
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "SANDBOX",
        "captured": paid,
        "created": doc["created"],
        "currency": doc["currency"],
        "customer": None,
        "description": doc["description"],
        "disputed": doc.get("disputed", False),
        "failure_balance_transaction": None,
        "failure_code": None if paid else DECLINED["code"],
        "failure_message": None if paid else DECLINED["message"],
        "fraud_details": {},
        "livemode": False,
        "metadata": doc["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(paid),
        "paid": paid,
        "payment_intent": doc["payment_intent"],
        "payment_method": None,
        "payment_method_details": {
            "type": "card",
            "card": {"brand": "visa", "exp_month": 12, "exp_year": 2040, "last4": "4242"},
        },
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": paid and refunded == amount,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": doc["statement_descriptor_suffix"],
        "status": "succeeded" if paid else "failed",
        "transfer_data": None,
        "transfer_group": doc["transfer_group"],
    }


def _outcome(paid: bool) -> Doc:
    return {
        "network_status": "approved_by_network" if paid else "declined_by_network",
        "reason": None if paid else DECLINED["decline_code"],
        "risk_level": "normal",
        "seller_message": "Payment complete." if paid else "The bank declined the payment.",
        "type": "authorized" if paid else "issuer_declined",
    }
