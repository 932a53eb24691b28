"""A payout: a creator's available balance on its way out. Paid exactly once, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.errors import MarketplaceError, WrongState
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.payouts import line as lines
from marketplace.payouts import notices
from marketplace.payouts.destination import Destination
from marketplace.payouts.recovery import Parts
from marketplace.processors import outbox
from marketplace.processors.base import Op
from marketplace.processors.polled import Polled
from marketplace.statuses import SYSTEM, Moves, Stateful, Wait, Waits

HOLD_RETRY = timedelta(days=1)
HOLD_REVIEW = timedelta(days=3)
CLAIM_WITHIN = timedelta(days=30)  # PayPal gives back what nobody has fetched by then


class PayoutStatus(StrEnum):
    """Where a payout stands. Only a definitive answer releases the money.

     reserved ──send──▶ sending ──pay──▶ paid ──return──▶ returned (money available again)
      │  │  ▲              │ ││└─await_claim─▶ unclaimed ──pay──▶ paid
      │  │  │              │ ││                   └──return──▶ returned, fail as from sending
      │  │  │              │ │└─doubt─▶ unknown ──accept──▶ sending
      │  │  release        │ │             └─pay, await_claim, return, hold, fail as from sending
      │ hold│              │ fail
      │  ▼  │              │ └────────────▶ failed     (money available again)
      │ held ◀────hold─────┘
      │   │ └─look_up, accept, pay, await_claim, return, fail: made after all
    cancel│cancel                          failed ──arrive──▶ paid   (late: taken back out)
      ▼   ▼
     canceled (money available again)    canceled ──arrive──▶ paid
    """

    RESERVED = "reserved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    UNCLAIMED = "unclaimed"  # it lies at the processor until its receiver fetches it
    HELD = "held"
    PAID = "paid"
    RETURNED = "returned"
    FAILED = "failed"
    CANCELED = "canceled"


class HoldReason(StrEnum):
    """Why a payout is held, and with it on whom it waits."""

    PROCESSOR_FUNDS = "processor_funds"  # our balance at the processor: tried again each day
    DESTINATION = "destination"  # the creator's account there
    REVIEW = "review"  # an operator
    OPERATOR = "operator"  # who holds everything that would leave to the creator


OPEN = (
    PayoutStatus.RESERVED,
    PayoutStatus.SENDING,
    PayoutStatus.UNKNOWN,
    PayoutStatus.UNCLAIMED,
    PayoutStatus.HELD,
)
OPEN_SQL = "status IN ('reserved', 'sending', 'unknown', 'unclaimed', 'held')"


class Mismatch(MarketplaceError):
    """An authentic transfer that is not the one we asked for."""

    code = "mismatch"


class Payout(Polled, Stateful):
    """One amount to one destination, and what it recovered of the creator's debt on the way."""

    __tablename__ = "payout"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("recovered_minor >= 0", name="recovered_not_negative"),
        CheckConstraint(
            "status IN ('reserved', 'sending', 'unknown', 'unclaimed', 'held', 'paid', 'returned',"
            " 'failed', 'canceled')",
            name="status",
        ),
        CheckConstraint(
            # One that came back without it was never claimed, and so never paid.
            "(status <> 'paid' OR transfer_ref IS NOT NULL)"
            " AND (transfer_ref IS NULL OR status IN ('paid', 'returned'))",
            name="transfer_ref_once_paid",
        ),
        CheckConstraint(
            "(return_seen_at IS NULL) = (return_seen_by IS NULL)"
            " AND (return_seen_at IS NULL OR status = 'returned')",
            name="only_a_return_is_seen",
        ),
        CheckConstraint("lifted_for IN ('closing', 'holding_limit', 'yearly')", name="lifted_for"),
        CheckConstraint(
            "late_debt_minor IS NULL OR (late_debt_minor BETWEEN 0 AND amount_minor"
            " AND status IN ('paid', 'returned'))",
            name="late_debt_once_arrived",
        ),
        CheckConstraint("(status = 'held') = (hold_reason IS NOT NULL)", name="held_has_reason"),
        # At most one payout per creator and currency is on its way.
        Index(
            "uq_payout_open",
            "creator_id",
            "currency",
            unique=True,
            postgresql_where=text(OPEN_SQL),
        ),
        Index("ix_payout_remind", "remind_at", postgresql_where=text("status = 'unclaimed'")),
        # Those that wait for their run to be approved and sent.
        Index(
            "ix_payout_to_ask",
            "run_id",
            postgresql_where=text("status = 'reserved' AND asked_at IS NULL"),
        ),
    )

    MOVES: ClassVar[Moves] = {
        (PayoutStatus.RESERVED, "send"): PayoutStatus.SENDING,
        (PayoutStatus.RESERVED, "hold"): PayoutStatus.HELD,
        (PayoutStatus.RESERVED, "cancel"): PayoutStatus.CANCELED,
        (PayoutStatus.SENDING, "pay"): PayoutStatus.PAID,
        (PayoutStatus.SENDING, "doubt"): PayoutStatus.UNKNOWN,
        (PayoutStatus.SENDING, "await_claim"): PayoutStatus.UNCLAIMED,
        (PayoutStatus.SENDING, "return"): PayoutStatus.RETURNED,
        (PayoutStatus.SENDING, "hold"): PayoutStatus.HELD,
        (PayoutStatus.SENDING, "fail"): PayoutStatus.FAILED,
        (PayoutStatus.UNKNOWN, "accept"): PayoutStatus.SENDING,
        (PayoutStatus.UNKNOWN, "pay"): PayoutStatus.PAID,
        (PayoutStatus.UNKNOWN, "await_claim"): PayoutStatus.UNCLAIMED,
        (PayoutStatus.UNKNOWN, "return"): PayoutStatus.RETURNED,
        (PayoutStatus.UNKNOWN, "hold"): PayoutStatus.HELD,
        (PayoutStatus.UNKNOWN, "fail"): PayoutStatus.FAILED,
        (PayoutStatus.UNCLAIMED, "pay"): PayoutStatus.PAID,
        (PayoutStatus.UNCLAIMED, "return"): PayoutStatus.RETURNED,
        (PayoutStatus.UNCLAIMED, "fail"): PayoutStatus.FAILED,
        (PayoutStatus.PAID, "return"): PayoutStatus.RETURNED,
        (PayoutStatus.FAILED, "arrive"): PayoutStatus.PAID,
        (PayoutStatus.CANCELED, "arrive"): PayoutStatus.PAID,
        (PayoutStatus.HELD, "look_up"): PayoutStatus.UNKNOWN,
        (PayoutStatus.HELD, "accept"): PayoutStatus.SENDING,
        (PayoutStatus.HELD, "pay"): PayoutStatus.PAID,
        (PayoutStatus.HELD, "await_claim"): PayoutStatus.UNCLAIMED,
        (PayoutStatus.HELD, "return"): PayoutStatus.RETURNED,
        (PayoutStatus.HELD, "fail"): PayoutStatus.FAILED,
        (PayoutStatus.HELD, "release"): PayoutStatus.RESERVED,
        (PayoutStatus.HELD, "cancel"): PayoutStatus.CANCELED,
    }
    WAITS: ClassVar[Waits] = {
        PayoutStatus.RESERVED: Wait(on="processor", due=lambda it: None, then="send"),
        PayoutStatus.SENDING: Wait(on="processor", due=lambda it: None, then="pay"),
        PayoutStatus.UNKNOWN: Wait(on="processor", due=lambda it: None, then="pay"),
        PayoutStatus.UNCLAIMED: Wait(
            on="creator", due=lambda it: it.status_at + CLAIM_WITHIN, then="return"
        ),
        PayoutStatus.HELD: Wait(on="hold_reason", due=lambda it: it.review_at, then="release"),
    }

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), index=True)
    destination_id: Mapped[UUID] = mapped_column(ForeignKey("destination.id"), index=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_run.id"), index=True)
    amount_minor: Mapped[int]  # goes to the destination
    recovered_minor: Mapped[int] = mapped_column(default=0, server_default="0")
    currency: Mapped[str]
    lifted_for: Mapped[str | None]  # why it was paid although it was below the threshold
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]  # when the processor was last asked: once its run is sent
    transfer_ref: Mapped[str | None] = mapped_column(unique=True)
    hold_reason: Mapped[str | None]
    review_at: Mapped[datetime | None]  # of a held payout: when it is looked at again
    failure: Mapped[str | None]
    remind_at: Mapped[datetime | None]  # of an unclaimed payout: its creator's next mail
    late_debt_minor: Mapped[int | None]  # arrived after it had failed: what was not there to take
    return_seen_at: Mapped[datetime | None]  # of a returned payout: confirmed by its creator
    return_seen_by: Mapped[str | None]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def recovered(self) -> Money:
        return Money(self.recovered_minor, self.currency)

    @property
    def creator_owner(self) -> str:
        return f"creator:{self.creator_id.hex}"

    @property
    def cause(self) -> Cause:
        return Cause("payout", self.id)


