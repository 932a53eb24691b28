"""The result sheet of a challenge: every version of who is where and wins what, kept as it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.challenges.challenge import Challenge
from marketplace.challenges.prizes import Placed, left_over
from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db


class Method(StrEnum):
    """How a sheet was made."""

    RANKED = "ranked"  # a contest's table of prizes
    POOLED = "pooled"  # a challenge's pool, by views
    SPLIT = "split"  # equally: no winner was named in time


class ResultSheet(Base):
    """One version. Written once, never changed: a correction is the next version."""

    __tablename__ = "result_sheet"
    __table_args__ = (
        UniqueConstraint("challenge_id", "version"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("method IN ('ranked', 'pooled', 'split')", name="method"),
        CheckConstraint("returned_minor >= 0", name="returned"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    challenge_id: Mapped[UUID] = mapped_column(ForeignKey("challenge.id"))
    version: Mapped[int]
    method: Mapped[str]
    returned_minor: Mapped[int]  # what goes back to the brand
    because: Mapped[str]
    made_at: Mapped[datetime]


class ResultRow(Base):
    """Where one valid entry stands on one version, and what it wins."""

    __tablename__ = "result_row"
    __table_args__ = (CheckConstraint("prize_minor >= 0 AND rank > 0", name="prize_and_rank"),)

    sheet_id: Mapped[UUID] = mapped_column(ForeignKey("result_sheet.id"), primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(
        ForeignKey("challenge_entry.id"), primary_key=True, index=True
    )
    place: Mapped[int]  # 1, 2, 3, ...: the order on the sheet
    rank: Mapped[int | None]  # equal scores share one; none if nobody was ranked
    score: Mapped[int]
    prize_minor: Mapped[int]


def write(
    challenge: Challenge, method: Method, placed: Sequence[Placed], because: str, at: datetime
) -> ResultSheet:
    """Write the next version of a challenge's sheet. The caller has locked the challenge."""
    assert challenge.pool
    newest = latest(challenge)
    sheet = ResultSheet(
        id=new_id(),
        challenge_id=challenge.id,
        version=newest.version + 1 if newest else 1,
        method=method,
        returned_minor=left_over(challenge.pool, placed).minor,
        because=because,
        made_at=at,
    )
    db.session.add(sheet)
    db.session.flush()
    db.session.add_all(
        ResultRow(
            sheet_id=sheet.id,
            entry_id=it.entry_id,
            place=place,
            rank=it.rank,
            score=it.score,
            prize_minor=it.prize.minor,
        )
        for place, it in enumerate(placed, start=1)
    )
    db.session.flush()
    return sheet


def latest(challenge: Challenge) -> ResultSheet | None:
    """The version that stands, if there is one."""
    return next(iter(versions(challenge)), None)


def versions(challenge: Challenge) -> list[ResultSheet]:
    """Every version, the newest first."""
    statement = (
        select(ResultSheet)
        .where(ResultSheet.challenge_id == challenge.id)
        .order_by(ResultSheet.version.desc())
    )
    return list(db.session.scalars(statement))


def rows(sheet: ResultSheet) -> list[ResultRow]:
    """The rows of one version, the first place first."""
    statement = select(ResultRow).where(ResultRow.sheet_id == sheet.id).order_by(ResultRow.place)
    return list(db.session.scalars(statement))
