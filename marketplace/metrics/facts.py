"""The facts of creators, one narrow row each, kept current by imports and by each day that begins.

    refresh      after an import: the creators it touched
    roll_due     a new day: the window of 30 days moves on for everybody, in one statement
    describe, set_standing     what the program knows: birth, country, membership

Followers are the latest of each channel, summed; views and engagement are those of the 30 days up
to `as_of`, that day included. Days are UTC days.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    String,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db
from marketplace.metrics.channel import CATEGORIES
from marketplace.metrics.profile import GOOD, SUSPENDED, WINDOW_DAYS, Facts, age_years
from marketplace.parties.creator import Creator

__all__ = ["CreatorFacts", "Facts", "facts_of"]

# As `channel.category_bits` counts them; in PostgreSQL's own spelling, so that the two compare.
_CATEGORY_BITS = " | ".join(
    f"(('{name}'::text = ANY (categories::text[]))::integer << {place})"
    for place, name in enumerate(CATEGORIES)
)


class CreatorFacts(Base):
    """One creator, as matching and eligibility see them."""

    __tablename__ = "creator_facts"
    __table_args__ = (
        CheckConstraint(f"standing IN ('{GOOD}', '{SUSPENDED}')", name="standing"),
        CheckConstraint(f"NOT member OR standing = '{GOOD}'", name="members_stand_well"),
        Index("ix_creator_facts_as_of", "as_of"),
        # Matching reads members only, and of them nothing but this; what has no fixed width last.
        Index(
            "ix_creator_facts_members",
            "authentic_views_30d",
            postgresql_where=text("member"),
            postgresql_include=[
                *("followers", "engagement_bps", "category_bits", "creator_id"),
                *("measured_on", "born_on", "country", "standing"),
            ],
        ),
    )

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), primary_key=True)
    followers: Mapped[int] = mapped_column(server_default="0")
    authentic_views_30d: Mapped[int] = mapped_column(server_default="0")
    views_30d: Mapped[int] = mapped_column(server_default="0")
    engagement_bps: Mapped[int] = mapped_column(server_default="0")
    measured_on: Mapped[date | None]
    as_of: Mapped[date]  # the day up to which the numbers above are counted
    categories: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    country: Mapped[str]
    born_on: Mapped[date | None]
    member: Mapped[bool] = mapped_column(server_default="false")
    standing: Mapped[str] = mapped_column(server_default=GOOD)
    # The categories once more: asking an array for each costs half of a match's time.
    category_bits: Mapped[int] = mapped_column(
        Computed(f"({_CATEGORY_BITS})::bigint", persisted=True)
    )


ENGAGEMENT_BPS_MAX = 10**9  # absurd numbers stay numbers

# The numbers of each creator f as daily rows say them, as of f.as_of.
COUNTED = f"""
    SELECT f.creator_id,
        coalesce(sum(latest.followers), 0)::bigint AS followers,
        coalesce(sum(month.authentic_views), 0)::bigint AS authentic_views_30d,
        coalesce(sum(month.views), 0)::bigint AS views_30d,
        least(coalesce(sum(month.engagements) * 10000 / nullif(sum(month.views), 0), 0),
            {ENGAGEMENT_BPS_MAX})::bigint AS engagement_bps,
        max(latest.day) AS measured_on,
        coalesce((SELECT array_agg(DISTINCT named ORDER BY named)
            FROM channel c, unnest(c.categories) AS named WHERE c.creator_id = f.creator_id),
            '{{}}') AS categories
    FROM creator_facts f
    LEFT JOIN channel c ON c.creator_id = f.creator_id
    LEFT JOIN LATERAL (
        SELECT d.followers, d.day FROM channel_day d
        WHERE d.channel_id = c.id AND d.day <= f.as_of ORDER BY d.day DESC LIMIT 1
    ) latest ON true
    LEFT JOIN LATERAL (
        SELECT sum(d.authentic_views)::bigint AS authentic_views, sum(d.views)::bigint AS views,
            sum(d.engagements)::bigint AS engagements FROM channel_day d
        WHERE d.channel_id = c.id AND d.day > f.as_of - {WINDOW_DAYS} AND d.day <= f.as_of
    ) month ON true
