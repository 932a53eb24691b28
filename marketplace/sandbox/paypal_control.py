"""Control of PayPal's side of the sandbox, under /_sandbox/paypal: not PayPal's."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from flask import Blueprint, Flask, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from marketplace.sandbox import balance, payouts, paypal_payouts, paypal_telling, tasks
from marketplace.sandbox.world import World


def register(app: Flask, world: World) -> None:
    """Put the control calls on the app."""
    bp = Blueprint("paypal_control", __name__, url_prefix="/_sandbox/paypal")

    @bp.get("/root.pem")
    def root() -> ResponseReturnValue:
        """The root that vouches for the certificate of our webhooks."""
        return Response(paypal_telling.root(world), mimetype="application/x-pem-file")

    @bp.post("/fund")
    def fund() -> ResponseReturnValue:
        """Move {"currency": "USD", "value": "5000.00"} from the Stripe balance to PayPal's.

        With {"from_stripe": false} it comes from outside.
        """
        asked = request.get_json()
        currency = str(asked.get("currency"))
        try:
            amount = Decimal(str(asked.get("value")))
        except InvalidOperation:
            abort(400, "value is an amount in major units")
        if currency not in paypal_payouts.CURRENCIES or not amount.is_finite() or amount <= 0:
            abort(400, "a currency that PayPal pays out, and an amount above zero")
        with world.act() as act:
            if asked.get("from_stripe", True):
                if amount > balance.available(act, currency.lower()):
                    abort(409, "the balance at Stripe is too low")
                payouts.to_our_bank(act, amount, currency.lower())
            paypal_payouts.fund(act, currency, amount)
        return jsonify(status="ok")

    @bp.put("/batches/<id>")
    def move(id: str) -> ResponseReturnValue:
        """Bring the items of a batch to {"status": "SUCCESS"}, or any other status of PayPal's."""
        status = request.get_json().get("status")
        if status not in paypal_payouts.STATUSES:
            abort(400, f"status is one of {sorted(paypal_payouts.STATUSES)}")
        tasks.run_due(world)
        with world.act() as act:
            for item in act.find("paypal_item", id):
                paypal_payouts.move(act, item["id"], status)
        return jsonify(status="ok")

    app.register_blueprint(bp)
