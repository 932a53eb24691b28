"""The platform's Stripe balance: every movement is a balance transaction.

The sum of all `net` is always what is available plus what is pending.
"""

from __future__ import annotations

from decimal import Decimal

from marketplace.sandbox.currency import to_wire, written
from marketplace.sandbox.listing import page
from marketplace.sandbox.params import Params
from marketplace.sandbox.world import Act, Doc, new_id

NOTHING = Decimal(0)


def book(
    act: Act,
    type: str,
    source: str,
    amount: Decimal,
    currency: str,
    *,
    fee: Decimal = NOTHING,
    available_after_s: int = 0,
    category: str | None = None,
    about: str | None = None,
) -> str:
    """Move `amount` (negative: away from us) less `fee`; return the balance transaction's id.

    `category` is how reports call it, where that is another word than its type.
    """
    net = amount - fee
    available_on = act.now + available_after_s
    doc: Doc = {
        "id": new_id("txn"),
        "created": act.now,
        "type": type,
        "category": category or type,
        "about": about,
        "source": source,
        "currency": currency,
        "amount": written(amount, currency),
        "fee": written(fee, currency),
        "net": written(net, currency),
        "available_on": available_on,
    }
    act.add("balance_transaction", doc, link=source)
    act.sql.execute(
        "INSERT OR REPLACE INTO balance VALUES (?, ?)",
        (currency, written(total(act, currency) + net, currency)),
    )
    if available_on > act.now:
        act.sql.execute(
            "INSERT INTO pending_funds VALUES (?, ?, ?)", (currency, doc["net"], available_on)
        )
    return str(doc["id"])


def currencies(act: Act) -> list[str]:
    rows = act.sql.execute("SELECT currency FROM balance ORDER BY currency")
    return [row["currency"] for row in rows]


def total(act: Act, currency: str) -> Decimal:
    """Return available plus pending, in major units."""
    row = act.sql.execute("SELECT total FROM balance WHERE currency = ?", (currency,)).fetchone()
    return Decimal(row["total"]) if row else NOTHING


def pending(act: Act, currency: str) -> Decimal:
    rows = act.sql.execute(
        "SELECT net FROM pending_funds WHERE currency = ? AND available_on > ?",
        (currency, act.now),
    )
    return sum((Decimal(row["net"]) for row in rows), NOTHING)


def available(act: Act, currency: str) -> Decimal:
    """Return what may be transferred or refunded now, in major units."""
    return total(act, currency) - pending(act, currency)


def retrieve(act: Act, params: Params) -> Doc:
    """GET /v1/balance."""
    params.done()
    known = currencies(act) or ["usd"]

    def rows(amounts: dict[str, Decimal]) -> list[Doc]:
        return [
            {
                "amount": to_wire(amount, currency),
                "currency": currency,
                "source_types": {"card": to_wire(amount, currency)},
            }
            for currency, amount in amounts.items()
        ]

    return {
        "object": "balance",
        "livemode": False,
        "available": rows({currency: available(act, currency) for currency in known}),
        "pending": rows({currency: pending(act, currency) for currency in known}),
    }


def list_transactions(act: Act, params: Params) -> Doc:
    """GET /v1/balance_transactions, newest first."""
    wanted = {name: params.text(name) for name in ("type", "currency")}
    return page(
        act,
        params,
        "balance_transaction",
        "/v1/balance_transactions",
        show,
        link=params.text("source"),
        wanted=lambda doc: all(value in (None, doc[name]) for name, value in wanted.items()),
    )


def show(act: Act, doc: Doc) -> Doc:
    currency = doc["currency"]
    fee = to_wire(doc["fee"], currency)
    dispute = doc["type"] == "adjustment"
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Dispute fee" if dispute else "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return {
        "id": doc["id"],
        "object": "balance_transaction",
        "amount": to_wire(doc["amount"], currency),
        "available_on": doc["available_on"],
        "balance_type": "payments",
        "created": doc["created"],
        "currency": currency,
        "description": doc.get("about"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": to_wire(doc["net"], currency),
        "reporting_category": doc.get("category", doc["type"]),
        "source": doc["source"],
        "status": "pending" if doc["available_on"] > act.now else "available",
        "type": doc["type"],
    }
