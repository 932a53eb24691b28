"""The rest of an account that closes: less than its rail can send, and nothing else is coming.

look_next   notes that only such a rest is left, or no longer: then an operator must act, by a day
pay_rest    an operator has paid it another way; with the last of it the account is closed

It repays no debt: what it could recover is less than anybody's smallest coin.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    and_,
    case,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock, lock_next
from marketplace.errors import BadInput, NotFound, WrongState, says
from marketplace.extensions import Base, db
from marketplace.ledger import balances, journal, postings
from marketplace.ledger.audit import CREATORS
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.notifications import notices
from marketplace.parties.closing import AccountClosing, ClosingStatus
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.processors import registry
from marketplace.processors.bank import Bank
from marketplace.processors.stripe_amounts import PAYOUT_STEPS
from marketplace.statuses import SYSTEM


class RestPayment(Base):
    """One rest that an operator paid another way. Written once."""

    __tablename__ = "rest_payment"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    processor: Mapped[str]  # where our money lay
    reference: Mapped[str] = mapped_column(unique=True)  # what proves it: the transfer's name
    reason: Mapped[str]  # how it was paid; the creator reads it
    paid_by: Mapped[str]
    paid_at: Mapped[datetime]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def cause(self) -> Cause:
        return Cause("rest_payment", self.id)


def look_next(at: datetime) -> bool:
    """Note of one account that only a rest is left of it, or no longer; False if all are noted."""
    strands = and_(AccountClosing.status == ClosingStatus.CLOSING, _only_a_rest())
    resumes = and_(
        AccountClosing.status == ClosingStatus.UNPAYABLE, not_(_only_a_rest()), _owed(*CREATORS)
    )
    found = lock_next(AccountClosing, or_(strands, resumes), order_by=AccountClosing.id)
    if found is None:
        return False
    event = "strand" if found.status == ClosingStatus.CLOSING else "resume"
    statuses.advance(found, event, at, SYSTEM)
    return True


def pay_rest(
    closing_id: UUID,
    currency: str,
    *,
    processor: str,
    reference: str,
    reason: str,
    payer: User,
    at: datetime,
) -> RestPayment:
    """Write down that an operator paid the rest in this currency; the same reference, once.

    Raises:
        NotFound: no such account closes.
        WrongState: it is not the rest alone that is left.
        BadInput: there is no rest in this currency, it is the operator's own, our money lies
            elsewhere, or the reference is known of another.
    """
    found = db.session.get(AccountClosing, closing_id)
    if found is None:
        raise NotFound("no such closing")
    creator = lock(Creator, found.creator_id)
    closing = lock(AccountClosing, closing_id)
    assert creator is not None
    assert closing is not None
    known = db.session.scalars(select(RestPayment).filter_by(reference=reference)).one_or_none()
    if known is not None:
        if (known.creator_id, known.currency) != (creator.id, currency):
            raise BadInput("rest", {"reference": says("This reference is known: of another.")})
        return known
    if closing.status != ClosingStatus.UNPAYABLE:
        raise WrongState("account_closing", closing.status, "pay the rest")
    if refusals := _refusals(creator, payer, processor):
        raise BadInput("rest", refusals)
    amount = next((it for it in rests_of(creator) if it.currency == currency), None)
    if amount is None:
        raise BadInput("rest", {"currency": says("There is no rest in this currency.")})
    paid = RestPayment(
        id=new_id(),
        creator_id=creator.id,
        amount_minor=amount.minor,
        currency=currency,
        processor=processor,
        reference=reference,
        reason=reason,
        paid_by=f"user:{payer.id.hex}",
        paid_at=at,
    )
    db.session.add(paid)
    db.session.flush()
    journal.post(postings.rest_paid(processor, creator.ledger_owner, amount, paid.cause, at))
    _tell(paid)
    return paid


def _refusals(creator: Creator, payer: User, processor: str) -> dict[str, str]:
    """Why this operator cannot pay it out of this money, by field."""
    found: dict[str, str] = {}
    if creator.user_id == payer.id:
        found["reason"] = says("It is your own: another operator pays it.")
    if not registry.offers(processor):
        found["processor"] = says("None of our money lies there.")
    return found


def rails() -> list[str]:
    """Where our money lies: every rail that is set up here."""
    return [*registry.names(), *([Bank.name] if registry.offers(Bank.name) else [])]


def step_of(currency: str) -> int:
    """What a payout in this currency is a multiple of, in minor units; a rest is less."""
    return PAYOUT_STEPS.get(currency, 1)


def rests_of(creator: Creator) -> list[Money]:
    """What is available to a creator and too little to be sent, in each currency."""
    held = balances.balances_of(creator.ledger_owner)
    return [
        it.balance
        for it in held
        if it.account.kind == AccountKind.CREATOR_AVAILABLE
        and 0 < it.balance.minor < step_of(it.balance.currency)
    ]


def paid_rests(creator_id: UUID, currency: str, since: datetime, until: datetime) -> Money:
    """What was paid so at `since` <= instant < `until`."""
    minor = db.session.scalar(
        select(func.coalesce(func.sum(RestPayment.amount_minor), 0)).where(
            RestPayment.creator_id == creator_id,
            RestPayment.currency == currency,
            RestPayment.paid_at >= since,
            RestPayment.paid_at < until,
        )
    )
    return Money(int(minor or 0), currency)


def _only_a_rest() -> ColumnElement[bool]:
    """SQL: is something owed to whose account closes, and is all of it too little to be sent?"""
    held = balances.stored(AccountKind.CREATOR_AVAILABLE)
    step = case(PAYOUT_STEPS, value=held.c.currency, else_=1)
    mine = select(held.c.owner).where(
        held.c.owner == balances.owner_of("creator", AccountClosing.creator_id)
    )
    other = [it for it in CREATORS if it != AccountKind.CREATOR_AVAILABLE]
    return and_(
        mine.where(held.c.balance_minor > 0).exists(),
        not_(mine.where(held.c.balance_minor >= step).exists()),
        not_(_owed(*other)),
    )


def _owed(*kinds: AccountKind) -> ColumnElement[bool]:
    """SQL: is anything of these kinds owed to whose account closes?"""
    owed = []
    for kind in kinds:
        held = balances.stored(kind)
        mine = held.c.owner == balances.owner_of("creator", AccountClosing.creator_id)
        owed.append(select(held.c.owner).where(mine, held.c.balance_minor > 0).exists())
    return or_(*owed)


def _tell(paid: RestPayment) -> None:
    notices.to_creator(
        paid.creator_id,
        paid.paid_at,
        says("%(amount)s was paid to you another way.", amount=paid.amount),
        says(
            "It was too little to be sent to your account. How it was paid: %(reason)s. Its"
            " reference: %(reference)s.",
            reason=paid.reason.rstrip("."),
            reference=paid.reference,
        ),
        "/creator/payouts",
    )
