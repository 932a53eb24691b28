"""A deposit: money that arrives through the processor's hosted checkout.

A brand's deposit tops up one campaign or challenge, or pays what it owes; an operator's fills the
fund or the gift pool. Money counts only once a payment that was fetched from the processor has
succeeded, keyed on its charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.errors import BadInput, MarketplaceError, says
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import AccountRef, Cause, Draft
from marketplace.money import Money
from marketplace.processors import outbox
from marketplace.processors.base import CheckoutIntent, Snapshot
from marketplace.processors.polled import Polled
from marketplace.statuses import Moves, Stateful, Wait, Waits

PROCESSOR = "stripe"
CHECKOUT_LIFETIME = timedelta(hours=24)
# Stripe takes no less than 50 cents; 1.00 keeps the processor's fee below the amount.
AMOUNT_MINOR_MIN = 100
AMOUNT_MINOR_MAX = 99_999_999  # the largest that Stripe takes at once: eight digits


class Purpose(StrEnum):
    """What a deposit pays for."""

    CAMPAIGN = "campaign"
    CHALLENGE = "challenge"
    DEBT = "debt"
    FUND_POOL = "fund_pool"
    GIFT_POOL = "gift_pool"


class DepositStatus(StrEnum):
    """Where a deposit stands.

    created ──open──▶ pending ──succeed──▶ succeeded
       │                 │
     reject           expire        (a declined card leaves it pending: the payer may try another)
       ▼                 ▼
    rejected          expired ──succeed──▶ succeeded   (paid in the last second)
    """

    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Mismatch(MarketplaceError):
    """An authentic payment that is not the one we asked for: other amount, currency or mode."""

    code = "mismatch"


class Deposit(Polled, Stateful):
    """One request for money and what came of it."""

    __tablename__ = "deposit"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("NOT raises_budget OR purpose = 'campaign'", name="raises_budget"),
        CheckConstraint(
            "purpose IN ('campaign', 'challenge', 'debt', 'fund_pool', 'gift_pool')",
            name="purpose",
        ),
        CheckConstraint(
            "(purpose IN ('campaign', 'challenge', 'debt')) = (brand_id IS NOT NULL)"
            " AND (purpose = 'campaign') = (campaign_id IS NOT NULL)"
            " AND (purpose = 'challenge') = (challenge_id IS NOT NULL)",
            name="names_what_it_pays_for",
        ),
        CheckConstraint(
            "status IN ('created', 'pending', 'succeeded', 'rejected', 'expired')", name="status"
        ),
        # Money that counts names the charge it came with.
        CheckConstraint(
            "(status = 'succeeded') = (charge_ref IS NOT NULL)", name="charge_once_succeeded"
        ),
    )

    MOVES: ClassVar[Moves] = {
        (DepositStatus.CREATED, "open"): DepositStatus.PENDING,
        (DepositStatus.CREATED, "reject"): DepositStatus.REJECTED,
        (DepositStatus.CREATED, "succeed"): DepositStatus.SUCCEEDED,
        (DepositStatus.PENDING, "succeed"): DepositStatus.SUCCEEDED,
        (DepositStatus.PENDING, "expire"): DepositStatus.EXPIRED,
        (DepositStatus.EXPIRED, "succeed"): DepositStatus.SUCCEEDED,
    }
    WAITS: ClassVar[Waits] = {
        DepositStatus.CREATED: Wait(on="processor", due=lambda it: None, then="open"),
        DepositStatus.PENDING: Wait(on="payer", due=lambda it: it.expires_at, then="expire"),
    }

    purpose: Mapped[str]
    brand_id: Mapped[UUID | None] = mapped_column(ForeignKey("brand.id"), index=True)
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign.id"), index=True)
    challenge_id: Mapped[UUID | None] = mapped_column(ForeignKey("challenge.id"), index=True)
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("user.id"))
    raises_budget: Mapped[bool] = mapped_column(default=False)  # of a campaign that is open
    form_key: Mapped[UUID] = mapped_column(unique=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    checkout_ref: Mapped[str | None] = mapped_column(unique=True)
    checkout_url: Mapped[str | None]
    charge_ref: Mapped[str | None] = mapped_column(unique=True)
    rejection: Mapped[str | None]
    processor_fee_minor: Mapped[int | None]  # known a little later than the payment
    processor_fee_ref: Mapped[str | None] = mapped_column(unique=True)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def cause(self) -> Cause:
        return Cause("deposit", self.id)

    @property
    def pool(self) -> AccountRef:
        """The pool that it fills, if it is no brand's."""
        return postings.POOLS["fund" if self.purpose == Purpose.FUND_POOL else "gift"]


