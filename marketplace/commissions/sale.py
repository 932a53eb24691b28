"""A sale: one order of a shop, whose it is, and what is owed for it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import String

from marketplace.commissions.code import PromoCode
from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db
from marketplace.money import Money, zero
from marketplace.statuses import Moves, Stateful, Wait, Waits


class SaleStatus(StrEnum):
    """Where a sale stands. Messages come in any order and end at the same status.

    awaited ──record──▶ recorded ──accrue──▶ accrued ──reverse──▶ nothing_due
                            │ └─lack─▶ unfunded ─accrue─▲            ▲
                            │             └─────────reverse──────────┤
                            ├──────────────reverse───────────────────┘
                            └─leave─▶ unattributed
    """

    AWAITED = "awaited"  # only a refund was heard of, the order itself is on its way
    RECORDED = "recorded"  # not paid by the buyer yet
    UNFUNDED = "unfunded"  # a commission is due, but the reserved money does not cover it
    ACCRUED = "accrued"
    UNATTRIBUTED = "unattributed"  # nobody's
    NOTHING_DUE = "nothing_due"  # canceled, refunded in full, or free


class Sale(Stateful):
    """One order of a shop. What the shop told of it comes first, then what we made of it."""

    __tablename__ = "sale"
    __table_args__ = (
        CheckConstraint(
            "status IN ('awaited', 'recorded', 'unfunded', 'accrued', 'unattributed',"
            " 'nothing_due')",
            name="status",
        ),
        CheckConstraint("(status = 'awaited') = (base_minor IS NULL)", name="known_once_recorded"),
        CheckConstraint(
            "status <> 'accrued' OR (earning_id IS NOT NULL AND commission_minor > 0)",
            name="accrued_has_an_earning",
        ),
        CheckConstraint("(creator_id IS NULL) = (promo_code_id IS NULL)", name="payee_has_a_code"),
        UniqueConstraint("storefront_id", "order_ref"),
        Index("ix_sale_brand", "brand_id", "id"),
        Index(
            "ix_sale_creator", "creator_id", "id", postgresql_where=text("creator_id IS NOT NULL")
        ),
        Index("ix_sale_unfunded", "id", postgresql_where=text("status = 'unfunded'")),
    )

    MOVES: ClassVar[Moves] = {
        (SaleStatus.AWAITED, "record"): SaleStatus.RECORDED,
        (SaleStatus.RECORDED, "accrue"): SaleStatus.ACCRUED,
        (SaleStatus.RECORDED, "lack"): SaleStatus.UNFUNDED,
        (SaleStatus.RECORDED, "leave"): SaleStatus.UNATTRIBUTED,
        (SaleStatus.RECORDED, "reverse"): SaleStatus.NOTHING_DUE,
        (SaleStatus.UNFUNDED, "accrue"): SaleStatus.ACCRUED,
        (SaleStatus.UNFUNDED, "reverse"): SaleStatus.NOTHING_DUE,
        (SaleStatus.ACCRUED, "reverse"): SaleStatus.NOTHING_DUE,
    }
    WAITS: ClassVar[Waits] = {
        SaleStatus.AWAITED: Wait(on="shop", due=lambda it: None, then="record"),
        SaleStatus.RECORDED: Wait(on="buyer", due=lambda it: None, then="accrue"),
        SaleStatus.UNFUNDED: Wait(on="brand", due=lambda it: None, then="accrue"),
    }

    storefront_id: Mapped[UUID] = mapped_column(ForeignKey("storefront.id"))
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"))
    order_ref: Mapped[str]  # the shop's own id
    order_name: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    base_minor: Mapped[int | None]  # paid for the goods, net of discounts, tax and shipping
    refunded_minor: Mapped[int] = mapped_column(default=0)
    lines: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    codes: Mapped[list[str]] = mapped_column(ARRAY(String), default=list)
    clicks: Mapped[list[str]] = mapped_column(ARRAY(String), default=list)
    buyer: Mapped[str | None]  # hash of their mail address
    placed_at: Mapped[datetime | None]
    is_paid: Mapped[bool] = mapped_column(default=False)
    is_canceled: Mapped[bool] = mapped_column(default=False)
    is_test: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # whose sale it is, and why
    promo_code_id: Mapped[UUID | None] = mapped_column(ForeignKey("promo_code.id"))
    creator_id: Mapped[UUID | None] = mapped_column(ForeignKey("creator.id"))
    commission_minor: Mapped[int] = mapped_column(default=0)  # what the creator keeps of it now
    platform_fee_minor: Mapped[int] = mapped_column(default=0)
    paid_from: Mapped[str | None]  # owner of the account it was accrued from
    earning_id: Mapped[UUID | None] = mapped_column(ForeignKey("earning.id"), unique=True)

    promo_code: Mapped[PromoCode | None] = relationship()

    @property
    def base(self) -> Money | None:
        return None if self.base_minor is None else Money(self.base_minor, self.currency)

    @property
    def refunded(self) -> Money:
        return Money(self.refunded_minor, self.currency)

    @property
    def commission(self) -> Money:
        return Money(self.commission_minor, self.currency)

    @property
    def platform_fee(self) -> Money:
        return Money(self.platform_fee_minor, self.currency)

    @property
    def source_ref(self) -> str:
        return f"sale:{self.id.hex}"


class SaleRefund(Base):
    """Money that a shop gave back of an order, once each. Written once."""

    __tablename__ = "sale_refund"
    __table_args__ = (
        UniqueConstraint("sale_id", "refund_ref"),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sale_id: Mapped[UUID] = mapped_column(ForeignKey("sale.id"))
    refund_ref: Mapped[str]  # the shop's own id
    amount_minor: Mapped[int]  # of the price paid for the goods
    currency: Mapped[str]
    refunded_at: Mapped[datetime]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


def gross(sale: Sale) -> Money:
    """What a commission costs the brand, the platform fee included."""
    return sale.commission + sale.platform_fee


def missing(sale: Sale, free: Money | None) -> Money | None:
    """What an unfunded sale lacks where its campaign has `free`; None if it lacks nothing."""
    if sale.status != SaleStatus.UNFUNDED:
        return None
    short = gross(sale) - (free or zero(sale.currency))
    return short if short.minor > 0 else None


def refunds_of(sale: Sale) -> list[SaleRefund]:
    """What was given back of an order, oldest first."""
    statement = select(SaleRefund).where(SaleRefund.sale_id == sale.id)
    return list(db.session.scalars(statement.order_by(SaleRefund.refunded_at, SaleRefund.id)))
