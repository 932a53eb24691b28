"""Disputes: a cardholder tells their bank that a charge was not theirs.

    warning_needs_response ──submit──▶ warning_under_review        the bank asks: nothing is taken
        │ └─escalate─▶ needs_response            └─close─▶ warning_closed
        ▼ close
    needs_response ──submit──▶ under_review ──win──▶ won           the money is taken at once,
        └─ nobody answers in time, or close ─▶ lost ◀──lose──┘     and given back when it is won

The processor's fee for a dispute stays with the processor, whatever the bank decides.
"""

from __future__ import annotations

from decimal import Decimal

from marketplace.sandbox import balance
from marketplace.sandbox.currency import from_wire, rounded, step, to_wire, written
from marketplace.sandbox.events import emit
from marketplace.sandbox.listing import page
from marketplace.sandbox.params import Params
from marketplace.sandbox.refusal import Refused, missing
from marketplace.sandbox.world import Act, Doc, new_id

FEE = Decimal(15)
ANSWER_WITHIN_S = 7 * 24 * 3600
OPEN = ("needs_response", "under_review")
INQUIRY = ("warning_needs_response", "warning_under_review")
OUTCOMES = ("won", "lost", "escalated", "closed")
# What may be handed in as evidence; files are not played.
EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_rebuttal", "customer_email_address"),
    *("customer_name", "customer_purchase_ip", "product_description", "service_date"),
    *("refund_refusal_explanation", "uncategorized_text"),
)


def create(
    act: Act, charge_id: str, *, minor: int | None, reason: str = "fraudulent", inquiry: bool
) -> Doc:
    """The cardholder goes to their bank: about all that is left of a charge, or a part."""
    charge = act.get("charge", charge_id)
    if charge is None or not charge["paid"]:
        raise missing("charge", charge_id, "charge")
    if standing(act, charge) is not None or _inquiry(act, charge) is not None:
        raise Refused(f"Charge {charge_id} is disputed already.")
    amount = _amount(charge, minor, taken(act, charge))
    dispute: Doc = {
        "id": new_id("du"),
        "created": act.now,
        "charge": charge_id,
        "payment_intent": charge["payment_intent"],
        "currency": charge["currency"],
        "amount": written(amount, charge["currency"]),
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
        "due_by": act.now + ANSWER_WITHIN_S,
        "submissions": 0,
        "evidence": {},
        "metadata": {},
        "balance_transactions": [],
    }
    act.add("dispute", dispute, link=charge_id)
    act.save(charge | {"disputed": True})
    act.schedule("dispute_unanswered", dispute["id"], ANSWER_WITHIN_S)
    emit(act, "charge.dispute.created", show(act, dispute))
    if not inquiry:
        _withdraw(act, dispute)
    return dispute


def _amount(charge: Doc, minor: int | None, disputed: Decimal) -> Decimal:
    left = Decimal(charge["amount"]) - Decimal(charge["refunded"]) - disputed
    amount = left if minor is None else from_wire(minor, charge["currency"])
    if amount <= 0 or amount % step(charge["currency"]) or amount > left:
        raise Refused(f"Of charge {charge['id']} {left} can be disputed.", param="amount")
    return amount


def standing(act: Act, charge: Doc) -> Doc | None:
    """The dispute because of which a charge cannot be refunded."""
    found = act.find("dispute", charge["id"])
    return next((it for it in found if it["status"] in (*OPEN, "lost")), None)


def _inquiry(act: Act, charge: Doc) -> Doc | None:
    found = act.find("dispute", charge["id"])
    return next((it for it in found if it["status"] in INQUIRY), None)


def taken(act: Act, charge: Doc) -> Decimal:
    """What disputes took of a charge and did not give back."""
    moved = [
        act.the("balance_transaction", id)
        for dispute in act.find("dispute", charge["id"])
        for id in dispute["balance_transactions"]
    ]
    return -sum((Decimal(it["amount"]) for it in moved), balance.NOTHING)


def _withdraw(act: Act, dispute: Doc) -> None:
    fee = rounded(FEE, dispute["currency"])
    _book(act, dispute, -Decimal(dispute["amount"]), fee, "dispute")
    emit(act, "charge.dispute.funds_withdrawn", show(act, dispute))


def _book(act: Act, dispute: Doc, amount: Decimal, fee: Decimal, category: str) -> None:
    booked = balance.book(
        act,
        "adjustment",
        dispute["id"],
        amount,
        dispute["currency"],
        fee=fee,
        category=category,
        about=f"{category.replace('_', ' ')} of {dispute['charge']}",
    )
    dispute["balance_transactions"].append(booked)
    act.save(dispute)


