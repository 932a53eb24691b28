"""An application to the program: what was known, what the rules said, and what an operator decided.

apply       refused at once where the rules are not met: nothing is kept of it
approve     judged once more, on what is known now; the creator is a member from then on
reject      with a reason, and from when on they may apply again
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import business_days, statuses
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.metrics import facts as metric_facts
from marketplace.metrics.profile import Facts, age_years, as_json, from_json
from marketplace.parties import closing
from marketplace.parties.creator import Creator
from marketplace.program import membership
from marketplace.program.membership import ProgramMembership
from marketplace.program.rules import Verdict, judge, verdict_json, verdict_of
from marketplace.program.versions import RulesVersion, rules_of
from marketplace.statuses import Moves, Stateful, Wait, Waits

DUE_BUSINESS_DAYS = 3
REAPPLY_AFTER = timedelta(days=30)
YEARS_MAX = 120

REASONS = ("content", "inauthentic", "identity", "facts_changed", "other")
REAPPLY = ("in_30_days", "at_once", "never")


class ApplicationStatus(StrEnum):
    """Where an application stands.

    submitted ──approve──▶ approved      (a member of the program from then on)
        │
      reject
        ▼
     rejected
    """

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"


class ProgramApplication(Stateful):
    """One creator asks to take part. What was known then stays with it, and what was decided on."""

    __tablename__ = "program_application"
    __table_args__ = (
        CheckConstraint("status IN ('submitted', 'approved', 'rejected')", name="status"),
        CheckConstraint(
            "(status = 'submitted') = (decided_facts IS NULL)"
            " AND (decided_facts IS NULL) = (decided_verdict IS NULL)",
            name="decided_on_facts",
        ),
        CheckConstraint(
            "(status = 'rejected') = (reason_code IS NOT NULL)"
            " AND (status = 'rejected') = (reapply IS NOT NULL)",
            name="rejected_with_reason",
        ),
        CheckConstraint(
            "(reapply_at IS NOT NULL) = (reapply IS NOT NULL AND reapply <> 'never')",
            name="reapply_at",
        ),
        # One at a time per creator.
        Index(
            "uq_program_application_submitted",
            "creator_id",
            unique=True,
            postgresql_where=text("status = 'submitted'"),
        ),
        Index("ix_program_application_creator", "creator_id"),
    )

    MOVES: ClassVar[Moves] = {
        (ApplicationStatus.SUBMITTED, "approve"): ApplicationStatus.APPROVED,
        (ApplicationStatus.SUBMITTED, "reject"): ApplicationStatus.REJECTED,
    }
    # Nobody is approved by silence: a late answer is an alarm to operators.
    WAITS: ClassVar[Waits] = {
        ApplicationStatus.SUBMITTED: Wait(on="operator", due=lambda it: it.due_at, then="approve"),
    }

    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"))
    form_key: Mapped[UUID] = mapped_column(unique=True)
    rules_version: Mapped[int] = mapped_column(ForeignKey("program_rules.version"))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    verdict: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    due_at: Mapped[datetime]
    decided_facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    decided_verdict: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    reason_code: Mapped[str | None]
    reason_text: Mapped[str] = mapped_column(default="")
    reapply: Mapped[str | None]
    reapply_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def facts_then(self) -> Facts:
        return from_json(self.facts)

    @property
    def verdict_then(self) -> Verdict:
        return verdict_of(self.verdict)

    @property
    def facts_decided(self) -> Facts | None:
        return from_json(self.decided_facts) if self.decided_facts else None


def latest(creator_id: UUID) -> ProgramApplication | None:
    """The newest application of this creator."""
    statement = select(ProgramApplication).where(ProgramApplication.creator_id == creator_id)
    return db.session.scalars(
        statement.order_by(ProgramApplication.id.desc()).limit(1)
    ).one_or_none()


def verdict_now(creator_id: UUID, at: datetime) -> tuple[Facts, RulesVersion, Verdict]:
    """What is known of a creator now, the rules that hold, and what they say."""
    facts, rules = metric_facts.facts_of(creator_id, at), rules_of(at)
    return facts, rules, judge(facts, rules.criteria)


def may_apply(creator_id: UUID, at: datetime) -> bool:
    """Does nothing but the rules stand in the way of an application?"""
    if membership.of_creator(creator_id) is not None:
        return False
    last = latest(creator_id)
    if last is None or last.status != ApplicationStatus.REJECTED:
        return last is None
    return last.reapply_at is not None and last.reapply_at <= at


def apply(
    creator: Creator, born_on: date, country: str, *, form_key: UUID, actor: str, at: datetime
) -> ProgramApplication:
    """Ask to take part; the caller has locked the creator.

    Args:
        born_on: what the creator says, once: a later application keeps the first date.

    Raises:
        BadInput: their account closes, they are too young, or the rules are not met; says what is
            missing. Nothing is kept.
        WrongState: they are a member, wait for an answer, or may not apply again yet.
    """
    if not may_apply(creator.id, at):
        last = latest(creator.id)
        raise WrongState("program_application", last.status if last else "member", "apply")
    closing.require_open(creator.id)
    _refuse_birth(born_on, at.date())
    metric_facts.describe(creator.id, born_on, country, at)
    facts, rules, verdict = verdict_now(creator.id, at)
    _refuse_missed(verdict)
    application = ProgramApplication(
        id=new_id(),
        creator_id=creator.id,
        form_key=form_key,
        status=ApplicationStatus.SUBMITTED,
        rules_version=rules.version,
        facts=as_json(facts),
        verdict=verdict_json(verdict),
        due_at=business_days.after(at, DUE_BUSINESS_DAYS, creator.time_zone),
        created_at=at,
    )
    statuses.born(application, at, actor)
    db.session.flush()
    return application


def _refuse_birth(born_on: date, today: date) -> None:
    if not 0 <= age_years(born_on, today) <= YEARS_MAX or born_on > today:
        said = says("This cannot be a date of birth.")
        raise BadInput("born_on", {"born_on": said})


def _refuse_missed(verdict: Verdict) -> None:
    missed = {it.rule: it for it in verdict.missed}
    if "age" in missed:
        said = says(
            "You must be %(years)s or older to take part. Nothing was kept of this form.",
            years=missed["age"].required,
        )
        raise BadInput("age", {"born_on": said})
    if missed:
        raise BadInput(says("Something is still missing: see which rules are not met."))


def approve(application: ProgramApplication, actor: str, at: datetime) -> ProgramMembership:
    """Take the creator in, if the rules are still met now. The caller has locked the application.

    Raises:
        BadInput: what is known now does not meet the rules any more.
        WrongState: it was decided before.
    """
    facts, _, verdict = verdict_now(application.creator_id, at)
    statuses.advance(application, "approve", at, actor)
    if not verdict.eligible:
        raise BadInput(says("The rules are not met any more, so nobody can be taken in now."))
    _keep(application, facts, verdict)
    db.session.flush()
    return membership.begin(application.creator_id, application.id, actor, at)


def reject(
    application: ProgramApplication,
    reason_code: str,
    reason_text: str,
    reapply: str,
    actor: str,
    at: datetime,
) -> None:
    """Turn the creator down, and say from when on they may ask again. It is locked.

    Raises:
        BadInput: no such reason or choice.
        WrongState: it was decided before.
    """
    if reason_code not in REASONS or reapply not in REAPPLY:
        raise BadInput("reason_code", {"reason_code": says("Please choose one of the list.")})
    facts, _, verdict = verdict_now(application.creator_id, at)
    statuses.advance(application, "reject", at, actor, f"{reason_code}: {reason_text}")
    _keep(application, facts, verdict)
    application.reason_code, application.reason_text = reason_code, reason_text
    application.reapply = reapply
    waits = {"in_30_days": at + REAPPLY_AFTER, "at_once": at, "never": None}
    application.reapply_at = waits[reapply]


def _keep(application: ProgramApplication, facts: Facts, verdict: Verdict) -> None:
    application.decided_facts = as_json(facts)
    application.decided_verdict = verdict_json(verdict)
