"""Bank payouts: those of connected accounts, which the platform only hears about, and our own."""

from __future__ import annotations

from decimal import Decimal

from marketplace.sandbox import balance, faults, transfers
from marketplace.sandbox.currency import to_wire, written
from marketplace.sandbox.events import emit
from marketplace.sandbox.world import Act, Doc, new_id


def pay_out(act: Act, transfer_id: str) -> None:
    """Send a transfer on to the account's bank, unless it is gone; tell the Connect endpoint."""
    transfer = act.the("transfer", transfer_id)
    if transfers.is_gone(transfer):
        return
    payout: Doc = {
        "id": new_id("po"),
        "created": act.now,
        "account": transfer["destination"],
        "transfer": transfer_id,
        "amount": transfer["amount"],
        "currency": transfer["currency"],
    }
    failed = faults.take(act, "payouts.create", faults.PAYOUT_FAULTS, payout["id"]) is not None
    payout["status"] = "failed" if failed else "paid"
    act.add("payout", payout, link=payout["account"])
    emit(act, f"payout.{payout['status']}", show(act, payout), account=payout["account"])


def to_our_bank(act: Act, amount: Decimal, currency: str) -> None:
    """The platform's own money leaves to its own bank."""
    payout: Doc = {
        "id": new_id("po"),
        "created": act.now,
        "account": None,
        "transfer": None,
        "amount": written(amount, currency),
        "currency": currency,
        "status": "paid",
    }
    act.add("payout", payout)
    balance.book(act, "payout", payout["id"], -amount, currency)
    emit(act, "payout.paid", show(act, payout))


def show(act: Act, doc: Doc) -> Doc:
    failed = doc["status"] == "failed"
    account = doc["account"] or "acct_own"
    return {
        "id": doc["id"],
        "object": "payout",
        "amount": to_wire(doc["amount"], doc["currency"]),
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": doc["created"],
        "automatic": True,
        "balance_transaction": None,
        "created": doc["created"],
        "currency": doc["currency"],
        "description": "STRIPE PAYOUT",
        "destination": f"ba_{account.removeprefix('acct_')}",
        "failure_balance_transaction": None,
        "failure_code": "account_closed" if failed else None,
        "failure_message": "The bank account has been closed." if failed else None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": doc["status"],
        "trace_id": None,
        "type": "bank_account",
    }
