"""A creator's promo code and tracked link, and the terms on which sales by them are paid."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.earnings.terms import Terms
from marketplace.extensions import Base, db
from marketplace.parties.creator import Creator

RATE_BPS_MIN, RATE_BPS_MAX = 100, 8_000


class PromoCode(Base):
    """What one agreement gives its creator to sell by. The terms are the agreement's own."""

    __tablename__ = "promo_code"
    __table_args__ = (
        CheckConstraint(f"rate_bps BETWEEN {RATE_BPS_MIN} AND {RATE_BPS_MAX}", name="rate_bps"),
        # Shops take a code in any case of letters; each of a brand's codes is one creator's.
        Index("uq_promo_code_code", "brand_id", func.lower("code"), unique=True),
        Index("ix_promo_code_creator", "creator_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agreement_id: Mapped[UUID] = mapped_column(unique=True)
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"))
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"))
    source_owner: Mapped[str]  # whose reserved money pays: 'campaign:<32 hex>'
    code: Mapped[str]
    link_token: Mapped[str] = mapped_column(unique=True)
    rate_bps: Mapped[int]
    platform_fee_bps: Mapped[int]
    maturity_days: Mapped[int]
    fee_on_top: Mapped[bool]
    currency: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # orders placed from then on are nobody's by it

    @property
    def terms(self) -> Terms:
        return Terms(self.platform_fee_bps, self.maturity_days, self.fee_on_top)


def issue(
    agreement_id: UUID,
    creator_id: UUID,
    brand_id: UUID,
    source_owner: str,
    rate_bps: int,
    terms: Terms,
    currency: str,
    at: datetime,
) -> PromoCode:
    """Give the creator of an agreement a code and a link; a second time, those they have.

    Raises:
        IntegrityError: somebody took the same code at this very moment.
    """
    existing = of_agreement(agreement_id)
    if existing is not None:
        return existing
    creator = db.session.get_one(Creator, creator_id)
    promo_code = PromoCode(
        agreement_id=agreement_id,
        brand_id=brand_id,
        creator_id=creator_id,
        source_owner=source_owner,
        code=_free_code(brand_id, creator.handle, rate_bps),
        link_token=secrets.token_urlsafe(9),
        rate_bps=rate_bps,
        platform_fee_bps=terms.platform_fee_bps,
        maturity_days=terms.maturity_days,
        fee_on_top=terms.fee_on_top,
        currency=currency,
        created_at=at,
        ended_at=None,
    )
    db.session.add(promo_code)
    db.session.flush()
    return promo_code


def of_agreement(agreement_id: UUID) -> PromoCode | None:
    """The code of an agreement; None if it pays no commission."""
    statement = select(PromoCode).where(PromoCode.agreement_id == agreement_id)
    return db.session.scalars(statement).one_or_none()


def of_creator(creator_id: UUID) -> list[PromoCode]:
    """A creator's codes, newest first."""
    statement = select(PromoCode).where(PromoCode.creator_id == creator_id)
    return list(db.session.scalars(statement.order_by(PromoCode.id.desc())))


def of_brand(brand_id: UUID) -> list[PromoCode]:
    """The codes of a brand's agreements that count now, newest first."""
    statement = select(PromoCode).where(
        PromoCode.brand_id == brand_id, PromoCode.ended_at.is_(None)
    )
    return list(db.session.scalars(statement.order_by(PromoCode.id.desc())))


def _free_code(brand_id: UUID, handle: str, rate_bps: int) -> str:
    """'INES15' of ines at 15 %; if the brand has it already, 'INES15X2' and so on."""
    name = re.sub("[^A-Z0-9]", "", handle.upper())[:16]
    wanted = f"{name}{rate_bps // 100}"
    taken = set(
        db.session.scalars(
            select(func.upper(PromoCode.code)).where(
                PromoCode.brand_id == brand_id, func.upper(PromoCode.code).startswith(wanted)
            )
        )
    )
    code, number = wanted, 2
    while code in taken:
        code, number = f"{wanted}X{number}", number + 1
    return code