@dataclass(frozen=True)
class Wanted:
    """A payout that the gate lets out: whose, where to, in which run, and its parts."""

    creator_id: UUID
    destination_id: UUID
    run_id: UUID
    parts: Parts


def reserve_all(wanted: Sequence[Wanted], at: datetime) -> list[Payout]:
    """Set what is paid aside until the run is approved; what is recovered repays debt now.

    Many in their order: one posting of the books, all lines at once. The caller has locked their
    creators.

    Raises:
        InsufficientFunds: one of them is not available, or recovers more than the debt.
        IntegrityError: for one of them another payout in its currency is on its way.
    """
    payouts = [_reserved(it, at) for it in wanted]
    for payout in payouts:
        statuses.born(payout, at, SYSTEM)
    db.session.flush()
    drafts = [
        postings.payout_reserved(it.creator_owner, it.amount, it.recovered, it.cause, at)
        for it in payouts
    ]
    journal.post_many(drafts)
    lines.write([it.id for it in payouts])
    return payouts


def _reserved(wanted: Wanted, at: datetime) -> Payout:
    return Payout(
        id=new_id(),
        creator_id=wanted.creator_id,
        destination_id=wanted.destination_id,
        run_id=wanted.run_id,
        amount_minor=wanted.parts.paid.minor,
        recovered_minor=wanted.parts.recovered.minor,
        currency=wanted.parts.paid.currency,
        status=PayoutStatus.RESERVED,
        created_at=at,
    )


