"""A video and its daily views, known by its public link."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db
from marketplace.metrics.channel import Channel

# The same page under another name.
_HOST_PREFIXES = ("www.", "m.", "vm.")


class Video(Base):
    """One public post of a channel."""

    __tablename__ = "video"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("channel.id"), index=True)
    link_key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class VideoDay(Base):
    """One video on one day (UTC). `import_id` is the import that wrote what stands."""

    __tablename__ = "video_day"
    __table_args__ = (
        UniqueConstraint("video_id", "day"),
        CheckConstraint("authentic_views BETWEEN 0 AND views", name="authentic_views"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    video_id: Mapped[UUID] = mapped_column(ForeignKey("video.id"))
    day: Mapped[date]
    views: Mapped[int]
    authentic_views: Mapped[int]
    import_id: Mapped[UUID] = mapped_column(ForeignKey("metric_import.id"))


def link_key(url: str) -> str:
    """The one form of a public link: 'tiktok.com/@ines/video/7'; '' if it is no link.

    Scheme, 'www.', query and fragment do not count, but for YouTube's own id of the video.
    """
    try:
        parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
        host = (parts.hostname or "").lower()
    except ValueError:
        return ""
    for prefix in _HOST_PREFIXES:
        host = host.removeprefix(prefix)
    path = parts.path.rstrip("/")
    if host == "youtu.be":
        host, path = "youtube.com", f"/watch?v={path.removeprefix('/')}"
    elif host == "youtube.com" and path == "/watch":
        path = f"/watch?v={''.join(parse_qs(parts.query).get('v', []))}"
    # A query is decoded, so that it may hold what was not in the text: no NUL comes to a database.
    is_named = len(path) > 1 and path != "/watch?v=" and path.isprintable()
    known = parts.scheme in ("http", "https") and "." in host and is_named
    return f"{host}{path}" if known else ""


def totals(keys: Collection[str], first_on: date, last_on: date) -> dict[str, int]:
    """Per link key the authentic views of these days; a link that nobody imported is left out."""
    statement = (
        select(Video.link_key, func.sum(VideoDay.authentic_views))
        .join(VideoDay, VideoDay.video_id == Video.id)
        .where(Video.link_key.in_(keys), VideoDay.day.between(first_on, last_on))
        .group_by(Video.link_key)
    )
    return {key: int(views) for key, views in db.session.execute(statement)}


def creators_of(keys: Collection[str]) -> dict[str, UUID]:
    """Per link key the creator whose channel it was imported for; unknown ones are left out."""
    statement = (
        select(Video.link_key, Channel.creator_id)
        .join(Channel, Channel.id == Video.channel_id)
        .where(Video.link_key.in_(keys))
    )
    return {key: creator_id for key, creator_id in db.session.execute(statement)}


def creator_of(link: str) -> UUID | None:
    """The creator whose channel this link was imported for; None if it is not known."""
    key = link_key(link)
    return creators_of([key]).get(key)
