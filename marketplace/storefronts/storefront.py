"""A storefront: a brand's shop, the secret it signs with, and the software it runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db
from marketplace.storefronts import shopify, woocommerce
from marketplace.storefronts.order import News


@dataclass(frozen=True)
class Software:
    """What a kind of shop sends: its headers, its topics, and how a message is read."""

    name: str
    signature_header: str
    id_header: str
    topic_header: str
    topics: frozenset[str]
    first_topics: frozenset[str]  # of them, those that tell of an order and take nothing back
    read: Callable[[str, str, Mapping[str, Any], str], News]


SOFTWARE: dict[str, Software] = {
    "shopify": Software(
        "Shopify",
        "X-Shopify-Hmac-Sha256",
        "X-Shopify-Webhook-Id",
        "X-Shopify-Topic",
        shopify.TOPICS,
        frozenset({"orders/create", "orders/paid"}),
        shopify.read,
    ),
    "woocommerce": Software(
        "WooCommerce",
        "X-WC-Webhook-Signature",
        "X-WC-Webhook-Delivery-ID",
        "X-WC-Webhook-Topic",
        woocommerce.TOPICS,
        frozenset({"order.created"}),
        woocommerce.read,
    ),
}


FIRST_TOPICS = frozenset().union(*(software.first_topics for software in SOFTWARE.values()))


class Storefront(Base):
    """A shop of a brand. Without a secret nothing that claims to come from it is believed."""

    __tablename__ = "storefront"
    __table_args__ = (
        CheckConstraint("kind IN ('shopify', 'woocommerce')", name="kind"),
        CheckConstraint("shop_domain = lower(shop_domain)", name="shop_domain_lower_case"),
        UniqueConstraint("brand_id", "kind", "shop_domain"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"))
    form_key: Mapped[UUID] = mapped_column(unique=True)
    kind: Mapped[str]
    shop_domain: Mapped[str]
    currency: Mapped[str]
    secret: Mapped[str | None]
    created_at: Mapped[datetime]

    @property
    def software(self) -> Software:
        return SOFTWARE[self.kind]


def add(
    brand_id: UUID, kind: str, shop_domain: str, currency: str, *, form_key: UUID, at: datetime
) -> Storefront:
    """Add a shop to a brand.

    Raises:
        BadInput: the brand has this shop already.
    """
    domain = shop_domain.lower()
    known = select(Storefront.id).filter_by(brand_id=brand_id, kind=kind, shop_domain=domain)
    if db.session.scalars(known).first() is not None:
        raise BadInput("shop", {"shop_domain": says("You have added this shop already.")})
    storefront = Storefront(
        brand_id=brand_id,
        form_key=form_key,
        kind=kind,
        shop_domain=domain,
        currency=currency,
        secret=None,
        created_at=at,
    )
    db.session.add(storefront)
    db.session.flush()
    return storefront


def new_secret(storefront: Storefront) -> str:
    """Give a shop a fresh secret; the old one counts no more. Show it once."""
    storefront.secret = secrets.token_urlsafe(32)
    return storefront.secret


def of_brand(brand_id: UUID) -> list[Storefront]:
    """A brand's shops, the oldest first."""
    statement = select(Storefront).where(Storefront.brand_id == brand_id)
    return list(db.session.scalars(statement.order_by(Storefront.created_at, Storefront.id)))
