"""Refunds: a charge's money goes back to the payer, in part or whole.

    pending ──settle──▶ succeeded
       │                    │
       └──────fail──────────┴──▶ failed      (the money comes back to us)

The processor fee is not given back. A refund that the balance does not cover waits as pending
(`pending_reason` insufficient_funds) and is tried again every sandbox hour.
"""

from __future__ import annotations

from decimal import Decimal

from marketplace.sandbox import balance, disputes, faults
from marketplace.sandbox.currency import from_wire, step, to_wire, written
from marketplace.sandbox.events import emit
from marketplace.sandbox.listing import page
from marketplace.sandbox.params import Params
from marketplace.sandbox.payments import show_charge
from marketplace.sandbox.refusal import NotExecuted, Refused, missing
from marketplace.sandbox.world import Act, Doc, new_id

REASONS = {"duplicate", "fraudulent", "requested_by_customer"}
HOUR_S = 3600


def create(act: Act, params: Params) -> Doc:
    """POST /v1/refunds, of a payment intent or a charge."""
    intent_id, charge_id = params.text("payment_intent"), params.text("charge")
    minor = params.integer("amount")
    refund: Doc = {
        "id": new_id("re"),
        "created": act.now,
        "reason": params.choice("reason", REASONS),
        "metadata": params.metadata(),
        "status": "pending",
        "pending_reason": "processing",
        "balance_transaction": None,
        "failure_balance_transaction": None,
    }
    params.done()
    charge = _charge(act, intent_id, charge_id)
    if disputes.standing(act, charge) is not None:
        raise Refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    amount = _amount(charge, minor, disputes.taken(act, charge))
    refund |= {
        "charge": charge["id"],
        "payment_intent": charge["payment_intent"],
        "currency": charge["currency"],
        "amount": written(amount, charge["currency"]),
    }
    act.add("refund", refund, link=charge["payment_intent"])
    _count(act, charge, amount)

    fault = faults.take(act, "refunds.create", faults.REFUND_FAULTS, refund["id"])
    if fault is None or fault.fault == "refund_fails_after_success":
        _settle(act, refund)
    emit(act, "refund.created", show(act, refund))
    emit(act, "charge.refunded", show_charge(act, charge))
    emit(act, "refund.updated", show(act, refund))
    if fault is not None:
        later = "settle_refund" if fault.fault == "refund_pending" else "fail_refund"
        act.schedule(later, refund["id"], int(fault.delay_s))
    return show(act, refund)


def _charge(act: Act, intent_id: str | None, charge_id: str | None) -> Doc:
    if (intent_id is None) == (charge_id is None):
        raise NotExecuted("Name one of: payment_intent, charge", code="parameter_missing")
    if intent_id is not None:
        intent = act.get("payment_intent", intent_id)
        if intent is None:
            raise missing("payment_intent", intent_id, "payment_intent")
        charge_id = intent["latest_charge"]
    charge = act.get("charge", charge_id)
    if charge is None and intent_id is None:
        raise missing("charge", str(charge_id), "charge")
    if charge is None or not charge["paid"]:
        raise Refused(f"This payment has no successful charge to refund: {intent_id or charge_id}")
    return charge


def _amount(charge: Doc, minor: int | None, disputed: Decimal) -> Decimal:
    """Return what to refund: all that is left, or the part asked for, never more."""
    left = Decimal(charge["amount"]) - Decimal(charge["refunded"]) - disputed
    if not left:
        raise Refused(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = left if minor is None else from_wire(minor, charge["currency"])
    if amount <= 0 or amount % step(charge["currency"]):
        raise NotExecuted("Invalid positive integer", param="amount")
    if amount > left:
        # Stripe gives no code here, only the message.
        raise Refused(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    return amount


def _count(act: Act, charge: Doc, amount: Decimal) -> None:
    """Keep what is refunded of a charge, those on their way included."""
    charge["refunded"] = written(Decimal(charge["refunded"]) + amount, charge["currency"])
    act.save(charge)


def _settle(act: Act, refund: Doc) -> None:
    """Pay it out of the available balance, or leave it waiting for funds."""
    amount, currency = Decimal(refund["amount"]), refund["currency"]
    if amount > balance.available(act, currency):
        refund["pending_reason"] = "insufficient_funds"
        act.schedule("settle_refund", refund["id"], HOUR_S)
    else:
        refund["status"] = "succeeded"
        refund["balance_transaction"] = balance.book(act, "refund", refund["id"], -amount, currency)
    act.save(refund)


def settle(act: Act, refund_id: str) -> None:
    """A pending refund is tried again."""
    refund = act.the("refund", refund_id)
    if refund["status"] == "pending":
        _settle(act, refund)
        if refund["status"] == "succeeded":
            emit(act, "refund.updated", show(act, refund))


def fail(act: Act, refund_id: str) -> None:
    """The payer's bank sends it back; what we had paid returns to our balance."""
    refund = act.the("refund", refund_id)
    if refund["status"] == "failed":
        return
    if refund["balance_transaction"]:
        refund["failure_balance_transaction"] = balance.book(
            act, "refund_failure", refund["id"], Decimal(refund["amount"]), refund["currency"]
        )
    refund["status"] = "failed"
    act.save(refund)
    _count(act, act.the("charge", refund["charge"]), -Decimal(refund["amount"]))
    emit(act, "refund.updated", show(act, refund))
    emit(act, "refund.failed", show(act, refund))


def retrieve(act: Act, params: Params, id: str) -> Doc:
    """GET /v1/refunds/<id>."""
    params.done()
    refund = act.get("refund", id)
    if refund is None:
        raise missing("refund", id, "refund")
    return show(act, refund)


def list_refunds(act: Act, params: Params) -> Doc:
    """GET /v1/refunds, newest first."""
    charge = params.text("charge")
    return page(
        act,
        params,
        "refund",
        "/v1/refunds",
        show,
        link=params.text("payment_intent"),
        wanted=lambda doc: charge in (None, doc["charge"]),
    )


def show(act: Act, doc: Doc) -> Doc:
    body: Doc = {
        "id": doc["id"],
        "object": "refund",
        "amount": to_wire(doc["amount"], doc["currency"]),
        "balance_transaction": doc["balance_transaction"],
        "charge": doc["charge"],
        "created": doc["created"],
        "currency": doc["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": doc["metadata"],
        "payment_intent": doc["payment_intent"],
        "reason": doc["reason"],
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": doc["status"],
        "transfer_reversal": None,
    }
    if doc["status"] == "pending":
        body["pending_reason"] = doc["pending_reason"]
    if doc["status"] == "failed":
        body["failure_reason"] = "expired_or_canceled_card"
        if doc["failure_balance_transaction"]:
            body["failure_balance_transaction"] = doc["failure_balance_transaction"]
    return body
