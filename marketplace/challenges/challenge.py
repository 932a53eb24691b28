"""A challenge or contest: an open call with a pool that is reserved before anybody can enter."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.earnings.terms import Terms
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.parties.brand import Brand
from marketplace.program.rules import Criteria, criteria_of
from marketplace.statuses import Moves, Stateful, Wait, Waits

WINDOW_MAX = timedelta(days=3650)
PRIZES_MAX = 100
FACTS_GRACE = timedelta(days=3)  # after the last day its views may still come in
JUDGE_WITHIN = timedelta(days=14)  # after the last day, by the brand's scores
SPLIT_AFTER = timedelta(days=30)  # after the last day, if the brand has named no winner
APPEAL = timedelta(days=3)  # from each version of the result sheet


class Kind(StrEnum):
    """What the money is: a pool that is shared, or a table of prizes."""

    CHALLENGE = "challenge"
    CONTEST = "contest"


class RankedBy(StrEnum):
    """What an entry's score is: its authentic views in the window, or 0-100 from the brand."""

    VIEWS = "views"
    SCORES = "scores"


class ChallengeStatus(StrEnum):
    """Where a challenge or contest stands.

    draft ──submit──▶ awaiting_funds ──fund──▶ open ──close──▶ judging
      │                     │                   │  │              │ │ │
    cancel                cancel            cancel void             │ │
      └──────────▶ canceled ◀───────────────────┴──┘                │ │
                      ▲                                        rank │ │ split
                      └────────void──────── provisional ◀───────────┴─┘
                                            ↻ recompute
                                                └──award──▶ awarded

    canceled: the whole pool goes back to the brand. void = nobody entered; or no entry is valid
    and the appeals are over
    """

    DRAFT = "draft"
    AWAITING_FUNDS = "awaiting_funds"
    OPEN = "open"
    JUDGING = "judging"
    PROVISIONAL = "provisional"
    AWARDED = "awarded"
    CANCELED = "canceled"


# The statuses in which the pool is reserved and entries exist.
FUNDED = (ChallengeStatus.OPEN, ChallengeStatus.JUDGING, ChallengeStatus.PROVISIONAL)


class Challenge(Stateful):
    """What a brand sponsors: brief, pool or prizes, who may enter, window. A draft needs a title.

    `due_at` is when time acts next: the end of the window, of judging, of the appeals.
    """

    __tablename__ = "challenge"
    __table_args__ = (
        CheckConstraint(
            "status IN ('draft', 'awaiting_funds', 'open', 'judging', 'provisional', 'awarded',"
            " 'canceled')",
            name="status",
        ),
        CheckConstraint("kind IN ('challenge', 'contest')", name="kind"),
        CheckConstraint("ranked_by IN ('views', 'scores')", name="ranked_by"),
        CheckConstraint("kind = 'contest' OR ranked_by = 'views'", name="pool_goes_by_views"),
        CheckConstraint(
            "status IN ('draft', 'canceled') OR (brief <> ''"
            " AND num_nulls(pool_minor, opens_on, closes_on, closes_at) = 0 AND pool_minor > 0"
            " AND (kind = 'contest') = (cardinality(prizes_minor) > 0)"
            " AND opens_on <= closes_on)",
            name="complete_once_submitted",
        ),
        CheckConstraint(
            "status IN ('draft', 'awaiting_funds', 'canceled') OR (rules IS NOT NULL"
            " AND rules_sha256 IS NOT NULL AND platform_fee_bps IS NOT NULL"
            " AND maturity_days IS NOT NULL)",
            name="rules_frozen_once_open",
        ),
        CheckConstraint(
            "(due_at IS NOT NULL) ="
            " (status IN ('awaiting_funds', 'open', 'judging', 'provisional'))",
            name="due_while_it_waits",
        ),
        Index("ix_challenge_due", "due_at"),
    )

    MOVES: ClassVar[Moves] = {
        (ChallengeStatus.DRAFT, "submit"): ChallengeStatus.AWAITING_FUNDS,
        (ChallengeStatus.DRAFT, "cancel"): ChallengeStatus.CANCELED,
        (ChallengeStatus.AWAITING_FUNDS, "fund"): ChallengeStatus.OPEN,
        (ChallengeStatus.AWAITING_FUNDS, "cancel"): ChallengeStatus.CANCELED,
        (ChallengeStatus.OPEN, "close"): ChallengeStatus.JUDGING,
        (ChallengeStatus.OPEN, "cancel"): ChallengeStatus.CANCELED,
        (ChallengeStatus.OPEN, "void"): ChallengeStatus.CANCELED,
        (ChallengeStatus.JUDGING, "rank"): ChallengeStatus.PROVISIONAL,
        (ChallengeStatus.JUDGING, "split"): ChallengeStatus.PROVISIONAL,
        (ChallengeStatus.PROVISIONAL, "recompute"): ChallengeStatus.PROVISIONAL,
        (ChallengeStatus.PROVISIONAL, "award"): ChallengeStatus.AWARDED,
        (ChallengeStatus.PROVISIONAL, "void"): ChallengeStatus.CANCELED,
    }
    WAITS: ClassVar[Waits] = {
        ChallengeStatus.DRAFT: Wait(on="brand", due=lambda it: None, then="submit"),
        ChallengeStatus.AWAITING_FUNDS: Wait(on="brand", due=lambda it: it.due_at, then="cancel"),
        ChallengeStatus.OPEN: Wait(on="time", due=lambda it: it.due_at, then="close"),
        # By views it waits for time alone, and is ranked then.
        ChallengeStatus.JUDGING: Wait(on="brand", due=lambda it: it.due_at, then="split"),
        ChallengeStatus.PROVISIONAL: Wait(on="time", due=lambda it: it.due_at, then="award"),
    }

    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand.id"), index=True)
    form_key: Mapped[UUID] = mapped_column(unique=True)
    kind: Mapped[str]
    ranked_by: Mapped[str]
    title: Mapped[str]
    brief: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    pool_minor: Mapped[int | None]  # of a contest: the sum of its prizes
    prizes_minor: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list)
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    opens_on: Mapped[date | None]  # days in the brand's time zone, both included
    closes_on: Mapped[date | None]
    closes_at: Mapped[datetime | None]  # the end of closes_on
    due_at: Mapped[datetime | None]
    rules: Mapped[str | None]  # frozen when it opens, with the terms of its prizes
    rules_sha256: Mapped[str | None]
    platform_fee_bps: Mapped[int | None]
    maturity_days: Mapped[int | None]
    created_at: Mapped[datetime]

    brand: Mapped[Brand] = relationship()

    @property
    def ledger_owner(self) -> str:
        return f"challenge:{self.id.hex}"

    @property
    def cause(self) -> Cause:
        return Cause("challenge", self.id)

    @property
    def pool(self) -> Money | None:
        return None if self.pool_minor is None else Money(self.pool_minor, self.currency)

    @property
    def prizes(self) -> list[Money]:
        return [Money(minor, self.currency) for minor in self.prizes_minor]

    @property
    def prize_terms(self) -> Terms:
        """A platform fee is taken out of a prize, never put on top: the pool is all there is."""
        assert self.platform_fee_bps is not None
        assert self.maturity_days is not None
        return Terms(self.platform_fee_bps, self.maturity_days, fee_on_top=False)

    @property
    def demands(self) -> Criteria:
        """Whom it is for, beyond being in the program."""
        return criteria_of(self.criteria)

    @property
    def judge_by(self) -> datetime | None:
        """Until when the brand should have named the winners, if it is by its scores."""
        by_scores = self.ranked_by == RankedBy.SCORES
        return self.closes_at + JUDGE_WITHIN if by_scores and self.closes_at else None


