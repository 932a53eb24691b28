"""Our payouts as PayPal's batches of one item, and those as our snapshots. Pure.

A batch is the transport: what became of the money, its one item says. The batch is also what we
know a payout by, because its id is all that the answer to a request names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marketplace.money import Money, zero
from marketplace.processors.base import CAME_TO_NOTHING, Body, Snapshot, TransferIntent
from marketplace.processors.listing import Cash, Movement
from marketplace.processors.paypal_amounts import from_paypal, to_paypal

Doc = Mapping[str, Any]

# Of an item. PayPal's own word for anything that is not here: nothing may follow from it.
_STATES = {
    "SUCCESS": "paid",
    "PENDING": "pending",
    "ONHOLD": "pending",
    "HELD": "pending",
    "UNCLAIMED": "unclaimed",
    "RETURNED": "returned",
    "CANCELED": "returned",  # an unclaimed one that we called off
    "FAILED": "failed",
    "DENIED": "failed",
    "BLOCKED": "failed",
    "REFUNDED": "reversed",
    "REVERSED": "reversed",
}
_BATCH_IS_DEAD = ("DENIED", "CANCELED")


def body_of(intent: TransferIntent) -> Body:
    """Return the POST that pays what is intended; the sender's key becomes `sender_batch_id`.

    Raises:
        NotExpressible: PayPal cannot pay that out.
    """
    item = {
        "recipient_type": "EMAIL",
        "amount": to_paypal(intent.amount),
        "receiver": intent.remote_account,
        "sender_item_id": intent.subject_id.hex,
        "note": intent.description,
    }
    header = {"email_subject": intent.description, "recipient_type": "EMAIL"}
    return {"sender_batch_header": header, "items": [item]}


def keyed(body: Body, key: str) -> dict[str, Any]:
    """Return the frozen body under its key."""
    header = {**body["sender_batch_header"], "sender_batch_id": key}
    return {**body, "sender_batch_header": header}


# The readers below raise AttributeError, KeyError, TypeError or ValueError on anything else.


def accepted(answer: Doc, livemode: bool) -> Snapshot:
    """Read the answer to a POST: the batch was taken, and nothing is known of its item yet."""
    return _snapshot(answer, None, livemode)


def batch(answer: Doc, livemode: bool) -> Snapshot:
    """Read a batch with its one item.

    Raises:
        ValueError: it has several: no batch of ours does.
    """
    items = answer.get("items") or []
    if len(items) > 1:
        raise ValueError("a batch of several items is none of ours")
    return _snapshot(answer, items[0] if items else None, livemode)


def _snapshot(answer: Doc, item: Doc | None, livemode: bool) -> Snapshot:
    header = answer["batch_header"]
    payout = item["payout_item"] if item else {}
    fee = (item or {}).get("payout_item_fee")
    state = _state(header, item)
    return Snapshot(
        kind="transfer",
        remote_id=_name(header["payout_batch_id"]),
        our_ref=payout.get("sender_item_id") or _subject_of(header),
        state=state,
        livemode=livemode,
        amount=_money(payout["amount"]) if item else None,
        fee=_money(fee) if fee else None,
        fee_ref=item["payout_item_id"] if item else None,
        account=_name(payout["receiver"]).lower() if item else None,
        remote_created=_instant(header.get("time_created")),
        requirements=_errors(item),
        movements=_movements(header, item, state) if item else (),
        raw=answer,
    )


def _movements(header: Doc, item: Doc, state: str) -> tuple[Movement, ...]:
    """What the item did to our balance: it left once it succeeded, and perhaps came back later.

    One that failed or was returned does not say whether it had succeeded first: who asked knows.
    PayPal's fee comes back where the receiver never had the money.
    """
    if state not in ("paid", "reversed", *CAME_TO_NOTHING):
        return ()
    id, batch = _name(item["payout_item_id"]), _name(header["payout_batch_id"])
    amount, fee = _money(item["payout_item"]["amount"]), item.get("payout_item_fee")
    at = _instant(item.get("time_processed") or header.get("time_created"))
    if at is None:
        raise ValueError("PayPal says not when it took a batch")
    kept = _money(fee) if fee else zero(amount.currency)
    about = (at, batch, "transfer", batch)
    gone = Movement(id, "transfer", -amount, kept, *about)
    if state == "paid":
        return (gone,)
    fee_back = -kept if state in CAME_TO_NOTHING else zero(amount.currency)
    return gone, Movement(f"{id}:back", "transfer_refund", amount, fee_back, *about)


def _state(header: Doc, item: Doc | None) -> str:
    status: str = (item or {}).get("transaction_status") or "PENDING"
    if status == "PENDING" and header.get("batch_status") in _BATCH_IS_DEAD:
        return "failed"  # the batch was not processed, and with it its item
    return _STATES.get(status, status)


def _errors(item: Doc | None) -> tuple[str, ...]:
    """Why an item did not go through, in PayPal's words."""
    errors = (item or {}).get("errors") or {}
    said = ": ".join(str(errors[name]) for name in ("name", "message") if errors.get(name))
    return (said,) if said else ()


def duplicate_of(answer: Doc) -> str | None:
    """The batch that was already made under our key, if that is what a refusal says."""
    details = [it for it in answer.get("details") or [] if isinstance(it, Mapping)]
    if not any(str(it.get("field", "")).upper().endswith("SENDER_BATCH_ID") for it in details):
        return None
    links = list(answer.get("links") or [])
    for detail in details:
        links += detail.get("link") or detail.get("links") or []
    for link in links:
        path, found, id = str(link.get("href", "")).rpartition("/v1/payments/payouts/")
        if found and path and id.isalnum():
            return id
    return None


def cash(answer: Doc) -> dict[str, Cash]:
    """Read our balance, by currency."""
    rows = [
        [_balance(row[part]) for part in ("available_balance", "total_balance")]
        for row in answer["balances"]
    ]
    return {total.currency: Cash(available, total - available) for available, total in rows}


def _balance(amount: Doc) -> Money:
    return from_paypal(amount["value"], amount["currency_code"])


def _subject_of(header: Doc) -> str | None:
    """Our subject, out of the key that we sent."""
    key: str = header["sender_batch_header"].get("sender_batch_id") or ""
    parts = key.split(":")
    return parts[1] if len(parts) == 3 else None


def _money(amount: Doc) -> Money:
    return from_paypal(amount["value"], amount["currency"])


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} names nothing")
    return value


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC) if text else None
