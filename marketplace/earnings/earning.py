"""An earning: a creator is owed this, for that reason, and it matures then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.earnings.terms import Terms, terms_of
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import AccountRef, Cause, Draft
from marketplace.money import Money
from marketplace.statuses import Moves, Stateful, Wait, Waits


class EarningKind(StrEnum):
    """Ways to earn."""

    FUND = "fund"
    GIFT = "gift"
    FLAT_FEE = "flat_fee"
    COMMISSION = "commission"
    PRIZE = "prize"


class EarningStatus(StrEnum):
    """Where an earning stands.

    pending ──mature──▶ available ◀─release─┐
     │  │ ▲                 │               │
     │  │ └──────resume─────┼────────┐      │
     │  └──contest────▶ contested ◀──┴──────┘   (held, see `hold`)
     │                      │
    reverse ◀───────────────┘   (all of it was clawed back before it was available)
     ▼
    reversed
    """

    PENDING = "pending"
    AVAILABLE = "available"
    CONTESTED = "contested"
    REVERSED = "reversed"


class Earning(Stateful):
    """One line of income: gross = platform fee + net. Its amounts stay; see `clawback`."""

    __tablename__ = "earning"
    __table_args__ = (
        UniqueConstraint("kind", "source_ref"),  # one source is owed once
        CheckConstraint("net_minor > 0 AND platform_fee_minor >= 0", name="net_positive"),
        CheckConstraint("gross_minor = platform_fee_minor + net_minor", name="parts_sum_to_whole"),
        CheckConstraint(
            "status IN ('pending', 'available', 'contested', 'reversed')", name="status"
        ),
        CheckConstraint(
            "(status = 'contested') = (review_at IS NOT NULL)", name="contested_is_decided_by"
        ),
        Index("ix_earning_due", "matures_at", postgresql_where=text("status = 'pending'")),
        Index("ix_earning_review", "review_at", postgresql_where=text("status = 'contested'")),
        Index("ix_earning_creator", "creator_id", "accrued_at"),
    )

    MOVES: ClassVar[Moves] = {
        (EarningStatus.PENDING, "mature"): EarningStatus.AVAILABLE,
        (EarningStatus.PENDING, "reverse"): EarningStatus.REVERSED,
        (EarningStatus.PENDING, "contest"): EarningStatus.CONTESTED,
        (EarningStatus.AVAILABLE, "contest"): EarningStatus.CONTESTED,
        (EarningStatus.CONTESTED, "resume"): EarningStatus.PENDING,
        (EarningStatus.CONTESTED, "release"): EarningStatus.AVAILABLE,
        (EarningStatus.CONTESTED, "reverse"): EarningStatus.REVERSED,
    }
    WAITS: ClassVar[Waits] = {
        EarningStatus.PENDING: Wait(on="time", due=lambda it: it.matures_at, then="mature"),
        # The default favours the creator.
        EarningStatus.CONTESTED: Wait(on="operator", due=lambda it: it.review_at, then="release"),
    }

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"))
    kind: Mapped[str]
    source_ref: Mapped[str]
    gross_minor: Mapped[int]
    platform_fee_minor: Mapped[int]
    net_minor: Mapped[int]
    currency: Mapped[str]
    accrued_at: Mapped[datetime]
    matures_at: Mapped[datetime]
    review_at: Mapped[datetime | None]  # of a contested earning: by when it is decided

    @property
    def net(self) -> Money:
        return Money(self.net_minor, self.currency)

    @property
    def platform_fee(self) -> Money:
        return Money(self.platform_fee_minor, self.currency)

    @property
    def creator_owner(self) -> str:
        return f"creator:{self.creator_id.hex}"

    @property
    def cause(self) -> Cause:
        return Cause("earning", self.id)


@dataclass(frozen=True)
class Owed:
    """What a source decided: this creator earned that much, paid from this account.

    `amount` is what was agreed: a price, a rate's share, a prize; the terms say whether the
    platform fee is taken out of it or comes on top. `source_ref` is what earned it, such as
    'import:G-1042'. `terms` are those an agreement froze; without, those that hold now.
    """

    kind: EarningKind
    creator_id: UUID
    amount: Money
    source: AccountRef
    source_ref: str
    terms: Terms | None = None


def accrue(
    owed: Sequence[Owed], actor: str, at: datetime, *, also: Sequence[Draft] = ()
) -> list[Earning]:
    """Owe creators what they earned, in one posting of the books; return the earnings in order.

    Our platform fee and the maturity come from the line's own terms, or those that hold at `at`.
    `also` is what else happens in the same posting, such as giving back what was not awarded.

    Raises:
        InsufficientFunds: a source does not hold what it should pay.
        IntegrityError: one of the sources was accrued before (`UNIQUE (kind, source_ref)`).
    """
    current = {kind: terms_of(kind, at) for kind in {line.kind for line in owed}}
    earnings = []
    drafts = []
    for line in owed:
        terms = line.terms or current[line.kind]
        net, platform_fee = terms.split(line.amount)
        earning = Earning(
            id=new_id(),
            creator_id=line.creator_id,
            kind=line.kind,
            source_ref=line.source_ref,
            gross_minor=net.minor + platform_fee.minor,
            platform_fee_minor=platform_fee.minor,
            net_minor=net.minor,
            currency=net.currency,
            status=EarningStatus.PENDING,
            accrued_at=at,
            matures_at=at + timedelta(days=terms.maturity_days),
        )
        statuses.born(earning, at, actor)
        earnings.append(earning)
        drafts.append(
            postings.earning_accrued(
                line.source, earning.creator_owner, net, platform_fee, earning.cause, at
            )
        )
    db.session.flush()
    journal.post_many([*drafts, *also])
    return earnings
