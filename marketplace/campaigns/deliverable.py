"""A deliverable: work that is due, submitted as a link, reviewed, and paid once it is approved.

Whoever moves one locks its campaign first, then the deliverable: approving, calling a campaign off
and the ends of time wait for each other in one line.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace import business_days, statuses
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.earnings.earning import Earning, EarningKind, Owed, accrue
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db
from marketplace.ledger import postings
from marketplace.notifications import notices
from marketplace.statuses import SYSTEM, Moves, Stateful, Wait, Waits

REVISE_WITHIN = timedelta(days=3)
OVERDUE_GRACE = timedelta(days=3)  # then the brand need not wait any longer


class DeliverableStatus(StrEnum):
    """Where a deliverable stands.

    due ──submit──▶ submitted ──approve──▶ approved      (three business days of silence approve it)
     │                 │   ▲
     │        request_revision submit                    (two rounds are included)
     │                 ▼   │
     └──cancel──▶   revision_due ──cancel──▶ canceled    (overdue for three days)
    """

    DUE = "due"
    SUBMITTED = "submitted"
    REVISION_DUE = "revision_due"
    APPROVED = "approved"
    CANCELED = "canceled"


AWAITED = (DeliverableStatus.DUE, DeliverableStatus.REVISION_DUE)


class Deliverable(Stateful):
    """The work of one agreement."""

    __tablename__ = "deliverable"
    __table_args__ = (
        CheckConstraint(
            "status IN ('due', 'submitted', 'revision_due', 'approved', 'canceled')", name="status"
        ),
        CheckConstraint(
            "(status = 'submitted') = (review_by IS NOT NULL)", name="submitted_is_reviewed"
        ),
        CheckConstraint("revisions >= 0", name="revisions"),
        Index(
            "ix_deliverable_review",
            "review_by",
            postgresql_where=text("status = 'submitted'"),
        ),
        Index(
            "ix_deliverable_awaited",
            "due_at",
            postgresql_where=text("status IN ('due', 'revision_due')"),
        ),
    )

    MOVES: ClassVar[Moves] = {
        (DeliverableStatus.DUE, "submit"): DeliverableStatus.SUBMITTED,
        (DeliverableStatus.DUE, "cancel"): DeliverableStatus.CANCELED,
        (DeliverableStatus.SUBMITTED, "approve"): DeliverableStatus.APPROVED,
        (DeliverableStatus.SUBMITTED, "request_revision"): DeliverableStatus.REVISION_DUE,
        (DeliverableStatus.REVISION_DUE, "submit"): DeliverableStatus.SUBMITTED,
        (DeliverableStatus.REVISION_DUE, "cancel"): DeliverableStatus.CANCELED,
    }
    WAITS: ClassVar[Waits] = {
        DeliverableStatus.DUE: Wait("creator", lambda it: it.due_at, "cancel"),
        DeliverableStatus.SUBMITTED: Wait("brand", lambda it: it.review_by, "approve"),
        DeliverableStatus.REVISION_DUE: Wait("creator", lambda it: it.due_at, "cancel"),
    }

    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("agreement.id"), unique=True)
    due_at: Mapped[datetime]  # of the work, then of the revision that was asked for last
    review_by: Mapped[datetime | None]
    revisions: Mapped[int]  # asked for so far

    agreement: Mapped[Agreement] = relationship()

    @property
    def source_ref(self) -> str:
        return f"deliverable:{self.id.hex}"

    @property
    def ends_at(self) -> datetime:
        """From when on who waits for it may give it up."""
        return self.due_at + OVERDUE_GRACE

    def is_overdue(self, at: datetime) -> bool:
        """Is it not there, though its day is over?"""
        return self.status in AWAITED and self.due_at <= at


class Submission(Base):
    """A link that a creator submitted. Written once; another round is another row."""

    __tablename__ = "submission"
    __table_args__ = (UniqueConstraint("deliverable_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    deliverable_id: Mapped[UUID] = mapped_column(ForeignKey("deliverable.id"))
    number: Mapped[int]  # 1, 2, 3
    link: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    submitted_at: Mapped[datetime]


def of_agreement(agreement_id: UUID) -> Deliverable:
    """The deliverable of an agreement."""
    return db.session.scalars(select(Deliverable).filter_by(agreement_id=agreement_id)).one()


def submissions(deliverable_id: UUID) -> list[Submission]:
    """Every round of a deliverable, oldest first."""
    rows = select(Submission).filter_by(deliverable_id=deliverable_id).order_by(Submission.number)
    return list(db.session.scalars(rows))


def notes(deliverable: Deliverable) -> str:
    """What the brand wanted different last; '' if it never asked."""
    asked = [it for it in statuses.history(deliverable) if it.event == "request_revision"]
    return asked[-1].reason if asked else ""


def locked(deliverable_id: UUID) -> Deliverable:
    """The deliverable under its lock and its campaign's, the campaign first."""
    campaign_id = db.session.scalar(
        select(Agreement.campaign_id)
        .join(Deliverable, Deliverable.agreement_id == Agreement.id)
        .where(Deliverable.id == deliverable_id)
    )
    assert campaign_id is not None
    lock(Campaign, campaign_id)
    deliverable = lock(Deliverable, deliverable_id)
    assert deliverable is not None
    return deliverable


