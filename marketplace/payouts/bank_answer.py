"""What became of a file, as an operator reads it in our bank's statement and writes it down.

executed    the bank paid it on that day: every payment of it that has no other answer is paid
not_paid    one payment was rejected, or came back later: the money is available again

Each answer names its operator, the day, and the bank's reference for it, and is never changed. What
is wrong with an account waits for its creator's word, as any payout that comes back; what was our
own fault does not.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_all
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import Base, db
from marketplace.ledger import journal
from marketplace.ledger.draft import Draft
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import returning, settling
from marketplace.payouts.bank_file import BankFile, BankFilePayment
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.processors import registry
from marketplace.processors.base import Snapshot

# The bank's reasons (ISO 20022, external status and return reason codes) that name the account.
ACCOUNT_CODES = (
    *("AC01", "AC04", "AC06", "AG01", "AM05", "BE01", "BE04", "MD07", "MS02", "MS03"),
    *("RC01", "RR03", "RR04"),
)
# Those that are our own doing: the creator has nothing to look at.
OUR_CODES = ("AM04", "DS02", "FOCR")
CODES = ACCOUNT_CODES + OUR_CODES


class BankAnswer(Base):
    """One answer to one payment. Written once, never changed."""

    __tablename__ = "bank_answer"
    __table_args__ = (
        UniqueConstraint("payout_id", "kind"),
        CheckConstraint("kind IN ('executed', 'rejected', 'returned')", name="kind"),
        CheckConstraint("(kind = 'executed') = (code IS NULL)", name="code_says_why_not"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payout_id: Mapped[UUID] = mapped_column(ForeignKey("bank_file_payment.payout_id"))
    kind: Mapped[str]
    code: Mapped[str | None]
    answered_on: Mapped[date]
    reference: Mapped[str]  # the bank's: where in the statement it stands
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


def executed(file: BankFile, on: date, reference: str, operator: User, at: datetime) -> int:
    """The bank paid the file on that day; return how many payouts that paid.

    Raises:
        BadInput: the day is before the file or has not come, or the operator is paid by it.
        WrongState: every payment has an answer.
    """
    _refuse_day(file, on, at)
    of_file = select(BankFilePayment.payout_id).where(BankFilePayment.file_id == file.id)
    payouts = lock_all(
        Payout,
        Payout.id.in_(of_file),
        Payout.status == PayoutStatus.SENDING,
        order_by=Payout.id,
    )
    if not payouts:
        raise WrongState("bank file", "answered", "execute")
    drafts: list[Draft] = []
    for payout in payouts:
        _refuse_own(payout, operator)
        drafts += settling.settle(payout, _transfer(payout, "paid"), at)
        _write(payout, "executed", None, on, reference, operator, at)
    journal.post_many(drafts)
    return len(payouts)


def not_paid(
    payout: Payout,
    file: BankFile,
    code: str,
    on: date,
    reference: str,
    operator: User,
    at: datetime,
) -> None:
    """The bank rejected this payment, or it came back after it was paid. The caller locked it.

    Raises:
        BadInput: the day is before the file or has not come, or the operator is paid by it.
        WrongState: it has ended already.
    """
    _refuse_day(file, on, at)
    _refuse_own(payout, operator)
    if payout.status == PayoutStatus.PAID:
        _write(payout, "returned", code, on, reference, operator, at)
        returning.returned(payout, _transfer(payout, "reversed", code), at)
    elif payout.status == PayoutStatus.SENDING:
        _write(payout, "rejected", code, on, reference, operator, at)
        if code in OUR_CODES:
            settling.failed(payout, _transfer(payout, "failed", code), at)
        else:
            settling.never_claimed(payout, _transfer(payout, "returned", code), at)
    else:
        raise WrongState("payout", payout.status, "return")


def answers_of(payout_id: UUID) -> list[BankAnswer]:
    """What was written down of one payment, the first first."""
    found = select(BankAnswer).filter_by(payout_id=payout_id)
    return list(db.session.scalars(found.order_by(BankAnswer.id)))


def _transfer(payout: Payout, state: str, code: str | None = None) -> Snapshot:
    """The bank's word on a payment in our normal form; its reference is our own."""
    payment = db.session.get_one(BankFilePayment, payout.id)
    destination = db.session.get_one(Destination, payout.destination_id)
    return Snapshot(
        kind="transfer",
        remote_id=payment.payout_id.hex,
        our_ref=payout.id.hex,
        state=state,
        livemode=registry.livemode(),
        amount=payout.amount,
        account=destination.remote_account,
        requirements=(code,) if code else (),
    )


def _write(
    payout: Payout,
    kind: str,
    code: str | None,
    on: date,
    reference: str,
    operator: User,
    at: datetime,
) -> None:
    db.session.add(
        BankAnswer(
            payout_id=payout.id,
            kind=kind,
            code=code,
            answered_on=on,
            reference=reference,
            recorded_by=f"user:{operator.id.hex}",
            recorded_at=at,
        )
    )


def _refuse_day(file: BankFile, on: date, at: datetime) -> None:
    first, last = file.made_at.date(), at.date()
    if not first <= on <= last:
        wrong = says("From %(first)s, when the file was made, to today.", first=first)
        raise BadInput("day", {"answered_on": wrong})


def _refuse_own(payout: Payout, operator: User) -> None:
    creator = db.session.get_one(Creator, payout.creator_id)
    if creator.user_id == operator.id:
        own = says("You are paid by it: another operator must write the bank's answer down.")
        raise BadInput("own payout", {"reference": own})
