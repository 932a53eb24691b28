"""What every payment processor looks like to us: four operations, four verdicts, one normal form.

    Intent --body--> frozen body --enqueue--> Request --execute--> Outcome(verdict, snapshot)
    raw webhook --verify--> Ref --fetch--> Snapshot

An adapter speaks to its processor and to nobody else: no database, no decision about money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

from marketplace.errors import MarketplaceError
from marketplace.money import Money
from marketplace.processors.listing import Cash, Moved, Movement, Page

Kind = Literal[
    "payment", "checkout", "transfer", "refund", "recipient", "connected_payout", "dispute"
]
Endpoint = Literal["platform", "connect", "thin", "paypal"]
Body = Mapping[str, Any]

# Codes of our own, beside those of the processors.
IDEMPOTENCY_ERROR = "idempotency_error"  # our key was used with another body: a person must look
NOT_FOUND = "not_found"  # a look-up's definitive answer: the processor made nothing
UNREADABLE = "unreadable_answer"


class Op(StrEnum):
    """What we ask a processor to do. The value begins the idempotency key."""

    CHECKOUT = "cs"
    REFUND = "rf"
    RECIPIENT = "acct"
    TRANSFER = "trf"


class Verdict(StrEnum):
    """What one try came to."""

    DONE = "done"  # it exists; the snapshot shows it
    REJECTED = "rejected"  # definitively not: no money moved
    BUSY = "busy"  # this try was not executed: the same key again, later
    UNKNOWN = "unknown"  # it may have moved money: the same key again, never a new one


class BadSignature(MarketplaceError):
    """A webhook that the processor did not sign, or not just now."""

    status, code = 401, "bad_signature"


class BadPayload(MarketplaceError):
    """A webhook that is signed but is no event."""

    status, code = 400, "bad_payload"


@dataclass(frozen=True)
class CheckoutIntent:
    """Let somebody pay `amount` on a hosted page."""

    subject_type: str
    subject_id: UUID
    amount: Money
    description: str
    customer_email: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True)
class RefundIntent:
    """Give `amount` of a charge back to whoever paid it."""

    subject_type: str
    subject_id: UUID
    amount: Money
    charge_ref: str


@dataclass(frozen=True)
class RecipientIntent:
    """Open an account at the processor for somebody whom we will pay."""

    subject_type: str
    subject_id: UUID
    email: str
    name: str
    country: str  # ISO 3166-1 alpha-2
    currency: str  # ISO 4217


@dataclass(frozen=True)
class TransferIntent:
    """Pay `amount` to a recipient's account at the processor."""

    subject_type: str
    subject_id: UUID
    amount: Money
    remote_account: str
    description: str


Intent = CheckoutIntent | RefundIntent | RecipientIntent | TransferIntent

OP_OF: Mapping[type[Any], Op] = {
    CheckoutIntent: Op.CHECKOUT,
    RefundIntent: Op.REFUND,
    RecipientIntent: Op.RECIPIENT,
    TransferIntent: Op.TRANSFER,
}


@dataclass(frozen=True)
class Request:
    """One stored call, as an adapter sees it. Key and body belong together and never change."""

    id: UUID
    processor: str
    op: Op
    subject_type: str
    subject_id: UUID
    key: str
    body: Body
    first_sent_at: datetime | None  # domain time
    remote_id: str | None = None  # a person found that this was made: look it up by that


CAME_TO_NOTHING = ("failed", "returned")  # of a transfer: its receiver never had the money


