"""Stripe's API: which calls exist, and what every one of them goes through.

key of the account ─▶ armed fault ─▶ idempotency key ─▶ the work, in one act ─▶ answer
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from marketplace.sandbox import (
    accounts,
    balance,
    checkout,
    disputes,
    events,
    faults,
    payments,
    refunds,
    tasks,
    transfers,
)
from marketplace.sandbox.expanding import expand
from marketplace.sandbox.faults import Fault
from marketplace.sandbox.garbling import fail_handshake, garble
from marketplace.sandbox.idempotency import AtWork, Key, Reply, fingerprint, in_use
from marketplace.sandbox.params import Params, parse_form
from marketplace.sandbox.refusal import NotExecuted, Refused
from marketplace.sandbox.settings import API_VERSION
from marketplace.sandbox.severing import sever
from marketplace.sandbox.spoiling import spoil
from marketplace.sandbox.world import Cause, Doc, World, new_id


@dataclass(frozen=True)
class Route:
    """One call: `name` is what faults are armed on."""

    method: str
    path: str
    name: str
    do: Callable[..., dict[str, Any]]

    @property
    def version(self) -> int:
        return 2 if self.path.startswith("/v2/") else 1


ROUTES = (
    Route("POST", "/v1/checkout/sessions", "checkout.sessions.create", checkout.create),
    Route("GET", "/v1/checkout/sessions", "checkout.sessions.list", checkout.list_sessions),
    Route("GET", "/v1/checkout/sessions/<id>", "checkout.sessions.retrieve", checkout.retrieve),
    Route(
        "POST",
        "/v1/checkout/sessions/<id>/expire",
        "checkout.sessions.expire",
        checkout.expire_now,
    ),
    Route("GET", "/v1/payment_intents/<id>", "payment_intents.retrieve", payments.retrieve),
    Route("POST", "/v1/transfers", "transfers.create", transfers.create),
    Route("GET", "/v1/transfers", "transfers.list", transfers.list_transfers),
    Route("GET", "/v1/transfers/<id>", "transfers.retrieve", transfers.retrieve),
    Route("POST", "/v1/transfers/<id>/reversals", "transfers.reverse", transfers.reverse),
    Route("POST", "/v1/refunds", "refunds.create", refunds.create),
    Route("GET", "/v1/refunds", "refunds.list", refunds.list_refunds),
    Route("GET", "/v1/refunds/<id>", "refunds.retrieve", refunds.retrieve),
    Route("GET", "/v1/disputes", "disputes.list", disputes.list_disputes),
    Route("GET", "/v1/disputes/<id>", "disputes.retrieve", disputes.retrieve),
    Route("POST", "/v1/disputes/<id>", "disputes.update", disputes.update),
    Route("POST", "/v1/disputes/<id>/close", "disputes.close", disputes.close),
    Route("GET", "/v1/balance", "balance.retrieve", balance.retrieve),
    Route(
        "GET", "/v1/balance_transactions", "balance_transactions.list", balance.list_transactions
    ),
    Route("GET", "/v1/events", "events.list", events.list_events),
    Route("POST", "/v2/core/accounts", "accounts.create", accounts.create),
    Route("GET", "/v2/core/accounts/<id>", "accounts.retrieve", accounts.retrieve),
    Route("POST", "/v2/core/account_links", "account_links.create", accounts.create_link),
)


def broken(version: int, status: int = 500) -> Reply:
    """Return Stripe's answer when Stripe itself fails."""
    failure = Refused("An unknown error occurred.", type="api_error")
    return Reply(status, failure.body(version))


def register(app: Flask, world: World) -> None:
    """Put every call on the app."""
    at_work = AtWork()
    earlier: dict[str, Doc] = {}
    for route in ROUTES:

        def view(route: Route = route, **ids: str) -> Response:
            return Exchange(world, at_work, route, ids, earlier).answer()

        app.add_url_rule(route.path, route.name, view, methods=[route.method])