def request(
    purpose: Purpose,
    amount: Money,
    *,
    requested_by: UUID,
    payer_email: str,
    form_key: UUID,
    site_url: str,
    description: str,
    at: datetime,
    brand_id: UUID | None = None,
    campaign_id: UUID | None = None,
    challenge_id: UUID | None = None,
) -> Deposit:
    """Ask the processor for a hosted checkout; the worker sends the request.

    Args:
        form_key: made when the form was shown; a second deposit with it is refused by the database.
        site_url: our page for this deposit is `<site_url>/deposits/<id>`: the payer returns to it.

    Raises:
        BadInput: the amount is too small or too large.
    """
    _refuse_amount(amount)
    deposit = Deposit(
        id=new_id(),
        purpose=purpose,
        brand_id=brand_id,
        campaign_id=campaign_id,
        challenge_id=challenge_id,
        requested_by=requested_by,
        form_key=form_key,
        amount_minor=amount.minor,
        currency=amount.currency,
        status=DepositStatus.CREATED,
        created_at=at,
        expires_at=at + CHECKOUT_LIFETIME,
    )
    statuses.born(deposit, at, f"user:{requested_by.hex}")
    db.session.flush()
    page = f"{site_url}/deposits/{deposit.id}"
    outbox.enqueue(
        PROCESSOR,
        CheckoutIntent(
            subject_type="deposit",
            subject_id=deposit.id,
            amount=amount,
            description=description,
            customer_email=payer_email,
            success_url=f"{page}?returned=paid",
            cancel_url=f"{page}?returned=left",
        ),
    )
    return deposit


def _refuse_amount(amount: Money) -> None:
    least, most = (Money(it, amount.currency) for it in (AMOUNT_MINOR_MIN, AMOUNT_MINOR_MAX))
    if not least <= amount <= most:
        said = says("at least %(least)s, at most %(most)s", least=least, most=most)
        raise BadInput("amount", {"amount": said})


def opened(deposit: Deposit, session: Snapshot, at: datetime) -> None:
    """The processor made the hosted page; from now on we also ask how it went.

    Raises:
        Mismatch: the page asks for something else; nobody is sent there.
    """
    _compare(deposit, session)
    if deposit.status == DepositStatus.CREATED:
        statuses.advance(deposit, "open", at, statuses.SYSTEM)
    deposit.checkout_ref = session.remote_id
    deposit.checkout_url = session.url
    deposit.check_soon(at)


def payer_returned(deposit_id: UUID, at: datetime) -> None:
    """The payer is back from the hosted page and says it is paid: ask soon, not in an hour."""
    deposit = lock(Deposit, deposit_id)
    assert deposit is not None
    if deposit.status == DepositStatus.PENDING and not deposit.is_checked_soon(at):
        deposit.check_soon(at)


def rejected(deposit: Deposit, why: str, at: datetime) -> None:
    """The processor refuses to make a checkout for this; no money moved."""
    if deposit.status == DepositStatus.CREATED:
        deposit.rejection = why
        statuses.advance(deposit, "reject", at, statuses.SYSTEM, why)


def expired(deposit: Deposit, at: datetime) -> None:
    """Nobody paid within the checkout's lifetime."""
    if statuses.allows(deposit, "expire"):
        statuses.advance(deposit, "expire", at, statuses.SYSTEM)
        deposit.check_no_more()


def received(
    deposit: Deposit,
    payment: Snapshot,
    at: datetime,
    *,
    brand_owner: str | None = None,
    also: Sequence[Draft] = (),
) -> None:
    """A fetched payment succeeded: the money is here, once. The caller has locked the deposit.

    Args:
        brand_owner: ledger owner of the brand, for a brand's deposit.
        also: what else happens with this money in the same posting, such as its reservation.

    Raises:
        Mismatch: the payment is not the one we asked for; nothing is posted.
    """
    _compare(deposit, payment)
    drafts: list[Draft] = []
    if deposit.status != DepositStatus.SUCCEEDED:
        if not statuses.allows(deposit, "succeed"):
            raise Mismatch(f"deposit {deposit.id} is {deposit.status}, yet a payment exists")
        assert payment.charge_ref, "a succeeded payment names its charge"
        deposit.charge_ref = payment.charge_ref
        statuses.advance(deposit, "succeed", at, statuses.SYSTEM)
        drafts += [_arrival(deposit, brand_owner, at), *also]
    elif deposit.charge_ref != payment.charge_ref:
        raise Mismatch(f"deposit {deposit.id} was paid by another charge already")
    if deposit.processor_fee_ref is None and payment.fee is not None and payment.fee_ref:
        deposit.processor_fee_minor = payment.fee.minor
        deposit.processor_fee_ref = payment.fee_ref
        if payment.fee:
            fee, ref = payment.fee, payment.fee_ref
            drafts.append(postings.processor_fee_charged(PROCESSOR, fee, ref, deposit.cause, at))
    if drafts:
        journal.post_many(drafts)
    if deposit.processor_fee_ref is None:
        deposit.check_soon(at)  # the fee is not known yet
    else:
        deposit.check_no_more()


def _arrival(deposit: Deposit, brand_owner: str | None, at: datetime) -> Draft:
    assert deposit.charge_ref
    if deposit.brand_id is not None:
        assert brand_owner
        return postings.deposit_received(
            PROCESSOR, brand_owner, deposit.amount, deposit.charge_ref, deposit.cause, at
        )
    return postings.pool_filled(
        PROCESSOR, deposit.pool, deposit.amount, deposit.charge_ref, deposit.cause, at
    )


def _compare(deposit: Deposit, told: Snapshot) -> None:
    if told.amount != deposit.amount:
        raise Mismatch(f"deposit {deposit.id} is {deposit.amount}, the {told.kind} {told.amount}")
    if told.our_ref != deposit.id.hex:
        raise Mismatch(f"deposit {deposit.id} is not what this {told.kind} refers to")
