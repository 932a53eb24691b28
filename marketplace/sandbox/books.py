"""The sandbox's own books, for whoever wants to compare: decimals in major units."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from marketplace.sandbox import balance
from marketplace.sandbox.currency import written
from marketplace.sandbox.world import Act, Doc

COLUMNS = {
    "charge": "charges",
    "refund": "refunds",
    "refund_failure": "refunds",
    "adjustment": "disputes",
    "transfer": "transfers",
    "transfer_refund": "transfers",
    "payout": "payouts",
}


def books(act: Act) -> Doc:
    """Return totals per currency, and every charge, refund, dispute, transfer, payout and account.

    charges - fees - refunds - disputes - transfers - payouts = balance = available + pending. What
    came back of refunds, disputes and transfers is taken off them; payouts went to our own bank.
    """
    return {
        "currencies": _totals(act),
        "charges": [_charge(act, doc) for doc in act.find("charge") if doc["paid"]],
        "refunds": act.find("refund"),
        "disputes": act.find("dispute"),
        "transfers": act.find("transfer"),
        "payouts": act.find("payout"),
        "accounts": act.find("account"),
        "paypal": {
            "balances": {it["currency"]: it["total"] for it in act.find("paypal_balance")},
            "items": act.find("paypal_item"),
        },
    }


def _totals(act: Act) -> Doc:
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for entry in act.find("balance_transaction"):
        amount = Decimal(entry["amount"])
        column = COLUMNS[entry["type"]]
        sums[entry["currency"]][column] += amount if column == "charges" else -amount
        sums[entry["currency"]]["fees"] += Decimal(entry["fee"])
    return {
        currency: {
            "charges": written(sums[currency]["charges"], currency),
            "fees": written(sums[currency]["fees"], currency),
            "refunds": written(sums[currency]["refunds"], currency),
            "disputes": written(sums[currency]["disputes"], currency),
            "transfers": written(sums[currency]["transfers"], currency),
            "payouts": written(sums[currency]["payouts"], currency),
            "balance": written(balance.total(act, currency), currency),
            "available": written(balance.available(act, currency), currency),
            "pending": written(balance.pending(act, currency), currency),
        }
        for currency in balance.currencies(act)
    }


def _charge(act: Act, doc: Doc) -> Doc:
    """Return a charge with its fee and with what the marketplace called it."""
    intent = act.the("payment_intent", doc["payment_intent"])
    session = act.the("checkout.session", intent["session"])
    entry = act.the("balance_transaction", doc["balance_transaction"])
    return doc | {
        "fee": entry["fee"],
        "session": session["id"],
        "session_metadata": session["metadata"],
        "client_reference_id": session["client_reference_id"],
    }
