"""The rules of the program, as data with effective dates. A change is a new version."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db
from marketplace.program.rules import Criteria, criteria_of


class RulesVersion(Base):
    """What the program asks from a day on (UTC)."""

    __tablename__ = "program_rules"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    effective_on: Mapped[date] = mapped_column(unique=True)
    criteria_kept: Mapped[dict[str, Any]] = mapped_column("criteria", JSONB)

    @property
    def criteria(self) -> Criteria:
        return criteria_of(self.criteria_kept)


def rules_of(at: datetime) -> RulesVersion:
    """The version that holds at this instant."""
    statement = (
        select(RulesVersion)
        .where(RulesVersion.effective_on <= at.date())
        .order_by(RulesVersion.effective_on.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one()
