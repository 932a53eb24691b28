"""An entry: one creator's link in one challenge, valid until somebody says why it is not.

An entry of an eligible creator is valid when it is sent. The brand may disqualify it with a reason
until the results are shown; from then on only an operator may. An operator reinstates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from marketplace import statuses
from marketplace.challenges.challenge import Challenge, ChallengeStatus, RankedBy
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.metrics import video
from marketplace.metrics.facts import facts_of
from marketplace.notifications import notices
from marketplace.parties import closing
from marketplace.parties.creator import Creator
from marketplace.program import membership
from marketplace.program.rules import Verdict, judge, verdict_json
from marketplace.statuses import Moves, Stateful, Waits

LINK_LENGTH_MAX = 500
SCORE_MAX = 100  # what a brand may give at most; views have no bound


class EntryStatus(StrEnum):
    """Where an entry stands.

    valid ──disqualify──▶ disqualified ──reinstate──▶ valid
    """

    VALID = "valid"
    DISQUALIFIED = "disqualified"


class Entry(Stateful):
    """One link of one creator. `score`: its measured views, or what the brand gave."""

    __tablename__ = "challenge_entry"
    __table_args__ = (
        UniqueConstraint("challenge_id", "creator_id"),
        UniqueConstraint("challenge_id", "link_key"),
        CheckConstraint("status IN ('valid', 'disqualified')", name="status"),
        CheckConstraint("score >= 0", name="score"),
        CheckConstraint(
            "(status = 'disqualified') = (disqualified_for IS NOT NULL)", name="reason"
        ),
    )

    MOVES: ClassVar[Moves] = {
        (EntryStatus.VALID, "disqualify"): EntryStatus.DISQUALIFIED,
        (EntryStatus.DISQUALIFIED, "reinstate"): EntryStatus.VALID,
    }
    WAITS: ClassVar[Waits] = {}

    challenge_id: Mapped[UUID] = mapped_column(ForeignKey("challenge.id"))
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), index=True)
    link: Mapped[str]
    link_key: Mapped[str]
    verdict: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # why they could enter
    entered_at: Mapped[datetime]
    score: Mapped[int | None]
    disqualified_for: Mapped[str | None]

    creator: Mapped[Creator] = relationship()


@dataclass(frozen=True)
class Standing:
    """Whether a creator may enter: in the program, and every rule of the challenge met."""

    member: bool
    verdict: Verdict

    @property
    def eligible(self) -> bool:
        return self.member and self.verdict.eligible


def standing(challenge: Challenge, creator_id: UUID, at: datetime) -> Standing:
    """May this creator enter, and if not, what is missing?"""
    verdict = judge(facts_of(creator_id, at), challenge.demands)
    return Standing(membership.is_member(creator_id), verdict)


def enter(challenge: Challenge, creator: Creator, link: str, *, actor: str, at: datetime) -> Entry:
    """Enter with the public link of a post. The caller has locked the challenge.

    Raises:
        WrongState: it is not open, or its window is over.
        BadInput: the creator is closing, not eligible or has entered, or the link is none or taken.
    """
    is_open = challenge.status == ChallengeStatus.OPEN
    if not is_open or challenge.closes_at is None or at >= challenge.closes_at:
        raise WrongState("challenge", challenge.status, "enter")
    closing.require_open(creator.id)
    stands = standing(challenge, creator.id, at)
    if not stands.eligible:
        raise BadInput(says("You cannot enter yet: see what is missing."))
    if of_creator(challenge, creator.id) is not None:
        raise BadInput(says("You have entered already; one entry counts."))
    key = _key_of(challenge, creator, link)
    entry = Entry(
        id=new_id(),
        challenge_id=challenge.id,
        creator_id=creator.id,
        link=link.strip(),
        link_key=key,
        verdict=verdict_json(stands.verdict),
        status=EntryStatus.VALID,
        entered_at=at,
    )
    statuses.born(entry, at, actor)
    db.session.flush()
    return entry


def _key_of(challenge: Challenge, creator: Creator, link: str) -> str:
    """The one form of a link, if this creator may enter it."""
    key = video.link_key(link)
    is_web = link.strip().startswith(("https://", "http://"))
    if not (key and is_web) or "@" in link.split("/")[2] or len(link) > LINK_LENGTH_MAX:
        raise _refused(says("the public address of your post, beginning with https://"))
    if video.creator_of(link) not in (None, creator.id):
        raise _refused(says("this post is on another creator's channel"))
    taken = select(Entry.id).where(Entry.challenge_id == challenge.id, Entry.link_key == key)
    if db.session.scalar(taken) is not None:
        raise _refused(says("this post is entered already"))
    return key


def _refused(why: str) -> BadInput:
    return BadInput("link", {"link": why})


def score(challenge: Challenge, entry: Entry, points: int) -> None:
    """Give an entry the brand's score. The caller has locked the challenge and the entry.

    Raises:
        WrongState: the challenge is not being judged by the brand's scores.
        BadInput: not 0 to `SCORE_MAX`.
    """
    by_scores = challenge.ranked_by == RankedBy.SCORES
    if not by_scores or challenge.status != ChallengeStatus.JUDGING:
        raise WrongState("challenge", challenge.status, "score")
    if not 0 <= points <= SCORE_MAX:
        raise BadInput("score", {"score": says("from 0 to %(most)s", most=SCORE_MAX)})
    entry.score = points


def disqualify(entry: Entry, reason: str, actor: str, at: datetime) -> None:
    """It no longer counts; the creator reads why. See `judging.disqualify`."""
    statuses.advance(entry, "disqualify", at, actor, reason)
    entry.disqualified_for = reason
    title = db.session.get_one(Challenge, entry.challenge_id).title
    subject = says("Your entry to %(challenge)s does not count.", challenge=title)
    page = f"/creator/challenges/{entry.challenge_id}"
    notices.to_creator(entry.creator_id, at, subject, reason, page)


def reinstate(entry: Entry, reason: str, actor: str, at: datetime) -> None:
    """It counts again. See `judging.reinstate`."""
    statuses.advance(entry, "reinstate", at, actor, reason)
    entry.disqualified_for = None


def of_creator(challenge: Challenge, creator_id: UUID) -> Entry | None:
    """This creator's entry, if there is one."""
    statement = select(Entry).where(
        Entry.challenge_id == challenge.id, Entry.creator_id == creator_id
    )
    return db.session.scalars(statement).one_or_none()


def entries(challenge: Challenge) -> list[Entry]:
    """Every entry, valid or not, with its creator, the earliest first."""
    statement = (
        select(Entry)
        .where(Entry.challenge_id == challenge.id)
        .options(joinedload(Entry.creator))
        .order_by(Entry.entered_at, Entry.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))


def valid(challenge: Challenge) -> list[Entry]:
    """The entries that count, the earliest first."""
    return [entry for entry in entries(challenge) if entry.status == EntryStatus.VALID]


def count(challenge: Challenge) -> int:
    """How many entries there are, valid or not."""
    of_it = select(func.count()).where(Entry.challenge_id == challenge.id)
    return db.session.scalar(of_it) or 0
