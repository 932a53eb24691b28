"""Our intents as Stripe's parameters, and Stripe's objects as our snapshots. Pure.

Nothing is sent as `payment_method_types`: since 2026-09-30 Checkout refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from marketplace.money import Money, zero
from marketplace.processors.base import (
    Body,
    CheckoutIntent,
    Intent,
    RecipientIntent,
    RefundIntent,
    Snapshot,
    TransferIntent,
)
from marketplace.processors.listing import Cash
from marketplace.processors.stripe_amounts import from_stripe, to_stripe

Doc = Mapping[str, Any]

# Without naming them, v2 answers leave these out.
RECIPIENT_INCLUDES = ["configuration.recipient", "identity", "requirements"]

_PAYMENT_STATES = {
    "requires_action": "requires_action",
    "requires_confirmation": "requires_action",
    "requires_capture": "requires_action",
    "processing": "processing",
    "succeeded": "succeeded",
    "canceled": "canceled",
}
_REFUND_STATES = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
_RECIPIENT_STATES = {
    "active": "active",
    "pending": "pending",
    "restricted": "restricted",
    "unsupported": "restricted",
}


def body_of(intent: Intent) -> Body:
    """Return the parameters of the POST that does what is intended."""
    match intent:
        case CheckoutIntent():
            return _checkout_body(intent)
        case RefundIntent():
            return {
                "charge": intent.charge_ref,
                "amount": to_stripe(intent.amount),
                "metadata": _metadata(intent),
            }
        case RecipientIntent():
            return _recipient_body(intent)
        case TransferIntent():
            # No source_transaction: a payout pools the money of many charges, and a transfer that
            # is tied to one is capped by it. transfer_group is what a look-up goes by.
            return {
                "amount": to_stripe(intent.amount),
                "currency": intent.amount.currency.lower(),
                "destination": intent.remote_account,
                "description": intent.description,
                "transfer_group": intent.subject_id.hex,
                "metadata": _metadata(intent),
            }


def _checkout_body(intent: CheckoutIntent) -> Body:
    price = {
        "currency": intent.amount.currency.lower(),
        "unit_amount": to_stripe(intent.amount),
        "product_data": {"name": intent.description},
    }
    return {
        "mode": "payment",
        "client_reference_id": intent.subject_id.hex,
        "customer_email": intent.customer_email,
        "line_items": [{"price_data": price, "quantity": 1}],
        "metadata": _metadata(intent),
        "payment_intent_data": {"metadata": _metadata(intent)},
        "success_url": intent.success_url,
        "cancel_url": intent.cancel_url,
    }


def _recipient_body(intent: RecipientIntent) -> Body:
    transfers = {"stripe_balance": {"stripe_transfers": {"requested": True}}}
    ours = {"fees_collector": "application", "losses_collector": "application"}
    return {
        "contact_email": intent.email,
        "display_name": intent.name,
        "dashboard": "express",
        "identity": {"country": intent.country.lower(), "entity_type": "individual"},
        "defaults": {"currency": intent.currency.lower(), "responsibilities": ours},
        "configuration": {"recipient": {"capabilities": transfers}},
        "include": RECIPIENT_INCLUDES,
        "metadata": _metadata(intent),
    }


def _metadata(intent: Intent) -> dict[str, str]:
    return {"subject": intent.subject_id.hex, "subject_type": intent.subject_type}


def onboarding_body(remote_account: str, return_url: str, refresh_url: str) -> Body:
    """Return the parameters of a link where a recipient gives what Stripe needs to know."""
    onboarding = {
        "configurations": ["recipient"],
        "return_url": return_url,
        "refresh_url": refresh_url,
    }
    use_case = {"type": "account_onboarding", "account_onboarding": onboarding}
    return {"account": remote_account, "use_case": use_case}


# Each reader below raises AttributeError, KeyError, TypeError or ValueError on anything else.


def checkout(session: Doc) -> Snapshot:
    """Read a Checkout Session."""
    return Snapshot(
        kind="checkout",
        remote_id=session["id"],
        our_ref=session.get("client_reference_id"),
        state=session["status"],
        livemode=session["livemode"],
        amount=from_stripe(session["amount_total"], session["currency"]),
        payment_ref=_id(session.get("payment_intent")),
        url=session.get("url"),
        remote_created=_instant(session["created"]),
        raw=session,
    )


def payment(intent: Doc) -> Snapshot:
    """Read a PaymentIntent with its latest charge and that charge's balance transaction expanded.

    The balance transaction, and so the processor fee, may come a little later than the payment.
    """
    charge = intent.get("latest_charge")
    transaction = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    booked = transaction if isinstance(transaction, Mapping) else None
    succeeded = intent["status"] == "succeeded"
    arrived = intent["amount_received" if succeeded else "amount"]
    return Snapshot(
        kind="payment",
        remote_id=intent["id"],
        our_ref=_our_ref(intent),
        state=_payment_state(intent),
        livemode=intent["livemode"],
        amount=from_stripe(arrived, intent["currency"]),
        fee=from_stripe(booked["fee"], booked["currency"]) if booked else None,
        fee_ref=booked["id"] if booked else None,
        charge_ref=_id(charge),
        payment_ref=intent["id"],
        remote_created=_instant(intent["created"]),
        raw=intent,
    )


def _payment_state(intent: Doc) -> str:
    status: str = intent["status"]
    if status == "requires_payment_method":
        return "failed" if intent.get("last_payment_error") else "requires_action"
    return _word(_PAYMENT_STATES, status)


def transfer(transfer: Doc) -> Snapshot:
    """Read a Transfer. It has no status of its own: that it exists means paid."""
    return Snapshot(
        kind="transfer",
        remote_id=transfer["id"],
        our_ref=transfer.get("transfer_group") or _our_ref(transfer),
        state=_transfer_state(transfer),
        livemode=transfer["livemode"],
        amount=from_stripe(transfer["amount"], transfer["currency"]),
        account=_id(transfer["destination"]),
        remote_created=_instant(transfer["created"]),
        raw=transfer,
    )


def _transfer_state(transfer: Doc) -> str:
    if not transfer["amount_reversed"] and not transfer["reversed"]:
        return "paid"
    in_full = transfer["amount_reversed"] == transfer["amount"] and transfer["reversed"]
    return "reversed" if in_full else "partly_reversed"


def refund(refund: Doc, livemode: bool) -> Snapshot:
    """Read a Refund; it alone does not say whether it is live, the key that fetched it does."""
    return Snapshot(
        kind="refund",
        remote_id=refund["id"],
        our_ref=_our_ref(refund),
        state=_word(_REFUND_STATES, refund["status"]),
        livemode=livemode,
        amount=from_stripe(refund["amount"], refund["currency"]),
        charge_ref=_id(refund.get("charge")),
        payment_ref=_id(refund.get("payment_intent")),
        remote_created=_instant(refund["created"]),
        raw=refund,
    )


def recipient(account: Doc) -> Snapshot:
    """Read an Account (v2) with its recipient configuration and requirements included."""
    configured = (account.get("configuration") or {}).get("recipient") or {}
    balance = (configured.get("capabilities") or {}).get("stripe_balance") or {}
    status: str = (balance.get("stripe_transfers") or {}).get("status") or "pending"
    if account.get("closed"):
        status = "restricted"
    return Snapshot(
        kind="recipient",
        remote_id=account["id"],
        our_ref=_our_ref(account),
        state=_word(_RECIPIENT_STATES, status),
        livemode=account["livemode"],
        account=account["id"],
        remote_created=_instant(account["created"]),
        requirements=_requirements(account),
        raw=account,
    )


def _requirements(account: Doc) -> tuple[str, ...]:
    entries = (account.get("requirements") or {}).get("entries") or ()
    return tuple(
        entry["description"] for entry in entries if entry["awaiting_action_from"] == "user"
    )


def connected_payout(payout: Doc, account: str | None) -> Snapshot:
    """Read a Payout from a connected account to its bank: information, never a posting of ours."""
    return Snapshot(
        kind="connected_payout",
        remote_id=payout["id"],
        our_ref=None,
        state=payout["status"],
        livemode=payout["livemode"],
        amount=from_stripe(payout["amount"], payout["currency"]),
        account=account,
        remote_created=_instant(payout["created"]),
        raw=payout,
    )


def cash(balance: Doc) -> dict[str, Cash]:
    """Read a Balance, by currency."""
    available, pending = (_amounts(balance[part]) for part in ("available", "pending"))
    return {
        currency: Cash(
            available.get(currency, zero(currency)), pending.get(currency, zero(currency))
        )
        for currency in {**available, **pending}
    }


def _amounts(rows: Sequence[Doc]) -> dict[str, Money]:
    amounts = (from_stripe(row["amount"], row["currency"]) for row in rows)
    return {amount.currency: amount for amount in amounts}


def _word(states: Mapping[str, str], status: str) -> str:
    """Our word for one of Stripe's; Stripe's own if it is new."""
    return states.get(status, status)


def _our_ref(doc: Doc) -> str | None:
    ref: str | None = (doc.get("metadata") or {}).get("subject")
    return ref


def _id(expandable: Any) -> str | None:
    """The id of something that Stripe gives as its id or, expanded, as itself."""
    if isinstance(expandable, Mapping):
        return str(expandable["id"])
    return expandable if isinstance(expandable, str) else None


def _instant(created: int | str) -> datetime:
    """v1 counts seconds, v2 writes RFC 3339."""
    if isinstance(created, str):
        return datetime.fromisoformat(created.replace("Z", "+00:00")).astimezone(UTC)
    return datetime.fromtimestamp(created, UTC)
