"""Who followed a creator's link, and when.

A token travels to the shop in the query and comes back with the order.
Nothing is kept of the visitor, and nothing in their browser.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.commissions.code import PromoCode
from marketplace.extensions import Base, db
from marketplace.storefronts.reading import CLICK_PARAMETER
from marketplace.storefronts.storefront import Storefront


class Click(Base):
    """One visit by a link. Written once."""

    __tablename__ = "click"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    promo_code_id: Mapped[UUID] = mapped_column(ForeignKey("promo_code.id"))
    token: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]


def shop_of(promo_code: PromoCode) -> Storefront | None:
    """Where a link leads: the brand's oldest shop in the agreement's currency, else its oldest."""
    statement = (
        select(Storefront)
        .where(Storefront.brand_id == promo_code.brand_id)
        .order_by(Storefront.currency != promo_code.currency, Storefront.created_at, Storefront.id)
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def follow(link_token: str, at: datetime) -> str | None:
    """Write down a visit; return where it leads, or None if there is no such link or no shop.

    A link that has ended still leads to the shop, without a token.
    """
    found = select(PromoCode).where(PromoCode.link_token == link_token)
    promo_code = db.session.scalars(found).one_or_none()
    shop = shop_of(promo_code) if promo_code else None
    if promo_code is None or shop is None:
        return None
    address = f"https://{shop.shop_domain}/"
    if promo_code.ended_at is not None:
        return address
    token = secrets.token_urlsafe(12)
    db.session.add(Click(promo_code_id=promo_code.id, token=token, at=at))
    return f"{address}?{urlencode({CLICK_PARAMETER: token})}"
