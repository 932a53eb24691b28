"""The Stripe adapter: the only module that imports the Stripe library."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import stripe

from marketplace import clock
from marketplace.config import Settings
from marketplace.database.identifier import new_id
from marketplace.errors import ProcessorUnavailable
from marketplace.money import Money
from marketplace.processors import stripe_balance, stripe_disputes, stripe_events, stripe_wire
from marketplace.processors.base import (
    IDEMPOTENCY_ERROR,
    NOT_FOUND,
    UNREADABLE,
    BadPayload,
    Body,
    Endpoint,
    Intent,
    Kind,
    Op,
    Outcome,
    Ref,
    Request,
    Snapshot,
    Verdict,
)
from marketplace.processors.listing import Cash, Movement, Page
from marketplace.processors.stripe_amounts import NotExpressible, payout_step, to_stripe

# Pinned, so that an upgrade of the library that changes it is a visible diff.
API_VERSION = "2026-10-28.endive"

# Where a platform in the US, the UK, the EEA, Canada or Switzerland can send transfers.
# Source: docs.stripe.com/connect/cross-border-payouts.
_REACHED = frozenset(
    ("AT", "BE", "BG", "CA", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR")
    + ("HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO")
    + ("SE", "SI", "SK", "US")
)

T = TypeVar("T")

_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)


class Stripe:
    """Stripe, or whatever speaks its wire at `Settings.stripe_api_base`."""

    name = "stripe"
    # Stripe keeps idempotency keys at least 24 hours (docs.stripe.com/api/idempotent_requests).
    safe_window = timedelta(hours=23)
    lists = True

    def __init__(self, settings: Settings) -> None:
        self.livemode = settings.livemode
        base = settings.stripe_api_base
        self._client = stripe.StripeClient(
            settings.stripe_secret_key,
            # Our own sender tries again: it writes every try down and waits outside the call.
            max_network_retries=0,
            stripe_version=API_VERSION,
            base_addresses={"api": base} if base else {},
            http_client=stripe.RequestsClient(timeout=settings.processor_timeout_s),
        )
        v1, v2 = self._client.v1, self._client.v2
        self._create: Mapping[Op, Callable[..., Any]] = {
            Op.CHECKOUT: v1.checkout.sessions.create,
            Op.REFUND: v1.refunds.create,
            Op.RECIPIENT: v2.core.accounts.create,
            Op.TRANSFER: v1.transfers.create,
        }
        self._read: Mapping[Op, Callable[[Mapping[str, Any]], Snapshot]] = {
            Op.CHECKOUT: stripe_wire.checkout,
            Op.REFUND: self._refund,
            Op.RECIPIENT: stripe_wire.recipient,
            Op.TRANSFER: stripe_wire.transfer,
        }

    def body(self, intent: Intent) -> Body:
        """Return the frozen parameters of the POST that does what is intended."""
        return stripe_wire.body_of(intent)

    def execute(self, request: Request) -> Outcome:
        """Try once."""
        try:
            answer = self._create[request.op](request.body, {"idempotency_key": request.key})
        except stripe.StripeError as error:
            return _outcome_of(error)
        return self._done(request.op, answer)

    def find(self, request: Request) -> Outcome:
        """Ask whether this call took effect, by what we named the object after.

        Transfers and refunds are listed, newest first. A checkout or an account has no such list; a
        second one moves no money, so that an answer we never got counts as none made.
        """
        subject = request.subject_id.hex
        found: list[Any]
        try:
            match request.op:
                case Op.TRANSFER:
                    found = list(self._client.v1.transfers.list({"transfer_group": subject}).data)
                case Op.REFUND:
                    listed = self._client.v1.refunds.list(
                        {"charge": request.body["charge"], "limit": 100}
                    )
                    found = [
                        answer
                        for answer in listed.auto_paging_iter()
                        if self._refund(answer.to_dict()).our_ref == subject
                    ]
                case _:
                    found = []
        except stripe.StripeError as error:
            return _unsure(_outcome_of(error))
        except _UNREADABLE as error:
            return Outcome(Verdict.UNKNOWN, code=UNREADABLE, message=repr(error))
        if not found:
            return Outcome(Verdict.REJECTED, code=NOT_FOUND)
        return self._done(request.op, found[-1])

    def fetch(self, kind: Kind, remote_id: str, account: str | None) -> Snapshot:
        """Return what is true of an object now; of a completed checkout, its payment."""
        v1 = self._client.v1
        with _asking():
            match kind:
                case "checkout":
                    session = v1.checkout.sessions.retrieve(remote_id)
                    checkout = stripe_wire.checkout(session.to_dict())
                    if checkout.state != "complete" or not checkout.payment_ref:
                        return checkout
                    return self.fetch("payment", checkout.payment_ref, None)
                case "payment":
                    expand = ["latest_charge.balance_transaction"]
                    intent = v1.payment_intents.retrieve(remote_id, {"expand": expand})
                    return stripe_wire.payment(intent.to_dict())
                case "transfer":
                    return stripe_wire.transfer(v1.transfers.retrieve(remote_id).to_dict())
                case "refund":
                    return self._refund(v1.refunds.retrieve(remote_id).to_dict())
                case "dispute":
                    return stripe_disputes.dispute(v1.disputes.retrieve(remote_id).to_dict())
                case "recipient":
                    include: Any = stripe_wire.RECIPIENT_INCLUDES
                    answer = self._client.v2.core.accounts.retrieve(remote_id, {"include": include})
                    return stripe_wire.recipient(answer.to_dict())
                case "connected_payout":
                    options: Any = {"stripe_account": account}
                    payout = v1.payouts.retrieve(remote_id, {}, options)
                    return stripe_wire.connected_payout(payout.to_dict(), account)

    def verify(
        self, endpoint: Endpoint, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]
    ) -> list[Ref]:
        """Return what a webhook names, once its signature is proven."""
        signature = headers.get(stripe_events.SIGNATURE_HEADER) or ""
        stripe_events.check_signature(raw, signature, secrets, clock.wall_now())
        return [stripe_events.read(endpoint, raw)]

    def onboarding_link(self, remote_account: str, return_url: str, refresh_url: str) -> str:
        """Return a fresh single-use address where a recipient gives what Stripe needs."""
        parameters: Any = stripe_wire.onboarding_body(remote_account, return_url, refresh_url)
        with _asking():
            link = self._client.v2.core.account_links.create(
                parameters, {"idempotency_key": f"link:{new_id().hex}"}
            )
            return str(link.url)

    def cash(self) -> dict[str, Cash]:
        """Return our balance there, by currency: what can be transferred now, and what will be."""
        with _asking():
            return stripe_wire.cash(self._client.v1.balance.retrieve().to_dict())

    def changes(self, since: datetime, after: str | None = None) -> Page[tuple[Ref, bytes]]:
        """Return a page of the events of our own account; Stripe keeps 30 days of them."""
        with _asking():
            listed = self._client.v1.events.list(_since(since, after))
            return _page(listed, _event)

    def movements(self, since: datetime, after: str | None = None) -> Page[Movement]:
        """Return a page of our balance transactions."""
        with _asking():
            parameters: Any = {**_since(since, after), "expand": ["data.source"]}
            listed = self._client.v1.balance_transactions.list(parameters)
            return _page(listed, lambda it: stripe_balance.movement(it.to_dict()))

    def payout_step(self, currency: str) -> int:
        """Return what a payout is a multiple of, in our minor units."""
        return payout_step(currency)

    def payout_most(self, currency: str) -> None:
        """Stripe bounds a transfer by our balance alone."""

    def supports(self, country: str, currency: str, amount: Money | None = None) -> str | None:
        """Return None, or 'country' or 'amount': what of it a transfer cannot reach or express."""
        if country not in _REACHED:
            return "country"
        try:
            to_stripe(Money(0, currency) if amount is None else amount)
        except NotExpressible:
            return "amount"
        return None

    def _refund(self, doc: Mapping[str, Any]) -> Snapshot:
        return stripe_wire.refund(doc, self.livemode)

    def _done(self, op: Op, answer: Any) -> Outcome:
        """Read what a POST or a look-up gave; what cannot be read may still have moved money."""
        try:
            snapshot = self._read[op](answer.to_dict())
        except _UNREADABLE as error:
            return Outcome(Verdict.UNKNOWN, code=UNREADABLE, message=repr(error))
        last = getattr(answer, "last_response", None)
        return Outcome(
            Verdict.DONE,
            snapshot,
            http_status=last.code if last else None,
            remote_request_id=last.request_id if last else None,
            replayed=_replayed(last.headers) if last else False,
        )


def _outcome_of(error: stripe.StripeError) -> Outcome:
    """Give an error its verdict. Whatever is not surely harmless is UNKNOWN."""
    # Only some classes of the library fill `code`; the error object has it always.
    code = error.code or (error.error.code if error.error else None)
    status = error.http_status
    if isinstance(error, stripe.IdempotencyError) and status == 400:
        verdict, code = Verdict.REJECTED, IDEMPOTENCY_ERROR
    elif status in (401, 409, 429):
        verdict = Verdict.BUSY
    elif status is not None and 400 <= status < 500 and error.error is not None:
        verdict = Verdict.REJECTED
    else:
        # No answer, a 5xx, or a page of something between Stripe and us.
        verdict = Verdict.UNKNOWN
    if code is None:
        code = str(status) if status else "no_answer"
    return Outcome(
        verdict,
        code=code,
        message=error.user_message or type(error).__name__,
        http_status=status,
        remote_request_id=error.request_id,
        replayed=_replayed(error.headers),
    )


def _unsure(outcome: Outcome) -> Outcome:
    """A question that was refused: what it was about may exist all the same."""
    refused = outcome.verdict is Verdict.REJECTED
    return replace(outcome, verdict=Verdict.UNKNOWN) if refused else outcome


def _replayed(headers: Mapping[str, str] | None) -> bool:
    return headers is not None and headers.get("Idempotent-Replayed") == "true"


def _since(since: datetime, after: str | None) -> Any:
    """The parameters of a page of a list: what was created since then, after that one."""
    page: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": 100}
    return page if after is None else {**page, "starting_after": after}


def _page(listed: Any, read: Callable[[Any], T]) -> Page[T]:
    """Read a list line by line: one that we cannot read is named and keeps none of the others."""
    rows, unreadable = [], []
    for line in listed.data:
        try:
            rows.append(read(line))
        except (*_UNREADABLE, BadPayload):
            unreadable.append(str(line["id"]))
    return Page(rows, listed.data[-1]["id"] if listed.has_more else None, unreadable)


def _event(event: Any) -> tuple[Ref, bytes]:
    doc = event.to_dict(for_json=True)
    return stripe_events.ref_of("platform", doc), json.dumps(doc).encode()


@contextmanager
def _asking() -> Iterator[None]:
    """Turn whatever goes wrong with a question that moves no money into `ProcessorUnavailable`."""
    try:
        yield
    except stripe.StripeError as error:
        raise ProcessorUnavailable(error.user_message or type(error).__name__) from error
    except _UNREADABLE as error:
        raise ProcessorUnavailable(f"an answer that we cannot read: {error!r}") from error
