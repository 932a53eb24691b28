"""A brand's debt: whatever reaches its available balance repays it first.

It arises when a card's bank takes a payment back that was reserved or spent. Paying in, a campaign
that ends, a dispute that is won: each makes money available, and this job comes next.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_next
from marketplace.errors import says
from marketplace.extensions import Base, db
from marketplace.funding import deposit as deposits
from marketplace.funding import standing
from marketplace.funding.deposit import AMOUNT_MINOR_MIN, Deposit, Purpose
from marketplace.ledger import balances, dispute_postings, journal
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.notifications import notices
from marketplace.parties.brand import Brand


class BrandRepayment(Base):
    """What a brand repaid of its debt at one moment. Written once."""

    __tablename__ = "brand_repayment"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    at: Mapped[datetime]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def cause(self) -> Cause:
        return Cause("brand_repayment", self.id)


def repay_next(at: datetime) -> bool:
    """Repay what one brand owes in one currency, as far as it has money; False if none can."""
    owed = balances.stored(AccountKind.BRAND_DEBT)
    free = balances.stored(AccountKind.BRAND_AVAILABLE)
    able = (
        select(owed.c.currency, owed.c.balance_minor, free.c.balance_minor.label("free_minor"))
        .join(free, (free.c.owner == owed.c.owner) & (free.c.currency == owed.c.currency))
        .where(owed.c.balance_minor > 0, free.c.balance_minor > 0)
    )
    its_own = owed.c.owner == balances.owner_of("brand", Brand.id)
    brand = lock_next(Brand, able.where(its_own).correlate(Brand).exists(), order_by=Brand.id)
    if brand is None:
        return False
    mine = able.where(owed.c.owner == brand.ledger_owner).order_by(owed.c.currency).limit(1)
    row = db.session.execute(mine).one_or_none()
    if row is None:
        return False  # somebody else was faster
    repaid = BrandRepayment(
        id=new_id(),
        brand_id=brand.id,
        amount_minor=min(row.balance_minor, row.free_minor),
        currency=row.currency,
        at=at,
    )
    db.session.add(repaid)
    db.session.flush()
    amount = repaid.amount
    journal.post(dispute_postings.brand_debt_repaid(brand.ledger_owner, amount, repaid.cause, at))
    if not standing.of(brand.id).suspended:
        notices.to_brand(
            brand.id,
            at,
            says("Your debt of %(amount)s is repaid", amount=amount),
            says("Nothing is owed any more: your campaigns go on."),
            "/brand/money",
        )
    return True


def pay(
    brand: Brand,
    owed: Money,
    *,
    payer_id: UUID,
    payer_email: str,
    form_key: UUID,
    site_url: str,
    at: datetime,
) -> Deposit:
    """Ask for a hosted checkout over what a brand owes; no less than a card can bring."""
    return deposits.request(
        Purpose.DEBT,
        max(owed, Money(AMOUNT_MINOR_MIN, owed.currency)),
        requested_by=payer_id,
        payer_email=payer_email,
        form_key=form_key,
        site_url=site_url,
        description="What is owed after a dispute",
        at=at,
        brand_id=brand.id,
    )