def draft(
    brand: Brand,
    title: str,
    kind: Kind,
    currency: str,
    *,
    form_key: UUID,
    actor: str,
    at: datetime,
) -> Challenge:
    """Begin a challenge or contest; the rest of it may be filled in later."""
    challenge = Challenge(
        id=new_id(),
        brand_id=brand.id,
        form_key=form_key,
        kind=kind,
        ranked_by=RankedBy.VIEWS,
        title=title.strip(),
        currency=currency,
        prizes_minor=[],
        criteria={},
        status=ChallengeStatus.DRAFT,
        created_at=at,
    )
    statuses.born(challenge, at, actor)
    db.session.flush()
    return challenge


def edit(challenge: Challenge, **values: object) -> None:
    """Change a draft; the caller has locked it. A contest's pool is the sum of its prizes.

    Raises:
        WrongState: it was submitted; its rules stand.
    """
    if challenge.status != ChallengeStatus.DRAFT:
        raise WrongState("challenge", challenge.status, "edit")
    for name, value in values.items():
        setattr(challenge, name, value)
    if challenge.kind == Kind.CONTEST:
        challenge.pool_minor = sum(challenge.prizes_minor) or None
    else:
        challenge.prizes_minor, challenge.ranked_by = [], RankedBy.VIEWS


def submit(challenge: Challenge, actor: str, at: datetime) -> None:
    """Ask for funds: from now on the brand can change nothing. The caller has locked it.

    Raises:
        BadInput: something is missing or does not fit; says what, field by field.
    """
    problems = _problems(challenge, at)
    if problems:
        raise BadInput(says("It is not complete yet."), problems)
    challenge.closes_at = challenge.due_at = _end_of(challenge)
    statuses.advance(challenge, "submit", at, actor)


def _problems(challenge: Challenge, at: datetime) -> dict[str, str]:
    by_pool = challenge.kind == Kind.CHALLENGE
    required: dict[str, tuple[object, str]] = {
        "brief": (challenge.brief.strip(), says("say what creators should make")),
        "pool": (challenge.pool_minor or not by_pool, says("say how much they share")),
        "prizes": (challenge.prizes_minor or by_pool, says("say what each rank wins")),
        "opens_on": (challenge.opens_on, says("choose the first day")),
        "closes_on": (challenge.closes_on, says("choose the last day")),
    }
    problems: dict[str, str] = {
        field: text for field, (value, text) in required.items() if not value
    }
    prizes = challenge.prizes_minor
    if len(prizes) > PRIZES_MAX or min(prizes, default=1) <= 0:
        problems["prizes"] = says("1 to %(most)s prizes, each above zero", most=PRIZES_MAX)
    elif prizes != sorted(prizes, reverse=True):
        problems["prizes"] = says("no prize may be larger than the one above it")
    if challenge.opens_on and challenge.closes_on:
        if challenge.closes_on < challenge.opens_on:
            problems["closes_on"] = says("not before the first day")
        elif challenge.closes_on > at.date() + WINDOW_MAX:
            problems["closes_on"] = says("not more than ten years from now")
        elif _end_of(challenge) <= at:
            problems["closes_on"] = says("this day is over")
    return problems


def _end_of(challenge: Challenge) -> datetime:
    assert challenge.closes_on
    zone = ZoneInfo(challenge.brand.time_zone)
    return datetime.combine(challenge.closes_on + timedelta(days=1), time(0), zone)
