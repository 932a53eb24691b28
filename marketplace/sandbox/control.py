"""Control of the sandbox itself, under /_sandbox: clock, faults, settings, accounts, transfers,
disputes, books. Not Stripe's."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue

from marketplace.sandbox import (
    accounts,
    balance,
    deliveries,
    disputes,
    faults,
    payouts,
    tasks,
    transfers,
)
from marketplace.sandbox.books import books
from marketplace.sandbox.params import Params
from marketplace.sandbox.refusal import Refused
from marketplace.sandbox.world import World

SHOWN = ("offset_s", "funds_delay_s", "bank_payout_delay_s")
DELAYS = ("funds_delay_s", "bank_payout_delay_s")


def register(app: Flask, world: World) -> None:
    """Put the control calls on the app. Bodies are JSON: a foreign web page cannot send that."""
    bp = Blueprint("control", __name__, url_prefix="/_sandbox")
    _clock(bp, world)
    _settings(bp, world)
    _onboarding(bp, world)
    _transfers(bp, world)
    _disputes(bp, world)
    _balance(bp, world)
    _faults_and_views(bp, world)
    app.register_blueprint(bp)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        abort(400, "a whole number of seconds is needed")
    return value


def _clock(bp: Blueprint, world: World) -> None:
    @bp.get("/health")
    def health() -> ResponseReturnValue:
        return jsonify(status="ok", livemode=False, now=world.now())

    @bp.put("/clock")
    def set_clock() -> ResponseReturnValue:
        """Move sandbox time to wall time plus `offset_s`; what falls due happens at once."""
        world.set_offset(_whole(request.get_json().get("offset_s")))
        tasks.run_due(world)
        return clock()

    @bp.get("/clock")
    def clock() -> ResponseReturnValue:
        with world.act() as act:
            return jsonify(offset_s=act.setting("offset_s"), now=act.now)


def _settings(bp: Blueprint, world: World) -> None:
    @bp.put("/settings")
    def set_settings() -> ResponseReturnValue:
        """Change delays, in seconds; null for bank_payout_delay_s means never."""
        wanted = request.get_json()
        if not set(wanted) <= set(DELAYS):
            abort(400, f"settings are: {', '.join(DELAYS)}")
        with world.act() as act:
            for name, value in wanted.items():
                never = value is None and name == "bank_payout_delay_s"
                act.change_setting(name, None if never else _whole(value))
        return settings()

    @bp.get("/settings")
    def settings() -> ResponseReturnValue:
        with world.act() as act:
            return jsonify({name: act.setting(name) for name in SHOWN})


def _onboarding(bp: Blueprint, world: World) -> None:
    @bp.post("/accounts/<id>/onboarding")
    def onboard(id: str) -> ResponseReturnValue:
        """Answer the onboarding form without the page: outcome `complete` or `missing`."""
        answers = request.get_json()
        if answers.get("outcome") not in ("complete", "missing"):
            abort(400, "outcome is complete or missing")
        try:
            with world.act() as act:
                accounts.submit(
                    act,
                    id,
                    complete=answers["outcome"] == "complete",
                    name=str(answers.get("name", "Sandbox Person")),
                    bank_ending=str(answers.get("bank_ending", "6789")),
                )
        except Refused as refusal:
            abort(refusal.status, str(refusal))
        return jsonify(status="ok")


def _transfers(bp: Blueprint, world: World) -> None:
    @bp.post("/transfers/<id>/reverse")
    def reverse(id: str) -> ResponseReturnValue:
        """Let a transfer come back, as when its account is closed; all that is left of it."""
        try:
            with world.act() as act:
                transfers.reverse(act, Params({}), id)
        except Refused as refusal:
            abort(refusal.status, str(refusal))
        return jsonify(status="ok")


def _disputes(bp: Blueprint, world: World) -> None:
    @bp.post("/charges/<id>/dispute")
    def dispute(id: str) -> ResponseReturnValue:
        """Let the cardholder dispute a charge: `amount` of it, for a `reason`; or only ask."""
        wanted = request.get_json()
        amount = None if wanted.get("amount") is None else _whole(wanted["amount"])
        reason = str(wanted.get("reason", "fraudulent"))
        try:
            with world.act() as act:
                made = disputes.create(
                    act, id, minor=amount, reason=reason, inquiry=bool(wanted.get("inquiry"))
                )
        except Refused as refusal:
            abort(refusal.status, str(refusal))
        return jsonify(id=made["id"])

    @bp.put("/disputes/<id>")
    def decide(id: str) -> ResponseReturnValue:
        """Let the bank decide: outcome won, lost; of an inquiry escalated, closed."""
        outcome = request.get_json().get("outcome")
        if outcome not in disputes.OUTCOMES:
            abort(400, f"outcome is one of: {', '.join(disputes.OUTCOMES)}")
        try:
            with world.act() as act:
                made = disputes.decide(act, id, outcome)
        except Refused as refusal:
            abort(refusal.status, str(refusal))
        return jsonify(status=made["status"])


def _balance(bp: Blueprint, world: World) -> None:
    @bp.post("/withdraw")
    def withdraw() -> ResponseReturnValue:
        """Pay {"currency": "EUR", "value": "5000.00"} of the balance out to the platform's bank."""
        asked = request.get_json()
        currency = str(asked.get("currency")).lower()
        try:
            amount = Decimal(str(asked.get("value")))
        except InvalidOperation:
            abort(400, "value is an amount in major units")
        if not amount.is_finite() or amount <= 0:
            abort(400, "an amount above zero")
        with world.act() as act:
            if amount > balance.available(act, currency):
                abort(409, "the balance at Stripe is too low")
            payouts.to_our_bank(act, amount, currency)
        return jsonify(status="ok")


def _faults_and_views(bp: Blueprint, world: World) -> None:
    @bp.put("/faults")
    def arm() -> ResponseReturnValue:
        """Arm exactly the faults in the list; an empty list disarms all."""
        try:
            with world.act() as act:
                faults.arm(act, request.get_json())
        except (TypeError, ValueError, AttributeError) as error:
            abort(400, f"not a list of faults: {error}")
        return armed()

    @bp.get("/faults")
    def armed() -> ResponseReturnValue:
        with world.act() as act:
            return jsonify(faults.overview(act))

    @bp.get("/books")
    def show_books() -> ResponseReturnValue:
        tasks.run_due(world)
        with world.act() as act:
            return jsonify(books(act))

    @bp.get("/deliveries")
    def show_deliveries() -> ResponseReturnValue:
        """List deliveries, all or those of one `state`: due, delivered, given_up, lost."""
        with world.act() as act:
            return jsonify(deliveries.overview(act, request.args.get("state") or None))
