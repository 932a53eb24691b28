"""A file of credit transfers, kept as it was made: for one run, exported once, downloaded at will.

The database refuses any change of these rows. The content names creators' accounts, so it is
sealed; its SHA-256 is of what is downloaded, to be compared with what the bank received.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.errors import MarketplaceError
from marketplace.extensions import Base, db
from marketplace.money import Money
from marketplace.payouts import sealing
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.processors import bank_file

NUMBER_MAX = 999
TIME_ZONE = "Europe/Brussels"  # of the days on which transfers are executed


class Tampered(MarketplaceError):
    """A stored file is not the one that was made."""

    status, code = 500, "tampered"


class BankFile(Base):
    """One file. Further ones of the same run pay what was held when the first was made."""

    __tablename__ = "bank_file"
    __table_args__ = (
        UniqueConstraint("run_id", "currency", "number"),
        CheckConstraint(f"number BETWEEN 1 AND {NUMBER_MAX}", name="number"),
        CheckConstraint("payments > 0 AND total_minor > 0", name="pays"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_run.id"))
    currency: Mapped[str]
    number: Mapped[int]  # of the run's files in this currency
    message_id: Mapped[str] = mapped_column(unique=True)  # by which the bank knows it
    payments: Mapped[int]
    total_minor: Mapped[int]
    execute_on: Mapped[date]
    made_at: Mapped[datetime]
    sha256: Mapped[str]
    sealed_content: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_sha256: Mapped[str]  # which the database can prove by itself

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def executed_at(self) -> datetime:
        """The end of the day on which our bank pays it: from then on its statement says so."""
        day_after = self.execute_on + timedelta(days=1)
        return datetime.combine(day_after, time(), ZoneInfo(TIME_ZONE)).astimezone(UTC)

    @property
    def filename(self) -> str:
        return f"{self.message_id}.xml"


class BankFilePayment(Base):
    """That a payout is in a file: no payout is ever in two."""

    __tablename__ = "bank_file_payment"

    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payout.id"), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("bank_file.id"), index=True)
    amount_minor: Mapped[int]


class BankFileDownload(Base):
    """Who took the file, and when."""

    __tablename__ = "bank_file_download"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("bank_file.id"), index=True)
    downloaded_by: Mapped[str]
    downloaded_at: Mapped[datetime]


def sha256(content: bytes) -> str:
    """The hash by which two files are compared, in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def content_of(file: BankFile) -> bytes:
    """The file, byte for byte as it was made.

    Raises:
        Tampered: it is another one.
        Unreadable: none of our keys opens it.
    """
    content = sealing.unseal(file.sealed_content)
    if sha256(content) != file.sha256:
        raise Tampered(f"file {file.message_id} is not the one that was made")
    return content


def download(file: BankFile, actor: str, at: datetime) -> bytes:
    """Hand the file out, and write down to whom."""
    content = content_of(file)
    db.session.add(BankFileDownload(file_id=file.id, downloaded_by=actor, downloaded_at=at))
    return content


def downloads(file: BankFile) -> Sequence[BankFileDownload]:
    """Who took the file so far, the first one first."""
    taken = select(BankFileDownload).filter_by(file_id=file.id)
    return db.session.scalars(taken.order_by(BankFileDownload.downloaded_at)).all()


def payouts_in(file_id: UUID) -> Sequence[Payout]:
    """The payouts of a file, in its order."""
    of_file = select(BankFilePayment.payout_id).where(BankFilePayment.file_id == file_id)
    return db.session.scalars(
        select(Payout).where(Payout.id.in_(of_file)).order_by(Payout.id)
    ).all()


def of_payout(payout_id: UUID) -> BankFile | None:
    """The file that pays this payout."""
    payment = db.session.get(BankFilePayment, payout_id)
    return db.session.get_one(BankFile, payment.file_id) if payment else None


def is_answered(payouts: Sequence[Payout]) -> bool:
    """Has the bank's answer to every payment been written down?"""
    return all(payout.status != PayoutStatus.SENDING for payout in payouts)


def faults(file: BankFile) -> list[str]:
    """What is wrong with a stored file: its hash, its schema, its sums, or whom it pays what."""
    try:
        said = bank_file.read(content_of(file))
    except (MarketplaceError, bank_file.Malformed) as error:
        return [str(error)]
    accounts = {
        payout.id.hex: (payout.amount, db.session.get_one(BankAccount, payout.destination_id))
        for payout in payouts_in(file.id)
    }
    wanted = sorted(
        (reference, account.holder, account.iban, amount.minor)
        for reference, (amount, account) in accounts.items()
    )
    written = sorted((it.reference, it.name, it.iban, it.amount.minor) for it in said)
    found = [] if written == wanted else ["it pays others, or other amounts, than our payouts"]
    if bank_file.total(said) != file.total or len(said) != file.payments:
        found.append("its sums are not those that were kept")
    return found