def decide(act: Act, id: str, outcome: str) -> Doc:
    """The bank decides: won, lost; or of an inquiry: escalated to a chargeback, closed."""
    dispute = _known(act, id)
    is_inquiry = dispute["status"] in INQUIRY
    allowed = {"escalated", "closed"} if is_inquiry else {"won", "lost"}
    if dispute["status"] not in (*INQUIRY, *OPEN, "lost") or outcome not in allowed:
        raise Refused(f"Dispute {id} is {dispute['status']}: it cannot be {outcome}.")
    if outcome == "escalated":
        dispute |= {"status": "needs_response", "due_by": act.now + ANSWER_WITHIN_S}
        act.save(dispute)
        act.schedule("dispute_unanswered", id, ANSWER_WITHIN_S)
        emit(act, "charge.dispute.updated", show(act, dispute))
        _withdraw(act, dispute)
        return dispute
    dispute["status"] = "warning_closed" if outcome == "closed" else outcome
    act.save(dispute)
    emit(act, "charge.dispute.closed", show(act, dispute))
    if outcome == "won":
        _book(act, dispute, Decimal(dispute["amount"]), balance.NOTHING, "dispute_reversal")
        emit(act, "charge.dispute.funds_reinstated", show(act, dispute))
    return dispute


def unanswered(act: Act, id: str) -> None:
    """The time for an answer is over: what was not answered is lost, or an inquiry closed."""
    dispute = act.the("dispute", id)
    if dispute["due_by"] > act.now:
        return  # it was escalated since, with a date of its own
    if dispute["status"] == "needs_response":
        decide(act, id, "lost")
    elif dispute["status"] == "warning_needs_response":
        decide(act, id, "closed")


def update(act: Act, params: Params, id: str) -> Doc:
    """POST /v1/disputes/<id>: hand evidence in; once submitted, the bank looks at it."""
    given = params.child("evidence")
    evidence = {name: given.text(name) for name in EVIDENCE if given.sent(name)}
    metadata, submit = params.metadata(), params.flag("submit") if params.sent("submit") else True
    params.done()
    dispute = _known(act, id)
    if dispute["status"] not in (*INQUIRY, *OPEN):
        raise Refused("This dispute is already closed")
    dispute["evidence"] |= evidence
    dispute["metadata"] |= metadata
    if submit and evidence:
        dispute["submissions"] += 1
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    act.save(dispute)
    emit(act, "charge.dispute.updated", show(act, dispute))
    return show(act, dispute)


def close(act: Act, params: Params, id: str) -> Doc:
    """POST /v1/disputes/<id>/close: we accept it, so it is lost."""
    params.done()
    if _known(act, id)["status"] != "needs_response":
        raise Refused("This dispute is already closed")
    return show(act, decide(act, id, "lost"))


def retrieve(act: Act, params: Params, id: str) -> Doc:
    """GET /v1/disputes/<id>."""
    params.done()
    return show(act, _known(act, id))


def list_disputes(act: Act, params: Params) -> Doc:
    """GET /v1/disputes, newest first."""
    intent = params.text("payment_intent")
    return page(
        act,
        params,
        "dispute",
        "/v1/disputes",
        show,
        link=params.text("charge"),
        wanted=lambda doc: intent in (None, doc["payment_intent"]),
    )


def _known(act: Act, id: str) -> Doc:
    dispute = act.get("dispute", id)
    if dispute is None:
        raise missing("dispute", id, "dispute")
    return dispute


def show(act: Act, doc: Doc) -> Doc:
    evidence = {name: doc["evidence"].get(name) for name in EVIDENCE}
    booked = (act.the("balance_transaction", id) for id in doc["balance_transactions"])
    return {
        "id": doc["id"],
        "object": "dispute",
        "amount": to_wire(doc["amount"], doc["currency"]),
        "balance_transactions": [balance.show(act, it) for it in booked],
        "charge": doc["charge"],
        "created": doc["created"],
        "currency": doc["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": doc["due_by"],
            "enhanced_eligibility": {},
            "has_evidence": bool(doc["evidence"]),
            "past_due": act.now > doc["due_by"],
            "submission_count": doc["submissions"],
        },
        "is_charge_refundable": doc["status"] in INQUIRY,
        "livemode": False,
        "metadata": doc["metadata"],
        "payment_intent": doc["payment_intent"],
        "reason": doc["reason"],
        "status": doc["status"],
    }