"""
NUMBERS = (
    *("followers", "authentic_views_30d", "views_30d", "engagement_bps"),
    *("measured_on", "categories"),
)
_COUNT = (
    f"UPDATE creator_facts SET {', '.join(f'{name} = n.{name}' for name in NUMBERS)}"
    f" FROM ({COUNTED} WHERE %s GROUP BY f.creator_id) n"
    " WHERE n.creator_id = creator_facts.creator_id"
)
_ONE_WRITER = 0x6D657472  # a number of our own: whoever counts many creators waits for the other


def facts_of(creator_id: UUID, at: datetime) -> Facts:
    """What is known of this creator at an instant of domain time."""
    row = db.session.get(CreatorFacts, creator_id, populate_existing=True)
    if row is None:
        return Facts(country=db.session.get_one(Creator, creator_id).country)
    return known(row, at.date())


def known(row: Any, on: date) -> Facts:
    """The facts in a row of `creator_facts`, however it was read, with their age on a day."""
    return Facts(
        followers=row.followers,
        authentic_views_30d=row.authentic_views_30d,
        views_30d=row.views_30d,
        engagement_bps=row.engagement_bps,
        measured_on=row.measured_on,
        country=row.country,
        age_years=age_years(row.born_on, on) if row.born_on else None,
        standing=row.standing,
        categories=tuple(row.categories),
    )


def one_writer() -> None:
    """Wait until nobody else counts facts of many creators, and keep others waiting to the end."""
    db.session.execute(select(func.pg_advisory_xact_lock(_ONE_WRITER)))


def refresh(creator_ids: Collection[UUID], at: datetime) -> None:
    """Count the facts of these creators anew; who had none gets a row."""
    on = at.date()
    for creator_id in creator_ids:
        _born(creator_id, on)
    of_these = {"ids": list(creator_ids), "on": on}
    db.session.execute(
        text("UPDATE creator_facts SET as_of = :on WHERE creator_id = ANY(:ids)"), of_these
    )
    db.session.execute(text(_COUNT % "f.creator_id = ANY(:ids)"), of_these)
    db.session.expire_all()


def _born(creator_id: UUID, on: date) -> None:
    """Give this creator a row, if there is none yet."""
    country = select(Creator.country).where(Creator.id == creator_id).scalar_subquery()
    row = insert(CreatorFacts).values(creator_id=creator_id, as_of=on, country=country)
    db.session.execute(row.on_conflict_do_nothing())


def roll_due(at: datetime) -> bool:
    """A day has begun: count everybody's facts up to it; False if that is done."""
    on = at.date()
    if db.session.scalar(select(CreatorFacts.creator_id).where(CreatorFacts.as_of < on).limit(1)):
        one_writer()
        db.session.execute(
            text("UPDATE creator_facts SET as_of = :on WHERE as_of < :on"), {"on": on}
        )
        db.session.execute(text(_COUNT % "f.as_of = :on"), {"on": on})
        return True
    return False


def describe(creator_id: UUID, born_on: date, country: str, at: datetime) -> None:
    """Keep what a creator said of themselves; said once, the date of birth stands."""
    _born(creator_id, at.date())
    row = _row(creator_id)
    row.born_on, row.country = row.born_on or born_on, country


def set_standing(creator_id: UUID, *, member: bool, standing: str) -> None:
    """The creator joined the program, was suspended, or is back."""
    row = _row(creator_id)
    row.member, row.standing = member, standing


def _row(creator_id: UUID) -> CreatorFacts:
    return db.session.get_one(CreatorFacts, creator_id, populate_existing=True)
