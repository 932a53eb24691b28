"""One event as somebody told us: stored once, with what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.extensions import Base

STATES = ("new", "retry", "done", "ignored", "quarantined", "parked")


class WebhookEvent(Base):
    """One event as a processor or a shop sent it, and what came of it."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        # Outcome and time agree.
        CheckConstraint(
            "(handled_at IS NOT NULL) = (state IN ('done', 'ignored', 'quarantined'))",
            name="handled_has_a_time",
        ),
        UniqueConstraint("processor", "livemode", "event_id"),
        Index(
            "ix_webhook_event_due",
            "next_try_at",
            postgresql_where=text("state IN ('new', 'retry')"),
        ),
        Index("ix_webhook_event_object", "object_id"),
        Index(
            "ix_webhook_event_account",
            "account",
            "id",
            postgresql_where=text("account IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    processor: Mapped[str]  # or the kind of shop
    endpoint: Mapped[str]
    event_id: Mapped[str]
    event_type: Mapped[str]
    livemode: Mapped[bool]
    account: Mapped[str | None]  # the connected account, or the shop, that it happened on
    object_kind: Mapped[str | None]  # None = of no concern to us
    object_id: Mapped[str | None]
    raw: Mapped[bytes]
    sha256: Mapped[str]  # of `raw`
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB, deferred=True)  # for people
    state: Mapped[str]
    tries: Mapped[int]
    next_try_at: Mapped[datetime]
    last_error: Mapped[str | None]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
