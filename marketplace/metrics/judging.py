"""Judging rows of metrics against what is known: new, known, corrected, or refused and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_

from marketplace.extensions import db
from marketplace.metrics.channel import CATEGORIES, PLATFORMS, Channel
from marketplace.metrics.daily import ChannelDay
from marketplace.metrics.reading import Row
from marketplace.metrics.video import Video, VideoDay, link_key
from marketplace.parties.creator import Creator

Key = tuple[str, str]  # platform and handle of a channel
Value = dict[str, int]  # the numbers of a day by their names


class Judged(NamedTuple):
    """One row and what is to become of it."""

    row: Row
    outcome: str
    reason: str


def value_of(row: Row) -> Value:
    """The numbers of a row, as its day keeps them."""
    views = {"views": row.views, "authentic_views": row.authentic_views}
    if row.link is not None:
        return views
    return views | {"followers": row.followers, "engagements": row.engagements}


@dataclass
class Known:
    """What is there already of all that some rows name; grows as they are judged and written."""

    creators: dict[str, UUID]
    channels: dict[Key, Channel]
    videos: dict[str, Video]
    owners: dict[Key, UUID]  # of channels, those included that are to be born
    places: dict[str, Key]  # the channels of videos, those included that are to be born
    days: dict[tuple[object, date], Value]  # by channel or link key, and day
    changed: set[UUID] = field(default_factory=set)  # creators whose days change
    _read: set[tuple[object, date]] = field(default_factory=set)  # days of earlier lines
    _categories: dict[Key, tuple[str, ...]] = field(default_factory=dict)  # said by earlier lines

    def judge(self, row: Row, today: date) -> Judged:
        """Decide one row, in the order of the file: a later row sees the ones before it."""
        problem = row.problem or self._problem(row, today)
        if problem:
            return Judged(row, "refused", problem)
        assert row.day
        channel, creator_id = (row.platform, row.channel), self.creators[row.handle]
        self.owners[channel] = creator_id
        if row.link is not None:
            self.places[link_key(row.link)] = channel
        subject = channel if row.link is None else link_key(row.link)
        before, now = self.days.get((subject, row.day)), value_of(row)
        if before != now and (subject, row.day) in self._read:
            return Judged(row, "refused", "day: an earlier line has other numbers for it")
        self._read.add((subject, row.day))
        other_categories = self._recategorised(row)
        if before == now and not other_categories:
            return Judged(row, "known", "")
        self.days[subject, row.day] = now
        self.changed.add(creator_id)
        if before is None:
            return Judged(row, "new", "")
        changes = (
            f"{name}: {was} → {now[name]}" for name, was in before.items() if was != now[name]
        )
        return Judged(row, "corrected", ", ".join(changes) or "other categories")

    def _problem(self, row: Row, today: date) -> str:
        """Why a well-formed row cannot be taken; '' if it can."""
        assert row.day
        channel = row.platform, row.channel
        if row.platform not in PLATFORMS:
            return f"platform: one of {', '.join(PLATFORMS)}"
        if row.handle not in self.creators:
            return f"handle: no creator is called {row.handle}"
        if unknown := set(row.categories or ()) - set(CATEGORIES):
            return f"categories: not known: {', '.join(sorted(unknown))}"
        if row.day > today:
            return "day: this day has not come yet"
        if self.owners.get(channel) not in (None, self.creators[row.handle]):
            return "channel: it belongs to another creator"
        if row.link is not None:
            key = link_key(row.link)
            if not key:
                return "link: a public address such as https://tiktok.com/@ines/video/7"
            if self.places.get(key) not in (None, channel):
                return "link: it belongs to another channel"
        return ""

    def _recategorised(self, row: Row) -> bool:
        """Does this row say other categories of a channel that is there than were said before?"""
        key = row.platform, row.channel
        channel = self.channels.get(key)
        if row.categories is None or channel is None:
            return False
        before = self._categories.get(key, tuple(channel.categories))
        self._categories[key] = row.categories
        return before != row.categories

    def video_of(self, row: Row) -> Video:
        """The video that a row is about."""
        return self.videos[link_key(row.link or "")]

    def has_video(self, row: Row) -> bool:
        """Is the video of this row there already?"""
        return link_key(row.link or "") in self.videos

    def add_video(self, row: Row, video: Video) -> None:
        """A video that nobody knew."""
        video.link_key = link_key(row.link or "")
        self.videos[video.link_key] = video
        db.session.add(video)


def known(rows: list[Row]) -> Known:
    """Load what is there of all that these rows name."""
    usable = [row for row in rows if not row.problem and row.day]
    handles = {row.handle for row in usable}
    creators = db.session.execute(
        select(Creator.handle, Creator.id).where(Creator.handle.in_(handles))
    )
    named = {(row.platform, row.channel) for row in usable}
    channels = db.session.scalars(
        select(Channel).where(tuple_(Channel.platform, Channel.handle).in_(named))
    )
    keys = {link_key(row.link) for row in usable if row.link}
    videos = db.session.scalars(select(Video).where(Video.link_key.in_(keys)))
    found = Known(
        creators={handle: id for handle, id in creators},
        channels={(channel.platform, channel.handle): channel for channel in channels},
        videos={video.link_key: video for video in videos},
        owners={},
        places={},
        days={},
    )
    key_of = {channel.id: key for key, channel in found.channels.items()}
    found.owners = {key: channel.creator_id for key, channel in found.channels.items()}
    # A video of a channel that no row names belongs, for these rows, to another one.
    found.places = {
        key: key_of.get(video.channel_id, ("", "")) for key, video in found.videos.items()
    }
    days = [row.day for row in usable if row.day]
    if days:
        _load_days(found, min(days), max(days))
    return found


def _load_days(found: Known, first: date, last: date) -> None:
    places = {channel.id: key for key, channel in found.channels.items()}
    channel_days = db.session.scalars(
        select(ChannelDay).where(
            ChannelDay.channel_id.in_(places), ChannelDay.day.between(first, last)
        )
    )
    for it in channel_days:
        found.days[places[it.channel_id], it.day] = {
            "views": it.views,
            "authentic_views": it.authentic_views,
            "followers": it.followers,
            "engagements": it.engagements,
        }
    keys = {video.id: key for key, video in found.videos.items()}
    video_days = db.session.scalars(
        select(VideoDay).where(VideoDay.video_id.in_(keys), VideoDay.day.between(first, last))
    )
    for day in video_days:
        found.days[keys[day.video_id], day.day] = {
            "views": day.views,
            "authentic_views": day.authentic_views,
        }
