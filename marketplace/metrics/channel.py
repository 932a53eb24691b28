"""A channel: where a creator publishes. It is born by the import that first names it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db

PLATFORMS = ("tiktok", "instagram", "youtube", "twitch")

# What a channel is about, as imports, campaigns and filters name it. A new one goes to the end,
# with a migration: its place is its bit in `creator_facts.category_bits`.
CATEGORIES = (
    *("beauty", "education", "family", "fashion", "fitness", "food", "gaming", "home"),
    *("music", "outdoors", "pets", "tech", "travel"),
)


def category_bits(names: Collection[str]) -> int:
    """These categories as one number, a bit for each; what is no category has none."""
    return sum(1 << place for place, name in enumerate(CATEGORIES) if name in names)


class Channel(Base):
    """One account on one platform, of one creator."""

    __tablename__ = "channel"
    __table_args__ = (
        UniqueConstraint("platform", "handle"),
        CheckConstraint("handle = lower(handle)", name="handle_lower_case"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), index=True)
    platform: Mapped[str]
    handle: Mapped[str]  # theirs on that platform, without '@'
    categories: Mapped[list[str]] = mapped_column(ARRAY(String), default=list)
    created_at: Mapped[datetime]


def of_creator(creator_id: UUID) -> list[Channel]:
    """The channels of a creator."""
    statement = select(Channel).where(Channel.creator_id == creator_id)
    return list(db.session.scalars(statement.order_by(Channel.platform, Channel.handle)))
