"""Checkout sessions: from the marketplace's request to the payer's click.

open ──pay──▶ complete
  │
  └──expire (asked for, or 24 hours passed)──▶ expired
"""

from __future__ import annotations

from decimal import Decimal

from marketplace.sandbox import payments
from marketplace.sandbox.currency import from_wire, is_known, step, to_wire, written
from marketplace.sandbox.events import emit
from marketplace.sandbox.listing import page
from marketplace.sandbox.params import Params
from marketplace.sandbox.refusal import NotExecuted, Refused, missing
from marketplace.sandbox.world import Act, Doc, new_id

DAY_S = 24 * 3600
MIN_LIFE_S = 30 * 60  # `expires_at` is between 30 minutes and 24 hours after creation
MAX_AMOUNT = 99_999_999  # "supports up to eight digits": docs.stripe.com/currencies


def create(act: Act, params: Params) -> Doc:
    """POST /v1/checkout/sessions, for one payment on the hosted page."""
    if params.choice("mode", {"payment"}) is None:
        params.needed_text("mode")
    lines = [_line(row) for row in params.rows("line_items")]
    intent_data = params.child("payment_intent_data")
    session: Doc = {
        "id": new_id("cs_test", 58),
        "created": act.now,
        "expires_at": params.integer("expires_at") or act.now + DAY_S,
        "status": "open",
        "payment_intent": None,
        "lines": lines,
        "success_url": params.needed_url("success_url"),
        "cancel_url": params.url("cancel_url"),
        "client_reference_id": params.text("client_reference_id"),
        "customer_email": params.text("customer_email"),
        "locale": params.text("locale"),
        "submit_type": params.choice("submit_type", {"auto", "book", "donate", "pay"}),
        "metadata": params.metadata(),
        "payment_intent_data": {
            "description": intent_data.text("description"),
            "metadata": intent_data.metadata(),
            "transfer_group": intent_data.text("transfer_group"),
            "statement_descriptor_suffix": intent_data.text("statement_descriptor_suffix"),
        },
        "declined": False,
    }
    # `hosted` and `embedded` were renamed in 2026 and are refused since.
    params.choice("ui_mode", {"hosted_page"})
    params.done()
    _check(act, session)
    session["currency"] = lines[0]["currency"]
    amount = sum(Decimal(line["unit_amount"]) * line["quantity"] for line in lines)
    session["amount"] = written(Decimal(amount), session["currency"])

    act.add("checkout.session", session)
    act.schedule("expire_session", session["id"], session["expires_at"] - act.now)
    return show(act, session)


def _line(row: Params) -> Doc:
    price = row.child("price_data")
    product = price.child("product_data")
    currency = price.needed_text("currency").lower()
    unit_amount = price.needed_integer("unit_amount")
    if not is_known(currency):
        raise NotExecuted(f"Invalid currency: {currency}", param="currency")
    amount = from_wire(unit_amount, currency)
    if unit_amount <= 0 or amount % step(currency):
        raise NotExecuted(f"Invalid unit_amount for {currency}", param="unit_amount")
    return {
        "name": product.needed_text("name"),
        "description": product.text("description"),
        "currency": currency,
        "unit_amount": written(amount, currency),
        "quantity": row.needed_integer("quantity"),
    }


def _check(act: Act, session: Doc) -> None:
    lines = session["lines"]
    if not lines or any(line["quantity"] < 1 for line in lines):
        raise NotExecuted("At least one line item of at least one", param="line_items")
    if len({line["currency"] for line in lines}) > 1:
        raise NotExecuted("All line items must have one currency", param="line_items")
    total = sum(to_wire(line["unit_amount"], line["currency"]) * line["quantity"] for line in lines)
    if total > MAX_AMOUNT:
        raise NotExecuted(
            "The total is more than eight digits", code="amount_too_large", param="line_items"
        )
    if not MIN_LIFE_S <= session["expires_at"] - act.now <= DAY_S:
        raise NotExecuted(
            "expires_at must be 30 minutes to 24 hours after creation", param="expires_at"
        )


def retrieve(act: Act, params: Params, id: str) -> Doc:
    """GET /v1/checkout/sessions/<id>."""
    params.done()
    return show(act, _known(act, id))


def list_sessions(act: Act, params: Params) -> Doc:
    """GET /v1/checkout/sessions, newest first."""
    wanted = {name: params.text(name) for name in ("status", "payment_intent")}
    return page(
        act,
        params,
        "checkout.session",
        "/v1/checkout/sessions",
        show,
        wanted=lambda doc: all(value in (None, doc[name]) for name, value in wanted.items()),
    )


def expire_now(act: Act, params: Params, id: str) -> Doc:
    """POST /v1/checkout/sessions/<id>/expire."""
    params.done()
    session = _known(act, id)
    if session["status"] != "open":
        raise Refused(f"This Session is {session['status']}: only an open one can be expired.")
    expire(act, session["id"])
    return show(act, _known(act, id))


def expire(act: Act, id: str) -> None:
    """Close an unpaid session for good; does nothing to one that is closed."""
    session = _known(act, id)
    if session["status"] != "open":
        return
    session["status"] = "expired"
    act.save(session)
    if session["payment_intent"]:
        payments.cancel(act, act.the("payment_intent", session["payment_intent"]))
    emit(act, "checkout.session.expired", show(act, session))


def pay(act: Act, id: str) -> Doc:
    """The payer pays. A second click finds the session complete and pays nothing."""
    session = _known(act, id)
    if session["status"] == "open":
        payments.succeed(act, payments.begin(act, session))
        session["status"] = "complete"
        act.save(session)
        emit(act, "checkout.session.completed", show(act, session))
    return session


def decline(act: Act, id: str) -> Doc:
    """The payer's card is refused; the session stays open for another try."""
    session = _known(act, id)
    if session["status"] == "open":
        payments.decline(act, payments.begin(act, session))
        session["declined"] = True
        act.save(session)
    return session


def _known(act: Act, id: str) -> Doc:
    session = act.get("checkout.session", id)
    if session is None:
        raise missing("checkout.session", id, "session")
    return session


def show(act: Act, doc: Doc) -> Doc:
    amount = to_wire(doc["amount"], doc["currency"])
    is_open, complete = doc["status"] == "open", doc["status"] == "complete"
    customer = {
        "address": None,
        "email": doc["customer_email"],
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }
    return {
        "id": doc["id"],
        "object": "checkout.session",
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": doc["cancel_url"],
        "client_reference_id": doc["client_reference_id"],
        "consent": None,
        "consent_collection": None,
        "created": doc["created"],
        "currency": doc["currency"],
        "custom_fields": [],
        "custom_text": {},
        "customer": None,
        "customer_creation": "if_required",
        "customer_details": customer if complete or doc["customer_email"] else None,
        "customer_email": doc["customer_email"],
        "expires_at": doc["expires_at"],
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": doc["locale"],
        "metadata": doc["metadata"],
        "mode": "payment",
        "payment_intent": doc["payment_intent"],
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "paid" if complete else "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": doc["status"],
        "submit_type": doc["submit_type"],
        "subscription": None,
        "success_url": doc["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{act.world.url}/checkout/{doc['id']}" if is_open else None,
    }
