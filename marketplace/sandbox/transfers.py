"""Transfers: the platform's money moves to a connected account, and may be reversed.

A transfer has no status: it exists, or it was refused; how much of it came back, it says. Whether
the account still has the money is nobody's question here: accounts have no books of their own.
"""

from __future__ import annotations

from decimal import Decimal

from marketplace.sandbox import accounts, balance
from marketplace.sandbox.currency import from_wire, is_known, step, to_wire, written
from marketplace.sandbox.events import emit
from marketplace.sandbox.listing import page
from marketplace.sandbox.params import Params
from marketplace.sandbox.refusal import NotExecuted, Refused, missing
from marketplace.sandbox.world import Act, Doc, new_id


def create(act: Act, params: Params) -> Doc:
    """POST /v1/transfers."""
    currency = params.needed_text("currency").lower()
    minor = params.needed_integer("amount")
    destination = params.needed_text("destination")
    transfer: Doc = {
        "id": new_id("tr"),
        "created": act.now,
        "currency": currency,
        "destination": destination,
        "destination_payment": new_id("py"),
        "description": params.text("description"),
        "metadata": params.metadata(),
        "transfer_group": params.text("transfer_group"),
    }
    params.choice("source_type", {"card"})
    params.done()
    if not is_known(currency):
        raise NotExecuted(f"Invalid currency: {currency}", param="currency")
    amount = from_wire(minor, currency)
    if minor <= 0 or amount % step(currency):
        raise NotExecuted("Invalid amount", code="parameter_invalid_integer", param="amount")

    _check_destination(act, destination)
    _check_funds(act, amount, currency)
    transfer["amount"] = written(amount, currency)
    transfer["balance_transaction"] = balance.book(
        act, "transfer", transfer["id"], -amount, currency
    )
    act.add("transfer", transfer, link=transfer["transfer_group"])
    emit(act, "transfer.created", show(act, transfer))
    delay_s = act.setting("bank_payout_delay_s")
    if delay_s is not None:
        act.schedule("bank_payout", transfer["id"], delay_s)
    return show(act, transfer)


def _check_destination(act: Act, destination: str) -> None:
    account = act.get("account", destination)
    if account is None:
        raise missing("destination", destination, "destination", status=400)
    if not accounts.can_receive(account):
        raise Refused(
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )


def _check_funds(act: Act, amount: Decimal, currency: str) -> None:
    # Never queued: "the transfer fails ... you must explicitly retry",
    # docs.stripe.com/connect/account-balances
    if amount > balance.available(act, currency):
        raise Refused(
            "You have insufficient available funds in your Stripe account.",
            code="balance_insufficient",
        )


def retrieve(act: Act, params: Params, id: str) -> Doc:
    """GET /v1/transfers/<id>."""
    params.done()
    transfer = act.get("transfer", id)
    if transfer is None:
        raise missing("transfer", id, "id")
    return show(act, transfer)


def list_transfers(act: Act, params: Params) -> Doc:
    """GET /v1/transfers, newest first: the look-up after an unknown outcome."""
    destination = params.text("destination")
    return page(
        act,
        params,
        "transfer",
        "/v1/transfers",
        show,
        link=params.text("transfer_group"),
        wanted=lambda doc: destination in (None, doc["destination"]),
    )


def reverse(act: Act, params: Params, id: str) -> Doc:
    """POST /v1/transfers/<id>/reversals: of all that is left, or of the part asked for."""
    minor, description = params.integer("amount"), params.text("description")
    metadata = params.metadata()
    params.done()
    transfer = act.get("transfer", id)
    if transfer is None:
        raise missing("transfer", id, "id")
    currency = transfer["currency"]
    amount = _to_reverse(transfer, minor)
    reversal: Doc = {
        "id": new_id("trr"),
        "created": act.now,
        "transfer": id,
        "currency": currency,
        "amount": written(amount, currency),
        "description": description,
        "metadata": metadata,
    }
    reversal["balance_transaction"] = balance.book(
        act, "transfer_refund", reversal["id"], amount, currency
    )
    act.add("transfer_reversal", reversal, link=id)
    transfer["reversed"] = written(_reversed(transfer) + amount, currency)
    act.save(transfer)
    emit(act, "transfer.reversed", show(act, transfer))
    return show_reversal(act, reversal)


def _reversed(transfer: Doc) -> Decimal:
    """How much of a transfer came back so far."""
    return Decimal(transfer.get("reversed", 0))


def is_gone(transfer: Doc) -> bool:
    """Did all of it come back?"""
    return _reversed(transfer) == Decimal(transfer["amount"])


def _to_reverse(transfer: Doc, minor: int | None) -> Decimal:
    left = Decimal(transfer["amount"]) - _reversed(transfer)
    if not left:
        raise Refused(f"Transfer {transfer['id']} is already fully reversed.")
    amount = left if minor is None else from_wire(minor, transfer["currency"])
    if amount <= 0 or amount % step(transfer["currency"]):
        raise NotExecuted("Invalid positive integer", param="amount")
    if amount > left:
        raise Refused(
            f"Reversal amount ({amount}) is greater than unreversed amount of transfer ({left})",
            param="amount",
        )
    return amount


def show_reversal(_act: Act, doc: Doc) -> Doc:
    return {
        "id": doc["id"],
        "object": "transfer_reversal",
        "amount": to_wire(doc["amount"], doc["currency"]),
        "balance_transaction": doc["balance_transaction"],
        "created": doc["created"],
        "currency": doc["currency"],
        "destination_payment_refund": None,
        "metadata": doc["metadata"],
        "source_refund": None,
        "transfer": doc["transfer"],
    }


def show(act: Act, doc: Doc) -> Doc:
    return {
        "id": doc["id"],
        "object": "transfer",
        "amount": to_wire(doc["amount"], doc["currency"]),
        "amount_reversed": to_wire(written(_reversed(doc), doc["currency"]), doc["currency"]),
        "balance_transaction": doc["balance_transaction"],
        "created": doc["created"],
        "currency": doc["currency"],
        "description": doc["description"],
        "destination": doc["destination"],
        "destination_payment": doc["destination_payment"],
        "livemode": False,
        "metadata": doc["metadata"],
        "reversals": {
            "object": "list",
            "data": [show_reversal(act, it) for it in act.find("transfer_reversal", doc["id"])],
            "has_more": False,
            "url": f"/v1/transfers/{doc['id']}/reversals",
        },
        "reversed": is_gone(doc),
        "source_transaction": None,
        "source_type": "card",
        "transfer_group": doc["transfer_group"],
    }