@dataclass(frozen=True)
class Snapshot:
    """Our normal form of what a processor says of one object at one moment.

    `state` is one of
        payment           succeeded, processing, failed, canceled, requires_action
        checkout          open, complete, expired
        transfer          paid, reversed (all of it came back), partly_reversed; where it takes
                          time: pending, unclaimed, returned (never claimed), failed
        refund            pending, succeeded, failed
        recipient         active, pending, restricted
        dispute           inquiry (nothing is taken), needs_response, under_review, won, lost,
                          closed (an inquiry that came to nothing)
        connected_payout  the processor's own word
    or the processor's own word where it is none that we know: nothing may follow from such a state.
    """

    kind: Kind
    remote_id: str
    our_ref: str | None  # our subject's id as 32 hex digits
    state: str
    livemode: bool
    amount: Money | None = None
    fee: Money | None = None  # the processor fee; None = not known yet
    fee_ref: str | None = None  # the balance transaction that charged it
    charge_ref: str | None = None
    payment_ref: str | None = None
    url: str | None = None  # of a hosted checkout
    account: str | None = None  # the connected account it belongs to or goes to
    remote_created: datetime | None = None
    # What a recipient must still provide; why a transfer failed.
    requirements: Sequence[str] = ()
    # Where there is no list of them: what it moved of our money; of what came to nothing, what it
    # moved if it had been paid before.
    movements: Sequence[Movement] = ()
    # Of a dispute: what it moved of our money so far, why, and until when it can be answered.
    moved: Sequence[Moved] = ()
    reason: str = ""
    answer_by: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Outcome:
    """What one network try came to. `snapshot` is there exactly when the verdict is DONE."""

    verdict: Verdict
    snapshot: Snapshot | None = None
    code: str | None = None
    message: str = ""
    http_status: int | None = None  # None = no answer at all
    remote_request_id: str | None = None
    replayed: bool = False  # the processor repeated an answer it had stored under our key


@dataclass(frozen=True)
class Ref:
    """What an authentic event names, a processor's or a shop's.

    `kind` is None if the event is of no concern to us.
    """

    event_id: str
    event_type: str
    livemode: bool
    kind: Kind | Literal["order"] | None
    remote_id: str | None
    account: str | None


class Rail(Protocol):
    """A way on which payouts leave, and what it can do."""

    name: str

    def payout_step(self, currency: str) -> int:
        """Return what a payout in this currency is a multiple of, in our minor units."""

    def payout_most(self, currency: str) -> Money | None:
        """Return what one payout in this currency is at most; None = no bound that we know."""

    def supports(self, country: str, currency: str, amount: Money | None = None) -> str | None:
        """Return None if a recipient in `country` can be paid so, else why not: a stable word."""


class Processor(Rail, Protocol):
    """One payment processor. Only the sender calls `execute` and `find`."""

    livemode: bool
    # How long after the first try the processor surely still knows our key, in domain time.
    safe_window: timedelta
    # Can it list its events and movements? Otherwise each request of ours is asked about by itself.
    lists: bool

    def body(self, intent: Intent) -> Body:
        """Return the frozen body of a call, plain JSON. Pure.

        Raises:
            ValueError: the processor cannot express the amount; ask `supports` first.
        """

    def execute(self, request: Request) -> Outcome:
        """Try once over the network. Never raises for what the processor or the network does."""

    def find(self, request: Request) -> Outcome:
        """Ask whether this call took effect, without any effect.

        DONE = yes; REJECTED with `NOT_FOUND` = definitively no; otherwise nobody knows.
        """

    def fetch(self, kind: Kind, remote_id: str, account: str | None) -> Snapshot:
        """Return what is true of an object now; of a checkout that has been completed, its payment.

        Raises:
            ProcessorUnavailable: no usable answer, or there is no such object.
        """

    def verify(
        self, endpoint: Endpoint, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]
    ) -> list[Ref]:
        """Return what a webhook names, once its signature over the raw bytes is proven.

        No network, but for a certificate that is not known yet.

        Raises:
            BadSignature: not signed with any of `secrets`, or too old, or from the future.
            BadPayload: signed, but no event.
            ProcessorUnavailable: the certificate cannot be had now.
        """

    def onboarding_link(self, remote_account: str, return_url: str, refresh_url: str) -> str:
        """Return a single-use address where a recipient gives what is missing; never stored.

        Raises:
            ProcessorUnavailable: no usable answer.
        """

    def cash(self) -> dict[str, Cash]:
        """Return what of our own money lies there, by currency.

        Raises:
            ProcessorUnavailable: no usable answer.
        """

    def changes(self, since: datetime, after: str | None = None) -> Page[tuple[Ref, bytes]]:
        """Return one page of the events since an instant of the processor's clock, with bodies.

        Raises:
            ProcessorUnavailable: no usable answer.
        """

    def movements(self, since: datetime, after: str | None = None) -> Page[Movement]:
        """Return one page of what moved our money since an instant of the processor's clock.

        Raises:
            ProcessorUnavailable: no usable answer.
        """
