"""A refund: unspent money of a brand goes back to the card it came from.

The money is set aside first, so that it cannot be spent while the processor works; a refund that
the processor refuses, or that bounces weeks later, gives it back to the brand.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.errors import BadInput, says
from marketplace.extensions import db
from marketplace.funding import standing
from marketplace.funding.deposit import PROCESSOR, Deposit, DepositStatus, Mismatch
from marketplace.funding.dispute import standing_against, taken_of
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.processors import outbox
from marketplace.processors.base import RefundIntent, Snapshot
from marketplace.processors.polled import Polled
from marketplace.statuses import Moves, Stateful, Wait, Waits


class RefundStatus(StrEnum):
    """Where a refund stands.

    requested ──succeed──▶ succeeded ──bounce──▶ failed
        └───────fail─────────────────────────────▲      (failed: the brand has the money again)
    """

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refund(Polled, Stateful):
    """Part or all of one deposit on its way back."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("status IN ('requested', 'succeeded', 'failed')", name="status"),
    )

    MOVES: ClassVar[Moves] = {
        (RefundStatus.REQUESTED, "succeed"): RefundStatus.SUCCEEDED,
        (RefundStatus.REQUESTED, "fail"): RefundStatus.FAILED,
        (RefundStatus.SUCCEEDED, "bounce"): RefundStatus.FAILED,
    }
    WAITS: ClassVar[Waits] = {
        RefundStatus.REQUESTED: Wait(on="processor", due=lambda it: None, then="succeed"),
    }

    deposit_id: Mapped[UUID] = mapped_column(ForeignKey("deposit.id"), index=True)
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"), index=True)
    form_key: Mapped[UUID] = mapped_column(unique=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime]
    refund_ref: Mapped[str | None] = mapped_column(unique=True)
    failure: Mapped[str | None]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def cause(self) -> Cause:
        return Cause("refund", self.id)

    @property
    def brand_owner(self) -> str:
        return f"brand:{self.brand_id.hex}"


def refundable(deposit: Deposit) -> Money:
    """What of a deposit has not gone back yet, whether or not the brand still has it.

    One budget: what refunds send back and what disputes took.
    """
    if deposit.status != DepositStatus.SUCCEEDED:
        return Money(0, deposit.currency)
    gone = db.session.scalar(
        select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
            Refund.deposit_id == deposit.id, Refund.status != RefundStatus.FAILED
        )
    )
    return Money(deposit.amount_minor - int(gone or 0), deposit.currency) - taken_of(deposit)


def under_way(deposit: Deposit) -> bool:
    """Is a refund of this deposit asked for whose end is not known?"""
    asked = select(Refund.id).filter_by(deposit_id=deposit.id, status=RefundStatus.REQUESTED)
    return db.session.scalar(select(asked.exists())) or False


def request(deposit_id: UUID, amount: Money, *, actor: str, form_key: UUID, at: datetime) -> Refund:
    """Send `amount` of a deposit back to the card it came from.

    Raises:
        BadInput: more than is left of the deposit; or it is disputed, or the brand suspended.
        InsufficientFunds: the brand has spent or reserved it.
    """
    deposit = lock(Deposit, deposit_id)
    assert deposit is not None
    assert deposit.brand_id is not None
    if standing_against(deposit) is not None:
        raise BadInput(
            says(
                "The cardholder disputed this payment: their bank decides where it goes, so nothing"
                " of it can be sent back from here."
            )
        )
    standing.require_good(deposit.brand_id)
    left = refundable(deposit)
    if not 0 < amount.minor <= left.minor or amount.currency != left.currency:
        raise BadInput("amount", {"amount": says("more than zero, at most %(left)s", left=left)})
    refund = Refund(
        id=new_id(),
        deposit_id=deposit.id,
        brand_id=deposit.brand_id,
        form_key=form_key,
        amount_minor=amount.minor,
        currency=amount.currency,
        status=RefundStatus.REQUESTED,
        created_at=at,
    )
    statuses.born(refund, at, actor)
    db.session.flush()
    journal.post(postings.refund_reserved(refund.brand_owner, amount, refund.cause, at))
    assert deposit.charge_ref
    outbox.enqueue(
        PROCESSOR,
        RefundIntent(
            subject_type="refund",
            subject_id=refund.id,
            amount=amount,
            charge_ref=deposit.charge_ref,
        ),
    )
    return refund


def converge(refund: Refund, snapshot: Snapshot, at: datetime) -> None:
    """Bring a refund to what the processor says of it now. The caller has locked the refund.

    Raises:
        Mismatch: the processor's refund has another amount or currency, is a second one, or was
            made although ours has failed.
    """
    if snapshot.amount != refund.amount:
        raise Mismatch(f"refund {refund.id} is {refund.amount}, the processor's {snapshot.amount}")
    if refund.refund_ref not in (None, snapshot.remote_id):
        raise Mismatch(f"refund {refund.id} was made twice at the processor")
    if refund.status == RefundStatus.FAILED and snapshot.state == "succeeded":
        raise Mismatch(f"refund {refund.id} has failed, yet the processor made it")
    if refund.refund_ref is None:
        refund.refund_ref = snapshot.remote_id
        refund.check_soon(at)
    if snapshot.state == "succeeded" and refund.status == RefundStatus.REQUESTED:
        statuses.advance(refund, "succeed", at, statuses.SYSTEM)
        refund.check_no_more()
        journal.post(
            postings.refund_paid(PROCESSOR, refund.brand_owner, refund.amount, refund.cause, at)
        )
    elif snapshot.state == "failed":
        failed(refund, "the card's bank sent it back", at)


def failed(refund: Refund, why: str, at: datetime) -> None:
    """The refund did not arrive: the brand has the money again."""
    refund.check_no_more()
    if refund.status == RefundStatus.REQUESTED:
        refund.failure = why
        statuses.advance(refund, "fail", at, statuses.SYSTEM, why)
        journal.post(postings.refund_released(refund.brand_owner, refund.amount, refund.cause, at))
    elif refund.status == RefundStatus.SUCCEEDED:
        refund.failure = why
        statuses.advance(refund, "bounce", at, statuses.SYSTEM, why)
        journal.post(
            postings.refund_bounced(PROCESSOR, refund.brand_owner, refund.amount, refund.cause, at)
        )