def submit(deliverable_id: UUID, link: str, note: str, actor: str, at: datetime) -> Deliverable:
    """The creator hands in a link, late or not. Silence of the brand approves it in the end.

    Raises:
        WrongState: it lies with the brand already, or is over.
    """
    deliverable = locked(deliverable_id)
    agreement = deliverable.agreement
    statuses.advance(deliverable, "submit", at, actor)
    deliverable.review_by = business_days.after(at, agreement.review_days, agreement.time_zone)
    db.session.add(
        Submission(
            deliverable_id=deliverable.id,
            number=deliverable.revisions + 1,
            link=link,
            note=note.strip(),
            submitted_at=at,
        )
    )
    db.session.flush()
    notices.to_brand(
        agreement.campaign.brand_id,
        at,
        says(
            "%(creator)s submitted work for %(campaign)s",
            creator=agreement.creator.name,
            campaign=agreement.campaign.title,
        ),
        says("Please review it: it approves itself after three business days."),
    )
    return deliverable


def request_revision(deliverable_id: UUID, notes: str, actor: str, at: datetime) -> Deliverable:
    """The brand asks for changes; the creator has three days.

    Raises:
        WrongState: it is not under review.
        BadInput: the included revisions are used up.
    """
    deliverable = locked(deliverable_id)
    agreement = deliverable.agreement
    statuses.advance(deliverable, "request_revision", at, actor, notes)
    if deliverable.revisions >= agreement.revisions_included:
        raise BadInput(
            says(
                "The %(included)s revisions that are included are used up; you can still approve.",
                included=agreement.revisions_included,
            )
        )
    deliverable.revisions += 1
    deliverable.review_by = None
    deliverable.due_at = max(deliverable.due_at, at + REVISE_WITHIN)
    subject = says("Please revise your work for %(campaign)s", campaign=agreement.campaign.title)
    notices.to_creator(agreement.creator_id, at, subject, notes)
    return deliverable


def approve(deliverable_id: UUID, actor: str, at: datetime, reason: str = "") -> Earning | None:
    """The work is good: the flat fee is earned, from the campaign's reserved money.

    Returns the earning; None where only commissions were agreed.

    Raises:
        WrongState: it is not under review.
    """
    return _approve(locked(deliverable_id), actor, at, reason)


def _approve(deliverable: Deliverable, actor: str, at: datetime, reason: str) -> Earning | None:
    agreement = lock(Agreement, deliverable.agreement_id)
    assert agreement is not None
    statuses.advance(deliverable, "approve", at, actor, reason)
    deliverable.review_by = None
    statuses.advance(agreement, "fulfill", at, actor)
    subject = says("Your work for %(campaign)s is approved", campaign=agreement.campaign.title)
    notices.to_creator(agreement.creator_id, at, subject, reason)
    if agreement.flat_fee is None:
        return None
    owed = Owed(
        EarningKind.FLAT_FEE,
        agreement.creator_id,
        agreement.flat_fee,
        postings.reserved(agreement.campaign.ledger_owner),
        deliverable.source_ref,
        agreement.terms_of_flat_fee,
    )
    (earning,) = accrue([owed], actor, at)
    return earning


def approve_due(at: datetime) -> bool:
    """Approve one deliverable whose brand was silent for too long; False if there is none."""
    due = select(Deliverable.id).where(
        Deliverable.status == DeliverableStatus.SUBMITTED, Deliverable.review_by <= at
    )
    id = db.session.scalar(due.order_by(Deliverable.review_by).limit(1))
    if id is None:
        return False
    deliverable = locked(id)
    if deliverable.review_by is not None and deliverable.review_by <= at:  # nobody was faster
        _approve(deliverable, SYSTEM, at, says("the brand was silent for three business days"))
    return True


def next_silence() -> datetime | None:
    """When the next deliverable approves itself."""
    return db.session.scalar(
        select(func.min(Deliverable.review_by)).where(
            Deliverable.status == DeliverableStatus.SUBMITTED
        )
    )
