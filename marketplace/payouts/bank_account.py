"""A bank account as a destination: named by its creator, accepted by an operator.

Nobody but a bank knows whose an account is, and ours says so only when it gets the file. So an
operator looks first: is the holder the creator? Each of them is answerable for that by name.

name ──▶ onboarding ──accept──▶ active, and cools off
             ├──refuse──▶ refused, with the reason
             └──withdraw──▶ refused (`receiver.withdraw`)
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import sepa, statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db
from marketplace.notifications import notices as mails
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import destination as destinations
from marketplace.payouts import notices, sealing
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.gate import BANK_REVIEW
from marketplace.processors.bank import Bank

PROCESSOR = Bank.name


class BankAccount(Base):
    """What is paid to: written once, the IBAN sealed. Pages show what `Destination` has of it."""

    __tablename__ = "bank_account"
    __table_args__ = (Index("ix_bank_account_likeness", "likeness"),)

    destination_id: Mapped[UUID] = mapped_column(ForeignKey("destination.id"), primary_key=True)
    holder: Mapped[str]  # as it is written to banks
    sealed_iban: Mapped[bytes] = mapped_column(LargeBinary)
    likeness: Mapped[str]  # equal for equal IBANs

    @property
    def iban(self) -> str:
        """The whole of it: for the file that pays it, and for nothing else."""
        return sealing.unseal(self.sealed_iban).decode()


def name(creator_id: UUID, holder: str, iban: str, actor: str, at: datetime) -> Destination:
    """Write down where this creator wants to be paid; a second ask returns the first."""
    creator = lock(Creator, creator_id)  # two clicks at once: the second waits, then finds
    assert creator is not None
    existing = destinations.current(creator_id)
    if existing is not None:
        return existing
    destination = Destination(
        id=new_id(),
        creator_id=creator_id,
        processor=PROCESSOR,
        status=DestinationStatus.ONBOARDING,
        remote_account=sepa.masked(iban),
        requirements=[BANK_REVIEW],
        created_at=at,
    )
    statuses.born(destination, at, actor)
    db.session.flush()
    db.session.add(
        BankAccount(
            destination_id=destination.id,
            holder=holder,
            sealed_iban=sealing.seal(iban.encode()),
            likeness=sealing.likeness(iban),
        )
    )
    notices.asked_for(creator, at)
    return destination


def replace(creator_id: UUID, holder: str, iban: str, actor: str, at: datetime) -> Destination:
    """Be paid to this account from now on: the old destination is retired.

    A second ask returns the first, as long as that waits for an operator.

    Raises:
        WrongState: the old one is still being opened.
    """
    lock(Creator, creator_id)
    if not waits(destinations.current(creator_id)):
        destinations.retire(creator_id, actor, at)
    return name(creator_id, holder, iban, actor, at)


def waits(destination: Destination | None) -> bool:
    """Is this a bank account that no operator has looked at yet?"""
    return (
        destination is not None
        and destination.processor == PROCESSOR
        and destination.status == DestinationStatus.ONBOARDING
    )


def accept(destination: Destination, operator: User, reason: str, at: datetime) -> None:
    """An operator says that the holder is the creator. The caller has locked it.

    Raises:
        BadInput: the account is the operator's own.
        WrongState: it is decided already, or withdrawn.
    """
    if statuses.allows(destination, "activate"):
        _refuse_own(destination, operator)
        destination.requirements = []
        destinations.begin_cooling(destination, at)
    statuses.advance(destination, "activate", at, _actor(operator), reason)


def refuse(destination: Destination, operator: User, reason: str, at: datetime) -> None:
    """An operator does not accept it; the creator reads why. The caller has locked it.

    Raises:
        WrongState: it is decided already, or withdrawn.
    """
    statuses.advance(destination, "refuse", at, _actor(operator), reason)
    destination.refusal = reason
    why = reason.rstrip(".")
    mails.to_creator(
        destination.creator_id,
        at,
        says("Your bank account was not accepted"),
        says("The reason: %(reason)s. Name another one on your payouts page.", reason=why),
        "/creator/payouts",
    )


def alike(account: BankAccount) -> list[Creator]:
    """Other creators who named the same account, now or before."""
    own = select(Destination.creator_id).where(Destination.id == account.destination_id)
    return list(
        db.session.scalars(
            select(Creator)
            .join(Destination, Destination.creator_id == Creator.id)
            .join(BankAccount, BankAccount.destination_id == Destination.id)
            .where(BankAccount.likeness == account.likeness, Creator.id.not_in(own))
            .distinct()
            .order_by(Creator.id)
        )
    )


def _refuse_own(destination: Destination, operator: User) -> None:
    creator = db.session.get_one(Creator, destination.creator_id)
    if creator.user_id == operator.id:
        own = says("This account is your own: another operator must look at it.")
        raise BadInput("own account", {"decision": own})


def _actor(operator: User) -> str:
    return f"user:{operator.id.hex}"
