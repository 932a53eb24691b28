"""Importing metrics: what is new is kept, what differs corrects a day, what is wrong is named.

    import_metrics
      _judge         each row: new, known, corrected, or refused with a reason
      _write         channels and videos that nobody knew, then the days
      facts.refresh  of every creator whose days changed

The same file again changes nothing. A later file may correct a day: the day names the import that
did it, and that import's report what stood before.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db
from marketplace.metrics import facts
from marketplace.metrics.channel import Channel
from marketplace.metrics.daily import ChannelDay
from marketplace.metrics.judging import Judged, Known, known, value_of
from marketplace.metrics.reading import Row
from marketplace.metrics.video import Video, VideoDay

OUTCOMES = ("new", "known", "corrected", "refused")
_ROWS_PER_STATEMENT = 1_000


class MetricImport(Base):
    """What was brought at once: a file by an operator, or a body by a signed source."""

    __tablename__ = "metric_import"
    __table_args__ = (
        CheckConstraint("(source = 'file') = (uploaded_by IS NOT NULL)", name="who_brought_it"),
        CheckConstraint("source IN ('file', 'signed')", name="source"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[str]
    filename: Mapped[str]
    sha256: Mapped[str]
    uploaded_by: Mapped[UUID | None] = mapped_column(ForeignKey("user.id"))
    form_key: Mapped[UUID] = mapped_column(unique=True)
    rows_new: Mapped[int]
    rows_known: Mapped[int]
    rows_corrected: Mapped[int]
    rows_refused: Mapped[int]
    first_day: Mapped[date | None]  # of what was taken
    last_day: Mapped[date | None]
    created_at: Mapped[datetime]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows had each outcome."""
        return {outcome: getattr(self, f"rows_{outcome}") for outcome in OUTCOMES}


class MetricLine(Base):
    """A line of an import worth a word: refused, and why; or corrected, and what stood before."""

    __tablename__ = "metric_import_line"
    __table_args__ = (
        CheckConstraint("outcome IN ('corrected', 'refused')", name="outcome"),
        Index("ix_metric_import_line_import", "import_id", "line"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("metric_import.id"))
    line: Mapped[int]
    outcome: Mapped[str]
    subject: Mapped[str]  # whose day, as it stands in the file
    day: Mapped[date | None]
    reason: Mapped[str]


def import_metrics(
    rows: list[Row],
    content: bytes,
    *,
    filename: str,
    uploaded_by: UUID | None,
    form_key: UUID,
    at: datetime,
) -> MetricImport:
    """Take every row that can be used and keep a report of the others.

    Args:
        rows: of `reading.read_csv` or `read_json`.
        content: the bytes they were read from.
        uploaded_by: the operator; None = a signed source.
        form_key: bringing it a second time under one key is an IntegrityError.
    """
    facts.one_writer()  # two imports of the same days: the second sees what the first did
    before = known(rows)
    judged = [before.judge(row, at.date()) for row in rows]
    counts = Counter(it.outcome for it in judged)
    taken = [it.row.day for it in judged if it.outcome != "refused" and it.row.day]
    brought = MetricImport(
        id=new_id(),
        source="file" if uploaded_by else "signed",
        filename=filename[:200],
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_by=uploaded_by,
        form_key=form_key,
        first_day=min(taken, default=None),
        last_day=max(taken, default=None),
        created_at=at,
        **{f"rows_{outcome}": counts[outcome] for outcome in OUTCOMES},
    )
    db.session.add(brought)
    db.session.flush()
    _report(brought, judged)
    _write(brought, before, [it.row for it in judged if it.outcome in ("new", "corrected")])
    facts.refresh(before.changed, at)
    return brought


def _report(brought: MetricImport, judged: list[Judged]) -> None:
    db.session.add_all(
        MetricLine(
            import_id=brought.id,
            line=it.row.line,
            outcome=it.outcome,
            subject=_subject(it.row),
            day=it.row.day,
            reason=_storable(it.reason),
        )
        for it in judged
        if it.outcome in ("corrected", "refused")
    )
    db.session.flush()


def _subject(row: Row) -> str:
    """Whose day a line is about, as far as it can be kept."""
    named = row.link or f"{row.handle} {row.platform}/{row.channel}"
    return _storable(named[:300])


def _storable(text: str) -> str:
    return "".join(it if it.isprintable() else "?" for it in text)


def _write(brought: MetricImport, before: Known, rows: list[Row]) -> None:
    for row in rows:
        _channel(before, row, brought.created_at)
        _video(before, row, brought.created_at)
    db.session.flush()
    # By owner and day: a later line may say the same day again, with other categories.
    days: dict[type[ChannelDay | VideoDay], dict[tuple[Any, ...], dict[str, Any]]]
    days = {ChannelDay: {}, VideoDay: {}}
    for row in rows:
        channel = before.channels[row.platform, row.channel]
        model, owner = (
            (ChannelDay, {"channel_id": channel.id})
            if row.link is None
            else (VideoDay, {"video_id": before.video_of(row).id})
        )
        said = owner | value_of(row) | {"day": row.day, "import_id": brought.id}
        days[model][(*owner.values(), row.day)] = said
    for model, by_day in days.items():
        values = list(by_day.values())
        for start in range(0, len(values), _ROWS_PER_STATEMENT):
            _upsert(model, values[start : start + _ROWS_PER_STATEMENT])


def _channel(before: Known, row: Row, at: datetime) -> None:
    key = row.platform, row.channel
    if key not in before.channels:
        creator_id = before.creators[row.handle]
        before.channels[key] = Channel(
            id=new_id(),
            creator_id=creator_id,
            platform=row.platform,
            handle=row.channel,
            categories=[],
            created_at=at,
        )
        db.session.add(before.channels[key])
    if row.categories is not None:
        before.channels[key].categories = list(row.categories)


def _video(before: Known, row: Row, at: datetime) -> None:
    if row.link is None or before.has_video(row):
        return
    channel = before.channels[row.platform, row.channel]
    before.add_video(row, Video(id=new_id(), channel_id=channel.id, created_at=at))


def _upsert(model: type[ChannelDay | VideoDay], values: list[dict[str, Any]]) -> None:
    """Write days; one that is there takes the new numbers and the name of their import."""
    owner = "channel_id" if model is ChannelDay else "video_id"
    statement = insert(model).values(values)
    new = {name: statement.excluded[name] for name in values[0] if name not in (owner, "day")}
    db.session.execute(statement.on_conflict_do_update(index_elements=[owner, "day"], set_=new))