class Exchange:
    """One request and its answer."""

    def __init__(
        self,
        world: World,
        at_work: AtWork,
        route: Route,
        ids: dict[str, str],
        earlier: dict[str, Doc],
    ) -> None:
        self.earlier = earlier  # what each call was answered last
        self.world = world
        self.at_work = at_work
        self.route = route
        self.ids = ids
        self.request_id = new_id("req", 14)
        self.fault: Fault | None = None

    def answer(self) -> Response:
        try:
            self._authenticate()
            tasks.run_due(self.world)
            with self.world.act() as act:
                self.fault = faults.take(
                    act, self.route.name, faults.CALL_FAULTS, self.request_id, self._named()
                )
            reply = self._fault_before() or self._reply()
        except Refused as refusal:
            reply = Reply(refusal.status, refusal.body(self.route.version))
        return self._fault_after(reply)

    def _authenticate(self) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.world.settings.api_key}":
            raise NotExecuted("Invalid API Key provided.", status=401)
        if request.headers.get("Stripe-Account"):
            raise NotExecuted("The sandbox acts for the platform only, not for an account.")

    def _is(self, *names: str) -> bool:
        return self.fault is not None and self.fault.fault in names

    def _hold(self) -> None:
        if self.fault is not None:
            self.world.stopping.wait(self.fault.hold_s)

    def _fault_before(self) -> Reply | None:
        """Fail before anything is done or kept; None if no such fault is armed."""
        if self._is("timeout_before"):
            self._hold()
        if self._is("timeout_before", "reset_before"):
            sever(request.environ, reset=self._is("reset_before"))
            return broken(self.route.version)
        if self._is("tls_failure"):
            fail_handshake(request.environ)
            return broken(self.route.version)
        if self._is("e400"):
            raise NotExecuted("The request was not understood.", code="parameter_unknown")
        if self._is("e409"):
            raise in_use()
        if self._is("e429"):
            raise NotExecuted("Too many requests.", status=429, code="rate_limit")
        if self._is("e502", "e503", "e504"):
            return broken(self.route.version, int(self.fault.fault[1:]) if self.fault else 0)
        return None

    def _fault_after(self, reply: Reply) -> Response:
        """Send the answer, or lose it after the work was done."""
        if self._is("timeout_after_success"):
            self._hold()
        if self._is("timeout_after_success", "reset_after", "key_pruned"):
            sever(request.environ, reset=not self._is("timeout_after_success"))
        body = reply.body
        if self._is("duplicate_object"):
            body = self.earlier.get(self.route.name, body)
        elif reply.status == 200:
            self.earlier[self.route.name] = copy.deepcopy(body)
        if self._is(*faults.BENT):
            spoil(body, self.fault.fault if self.fault else "")
        response = Response(json.dumps(body, indent=2), reply.status, mimetype="application/json")
        response.headers["Request-Id"] = self.request_id
        response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
        if reply.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        if reply.status == 429:
            response.headers["Retry-After"] = "1"
        return garble(response, self.fault.fault if self.fault else "")

    def _named(self) -> frozenset[str]:
        """What a call names, in its path or as a parameter: what a fault may be about."""
        try:
            values = [*self.ids.values(), *self._data().values()]
        except Refused:
            return frozenset(self.ids.values())  # it is refused where it is read again
        return frozenset(value for value in values if isinstance(value, str))

    def _data(self) -> dict[str, Any]:
        if request.method == "GET":
            return parse_form(request.query_string.decode())
        if self.route.version == 1:
            return parse_form(request.get_data(as_text=True))
        try:
            data = json.loads(request.get_data() or b"{}")
        except ValueError as error:
            raise NotExecuted("The body is not JSON.", code="invalid_json") from error
        if not isinstance(data, dict):
            raise NotExecuted("The body is not a JSON object.", code="invalid_json")
        return data

    def _reply(self) -> Reply:
        data = self._data()
        text = request.headers.get("Idempotency-Key")
        if request.method == "GET" or not text:
            self._slow()
            return self._execute(data, None)
        mark = fingerprint(request.method, request.path, data)
        key = Key(self.route.version, text, mark)
        key.check()
        with self.at_work.hold(key.name):
            self._slow()
            with self.world.act() as act:
                kept = key.recall(act)
                if kept is None and self._is("e500_stored"):
                    key.remember(act, broken(self.route.version))
            if kept is not None:
                return kept
            return self._execute(data, key)

    def _slow(self) -> None:
        if self._is("slow"):
            self._hold()

    def _execute(self, data: dict[str, Any], key: Key | None) -> Reply:
        """Do the work and keep its answer in one act."""
        if self._is("e500_stored"):
            return broken(self.route.version)
        cause = Cause(self.request_id, key.text if key else None)
        try:
            with self.world.act(cause) as act:
                params = Params(data)
                paths = params.texts("expand") if self.route.version == 1 else []
                reply = Reply(200, self.route.do(act, params, **self.ids))
                for path in paths:
                    expand(act, reply.body, path)
                failed = self._is("e500_after_success")
                sent = broken(self.route.version) if failed else reply
                if key is not None and not self._is("key_pruned"):
                    # v2 brings failed work to its end: a retry gets what was really made.
                    key.remember(act, reply if self.route.version == 2 else sent)
                return sent
        except Refused as refusal:
            reply = Reply(refusal.status, refusal.body(self.route.version))
            if key is not None and refusal.executed:
                with self.world.act() as act:
                    key.remember(act, reply)
            return reply