def doubted(payout: Payout, why: str, at: datetime) -> None:
    """No usable answer: the money may have left. Nothing is released, nothing is sent anew."""
    if statuses.allows(payout, "doubt"):
        statuses.advance(payout, "doubt", at, SYSTEM, why)


def cancel(payout: Payout, actor: str, reason: str, at: datetime) -> None:
    """Call a payout off before it is sent; the money is available again. The caller has locked it.

    Raises:
        WrongState: it was sent, or may have been.
    """
    waits = payout.status == PayoutStatus.RESERVED and payout.asked_at is not None
    if waits and not outbox.abandon(Op.TRANSFER, payout.id):
        raise WrongState("payout", PayoutStatus.SENDING, "cancel")
    outbox.not_found(Op.TRANSFER, payout.id)
    move_held(payout, "cancel", at, actor, reason)
    give_back(payout, at)


def move_held(payout: Payout, event: str, at: datetime, actor: str, reason: str = "") -> None:
    """Move a payout that may be held; afterwards it is not."""
    statuses.advance(payout, event, at, actor, reason)
    payout.hold_reason = payout.review_at = None


def put_on_hold(payout: Payout, reason: HoldReason, why: str, at: datetime) -> None:
    """Keep the money set aside until the reason may be gone; who must act is told so, once."""
    said, to = f"{reason}: {why}", db.session.get_one(Destination, payout.destination_id)
    is_new = said not in {move.reason for move in statuses.history(payout)}
    if reason == HoldReason.DESTINATION and is_new and not to.opens_by_itself(at):
        notices.held(payout.creator_id, payout.amount, at)
    statuses.advance(payout, "hold", at, SYSTEM, said)
    payout.hold_reason = reason
    payout.review_at = at + (HOLD_REVIEW if reason == HoldReason.REVIEW else HOLD_RETRY)


def give_back(payout: Payout, at: datetime) -> None:
    """Nothing was sent: all of it is available again, and the debt it had recovered is back."""
    owner, cause = payout.creator_owner, payout.cause
    journal.post(postings.payout_released(owner, payout.amount, payout.recovered, cause, at))
