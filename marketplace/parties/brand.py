"""A brand and the people who act for it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db
from marketplace.parties.user import User


class Brand(Base):
    """A company that buys work. Its business days are those of its time zone."""

    __tablename__ = "brand"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    time_zone: Mapped[str]
    created_at: Mapped[datetime]

    @property
    def ledger_owner(self) -> str:
        return f"brand:{self.id.hex}"


class Membership(Base):
    """That a person acts for a brand, and in which role."""

    __tablename__ = "membership"
    __table_args__ = (CheckConstraint("role IN ('owner')", name="role"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"), primary_key=True, index=True)
    role: Mapped[str]
    created_at: Mapped[datetime]


def found(owner: User, name: str, time_zone: str, at: datetime) -> Brand:
    """Begin a brand with its first member."""
    brand = Brand(name=name.strip(), time_zone=time_zone, created_at=at)
    db.session.add(brand)
    db.session.flush()
    db.session.add(Membership(user_id=owner.id, brand_id=brand.id, role="owner", created_at=at))
    return brand


def of_user(user: User) -> Brand | None:
    """The brand this person acts for: the one they joined first."""
    statement = (
        select(Brand)
        .join(Membership, Membership.brand_id == Brand.id)
        .where(Membership.user_id == user.id)
        .order_by(Membership.created_at, Brand.id)
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()
