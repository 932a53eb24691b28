"""What a channel did on a day, as it was imported."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base


class ChannelDay(Base):
    """One channel on one day (UTC). `import_id` is the import that wrote what stands."""

    __tablename__ = "channel_day"
    __table_args__ = (
        UniqueConstraint("channel_id", "day"),
        CheckConstraint("authentic_views BETWEEN 0 AND views", name="authentic_views"),
        CheckConstraint("followers >= 0 AND engagements >= 0", name="not_negative"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("channel.id"))
    day: Mapped[date]
    followers: Mapped[int]  # at the end of the day
    views: Mapped[int]
    authentic_views: Mapped[int]  # watched by a person, not paid for
    engagements: Mapped[int]
    import_id: Mapped[UUID] = mapped_column(ForeignKey("metric_import.id"))
