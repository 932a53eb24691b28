"""PayPal payouts: batches of items, what becomes of each item, and the balance they are paid from.

    PENDING ──▶ SUCCESS ──▶ REFUNDED, REVERSED
       │ └────▶ UNCLAIMED ──30 days──▶ RETURNED      or claimed: SUCCESS
       └──────▶ ONHOLD, BLOCKED, FAILED, DENIED

What becomes of an item, the first word of its receiver's address says (`unclaimed@example.com`,
`held+ada@example.com`); of anybody else, that it succeeds. The control calls move it by hand.
Amount and fee leave the balance when a batch is taken, and come back where the receiver never had
them. PayPal does not say whether its fee comes back too; here it does.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from marketplace.sandbox.paypal_refusal import Refused, invalid
from marketplace.sandbox.paypal_telling import tell_batch, tell_item
from marketplace.sandbox.world import Act, Doc, new_id, stamp

DAY_S = 86_400
UNCLAIMED_S = 30 * DAY_S
KEPT_S = 30 * DAY_S  # how long a sender_batch_id is known
ITEMS_MAX = 15_000

WHOLE_ONLY = frozenset({"HUF", "JPY", "TWD"})
CURRENCIES = WHOLE_ONLY | frozenset(
    ("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR", "NOK")
    + ("NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD")
)
FEE_SHARE, FEE_MOST = Decimal("0.02"), Decimal(20)

# First word of a receiver's address → what becomes of the item, and a day later.
OUTCOMES = {
    "unclaimed": ("UNCLAIMED", None),
    "pending": ("PENDING", None),
    "held": ("ONHOLD", None),
    "failed": ("FAILED", None),
    "denied": ("DENIED", None),
    "blocked": ("BLOCKED", None),
    "refunded": ("SUCCESS", "REFUNDED"),
    "reversed": ("SUCCESS", "REVERSED"),
}
# In these the sender has the money; with its fee where the receiver never had it.
BACK_WITH_FEE = frozenset({"FAILED", "DENIED", "BLOCKED", "RETURNED"})
BACK = BACK_WITH_FEE | {"REFUNDED", "REVERSED"}
STATUSES = BACK | {"PENDING", "SUCCESS", "UNCLAIMED", "ONHOLD"}


def create(act: Act, body: Doc) -> Doc:
    """POST /v1/payments/payouts."""
    header, items = body.get("sender_batch_header"), body.get("items")
    if not isinstance(header, dict) or not isinstance(items, list):
        raise invalid("sender_batch_header", "Required field is missing")
    if not 1 <= len(items) <= ITEMS_MAX:
        raise invalid("items", f"Between 1 and {ITEMS_MAX} items are needed")
    key = str(header.get("sender_batch_id") or new_id("batch"))
    for known in act.find("paypal_batch", key):
        if act.now - known["created"] < KEPT_S:
            raise _duplicate(act, known)
    batch_id = new_id("P", 12).replace("_", "").upper()
    made = [_item(act, batch_id, n, item) for n, item in enumerate(items)]
    if len({item["currency"] for item in made}) > 1:
        raise invalid("items", "All items of a batch have one currency")
    needed = sum((Decimal(item["amount"]) + Decimal(item["fee"]) for item in made), Decimal(0))
    currency = made[0]["currency"]
    if needed > balance(act, currency):
        raise Refused(
            "INSUFFICIENT_FUNDS",
            "Sender does not have sufficient funds. Please add funds and retry.",
            status=422,
        )
    batch = {
        "id": batch_id,
        "created": act.now,
        "key": key,
        "header": header,
        "status": "PENDING",
    }
    act.add("paypal_batch", batch, link=key)
    for item in made:
        act.add("paypal_item", item, link=batch_id)
    _book(act, currency, -needed)
    act.schedule("paypal_process", batch_id, 0)
    return {"batch_header": _header(batch), "links": [_self(act, f"payouts/{batch_id}")]}


def _item(act: Act, batch_id: str, n: int, item: Any) -> Doc:
    if not isinstance(item, dict) or not isinstance(item.get("amount"), dict):
        raise invalid(f"items[{n}].amount", "Required field is missing")
    currency, receiver = str(item["amount"].get("currency")), str(item.get("receiver") or "")
    if currency not in CURRENCIES:
        raise invalid(f"items[{n}].amount.currency", "Currency is invalid")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", receiver) or len(receiver) > 127:
        raise invalid(f"items[{n}].receiver", "Receiver is invalid or does not match with type")
    amount = _decimal(item["amount"].get("value"), currency)
    if amount is None or amount <= 0:
        raise invalid(f"items[{n}].amount.value", "Amount is invalid")
    fee = min(FEE_SHARE * amount, FEE_MOST)
    return {
        "id": new_id("I", 12).replace("_", "").upper(),
        "batch": batch_id,
        "created": act.now,
        "amount": written(amount, currency),
        "fee": written(fee, currency),
        "currency": currency,
        "receiver": receiver,
        "sender_item_id": str(item.get("sender_item_id") or ""),
        "note": str(item.get("note") or ""),
        "transaction": new_id("T", 16).replace("_", "").upper(),
        "status": "PENDING",
    }


def _decimal(value: Any, currency: str) -> Decimal | None:
    """The amount, if it is a text that PayPal takes in this currency."""
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None
    if amount is None or not amount.is_finite() or written(amount, currency) != f"{amount:f}":
        return None
    return amount


def written(amount: Decimal, currency: str) -> str:
    """The amount with the decimals of its currency."""
    return f"{amount:.{0 if currency in WHOLE_ONLY else 2}f}"


def _duplicate(act: Act, batch: Doc) -> Refused:
    return Refused(
        "USER_BUSINESS_ERROR",
        "User business error.",
        details=[
            {
                "field": "SENDER_BATCH_ID",
                "location": "body",
                "issue": "Batch with given sender_batch_id already exists",
                "link": [_self(act, f"payouts/{batch['id']}")],
            }
        ],
    )


def retrieve(act: Act, id: str) -> Doc:
    """GET /v1/payments/payouts/<id>."""
    batch = act.get("paypal_batch", id)
    if batch is None:
        raise Refused("INVALID_RESOURCE_ID", f"No such batch: {id}", status=404)
    items = act.find("paypal_item", id)
    return {
        "total_items": len(items),
        "total_pages": 1,
        "batch_header": _header(batch),
        "items": [show(act, item) for item in items],
        "links": [_self(act, f"payouts/{id}")],
    }


def retrieve_item(act: Act, id: str) -> Doc:
    """GET /v1/payments/payouts-item/<id>."""
    item = act.get("paypal_item", id)
    if item is None:
        raise Refused("INVALID_RESOURCE_ID", f"No such item: {id}", status=404)
    return show(act, item)


def cancel(act: Act, id: str) -> Doc:
    """POST /v1/payments/payouts-item/<id>/cancel: of an unclaimed item alone."""
    shown = retrieve_item(act, id)
    if shown["transaction_status"] != "UNCLAIMED":
        raise Refused("ITEM_ALREADY_CLAIMED", "Only unclaimed items can be canceled.")
    move(act, id, "RETURNED")
    return retrieve_item(act, id)


def process(act: Act, batch_id: str) -> None:
    """PayPal comes to a batch: what becomes of each item."""
    batch = act.the("paypal_batch", batch_id)
    for item in act.find("paypal_item", batch_id):
        word = re.split(r"[+.@-]", item["receiver"], maxsplit=1)[0].lower()
        now, later = OUTCOMES.get(word, ("SUCCESS", None))
        if now != "PENDING":
            move(act, item["id"], now)
        if later:
            act.schedule(f"paypal_{later.lower()}", item["id"], DAY_S)
    batch["status"] = "SUCCESS"
    act.save(batch)
    tell_batch(act, {"batch_header": _header(batch)}, batch["status"])


def move(act: Act, item_id: str, status: str) -> None:
    """Bring an item to a status, move the money that goes with it, and tell."""
    item = act.the("paypal_item", item_id)
    if item["status"] == status:
        return
    back = status in BACK and item["status"] not in BACK
    if back:
        fee = Decimal(item["fee"]) if status in BACK_WITH_FEE else Decimal(0)
        _book(act, item["currency"], Decimal(item["amount"]) + fee)
    elif item["status"] in BACK and status not in BACK:  # it goes out after all
        _book(act, item["currency"], -Decimal(item["amount"]) - Decimal(item["fee"]))
    item["status"], item["processed"] = status, act.now
    act.save(item)
    if status == "UNCLAIMED":
        act.schedule("paypal_unclaimed_for_30_days", item_id, UNCLAIMED_S)
    tell_item(act, show(act, item), status)


def end_unclaimed(act: Act, item_id: str) -> None:
    """Nobody claimed it: the money comes back."""
    if act.the("paypal_item", item_id)["status"] == "UNCLAIMED":
        move(act, item_id, "RETURNED")


def fund(act: Act, currency: str, amount: Decimal) -> None:
    """Money arrives in the balance from which payouts are made."""
    _book(act, currency, amount)


def balance(act: Act, currency: str) -> Decimal:
    doc = act.get("paypal_balance", f"paypal_balance_{currency}")
    return Decimal(doc["total"]) if doc else Decimal(0)


def _book(act: Act, currency: str, amount: Decimal) -> None:
    id = f"paypal_balance_{currency}"
    total = written(balance(act, currency) + amount, currency)
    doc = {"id": id, "currency": currency, "total": total}
    if act.get("paypal_balance", id) is None:
        act.add("paypal_balance", doc)
    else:
        act.save(doc)


def balances(act: Act) -> Doc:
    """GET /v1/reporting/balances."""
    rows = [
        {
            "currency": doc["currency"],
            "total_balance": _amount(doc["total"], doc["currency"], "currency_code"),
            "available_balance": _amount(doc["total"], doc["currency"], "currency_code"),
        }
        for doc in act.find("paypal_balance")
    ]
    return {"balances": rows, "as_of_time": stamp(act.now)}


def _amount(value: str, currency: str, name: str = "currency") -> Doc:
    return {name: currency, "value": value}


def _self(act: Act, path: str) -> Doc:
    return {"href": f"{act.world.url}/v1/payments/{path}", "rel": "self", "method": "GET"}


def _header(batch: Doc) -> Doc:
    header = {name: value for name, value in batch["header"].items() if name != "note"}
    return {
        "payout_batch_id": batch["id"],
        "batch_status": batch["status"],
        "time_created": stamp(batch["created"]),
        "sender_batch_header": header,
    }


def show(act: Act, item: Doc) -> Doc:
    """An item as PayPal's API and its events write it."""
    shown = {
        "payout_item_id": item["id"],
        "transaction_id": item["transaction"],
        "transaction_status": item["status"],
        "payout_item_fee": _amount(item["fee"], item["currency"]),
        "payout_batch_id": item["batch"],
        "payout_item": {
            "recipient_type": "EMAIL",
            "amount": _amount(item["amount"], item["currency"]),
            "note": item["note"],
            "receiver": item["receiver"],
            "sender_item_id": item["sender_item_id"],
        },
        "links": [_self(act, f"payouts-item/{item['id']}")],
    }
    if "processed" in item:
        shown["time_processed"] = stamp(item["processed"])
    if item["status"] in ("FAILED", "DENIED", "BLOCKED", "UNCLAIMED"):
        shown["errors"] = {
            "name": "RECEIVER_UNREGISTERED"
            if item["status"] == "UNCLAIMED"
            else "RECEIVER_REFUSED",
            "message": "The receiver cannot take this payment.",
            "debug_id": item["id"],
        }
    return shown
