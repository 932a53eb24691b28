"""The outbox: every call that may move money is a row first, with its body and its key frozen.

    ready ──▶ sent ──▶ done | rejected | needs_review
      │       │ ▲
    abandon   ▼ │        the same key and body again
      ▼     unknown ──▶ abandoned, beside the next attempt   (what was sent was never made)
    abandoned

`needs_review` is for a person: our key met another body, or what was made does not fit our row.
Asking anew (`enqueue`) counts as that review and closes it, as does giving up (`not_found`);
`look_up` asks for what the person found; `found` is that the processor told us. A key is
`<op>:<subject>:<attempt>`; the attempt grows only after the one before it is closed. How requests
leave is in `sending.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    Update,
    cast,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.errors import WrongState
from marketplace.extensions import Base, db
from marketplace.processors import registry
from marketplace.processors.base import OP_OF, Body, Intent, Op

STATES = ("ready", "sent", "unknown", "done", "rejected", "abandoned", "needs_review")
UNDER_WAY = ("ready", "sent", "unknown")  # the worker still does something about it


class ProcessorRequest(Base):
    """One call to a processor: what we intend, under which key, and what came of it."""

    __tablename__ = "processor_request"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("op IN ('cs', 'rf', 'acct', 'trf')", name="op"),
        # What never left has no time of leaving; what has an answer has left.
        CheckConstraint("state <> 'ready' OR first_sent_at IS NULL", name="ready_was_never_sent"),
        CheckConstraint(
            "state IN ('ready', 'abandoned') OR first_sent_at IS NOT NULL", name="sent_has_a_time"
        ),
        CheckConstraint("state <> 'done' OR remote_id IS NOT NULL", name="done_has_remote_id"),
        UniqueConstraint("processor", "idem_key"),
        UniqueConstraint("processor", "op", "subject_id", "attempt"),
        # Attempt n + 1 only after attempt n is closed.
        Index(
            "uq_processor_request_open",
            "processor",
            "op",
            "subject_id",
            unique=True,
            postgresql_where=text("state IN ('ready', 'sent', 'unknown', 'needs_review')"),
        ),
        Index(
            "ix_processor_request_due",
            "next_try_at",
            postgresql_where=text("state IN ('ready', 'sent', 'unknown')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    processor: Mapped[str]
    livemode: Mapped[bool]  # a key of the other mode never sends it
    op: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    attempt: Mapped[int]
    idem_key: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    body_sha256: Mapped[str]  # of the body as PostgreSQL writes it
    state: Mapped[str] = mapped_column(default="ready")
    tries: Mapped[int] = mapped_column(default=0)  # network tries begun, look-ups included
    first_sent_at: Mapped[datetime | None]  # domain time
    next_try_at: Mapped[datetime]  # wall time, as all that follow
    lease_until: Mapped[datetime | None]
    missing_since: Mapped[datetime | None]  # a look-up past the safe window found nothing
    created_at: Mapped[datetime]
    remote_id: Mapped[str | None]  # what was made; while it is under way: what a person found
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]


class ProcessorTry(Base):
    """One network try of a request, a sending or a look-up. Written once, never changed."""

    __tablename__ = "processor_try"
    __table_args__ = (CheckConstraint("kind IN ('send', 'look_up')", name="kind"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("processor_request.id"), index=True)
    kind: Mapped[str]
    started_at: Mapped[datetime]  # wall time
    ended_at: Mapped[datetime]
    verdict: Mapped[str]
    http_status: Mapped[int | None]
    remote_request_id: Mapped[str | None]
    replayed: Mapped[bool]
    error_code: Mapped[str | None]


def enqueue(processor: str, intent: Intent) -> ProcessorRequest:
    """Intend one call; the worker makes it once the caller has committed.

    Raises:
        WrongState: one for the same subject is under way.
        ValueError: the processor cannot express the amount.
    """
    op = OP_OF[type(intent)]
    last = db.session.scalars(
        select(ProcessorRequest)
        .where(
            ProcessorRequest.processor == processor,
            ProcessorRequest.op == op,
            ProcessorRequest.subject_id == intent.subject_id,
        )
        .order_by(ProcessorRequest.attempt.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.state in UNDER_WAY:
        raise WrongState("processor request", last.state, "enqueue")
    if last is not None and last.state == "needs_review":
        last.state = "abandoned"
        db.session.flush()
    return open_attempt(
        processor,
        op,
        intent.subject_type,
        intent.subject_id,
        attempt=last.attempt + 1 if last else 1,
        body=registry.get(processor).body(intent),
    )


def open_attempt(
    processor: str, op: Op, subject_type: str, subject_id: UUID, *, attempt: int, body: Body
) -> ProcessorRequest:
    """Freeze body and key of one attempt; the caller has seen that the one before it is closed."""
    wall_at = clock.wall_now()
    request = ProcessorRequest(
        processor=processor,
        livemode=registry.get(processor).livemode,
        op=op,
        subject_type=subject_type,
        subject_id=subject_id,
        attempt=attempt,
        idem_key=f"{op}:{subject_id.hex}:{attempt}",
        body=dict(body),
        body_sha256=sha256_of(cast(dict(body), JSONB)),
        next_try_at=wall_at,
        created_at=wall_at,
    )
    db.session.add(request)
    db.session.flush()
    return request


def sha256_of(body: ColumnElement[Any]) -> ColumnElement[str]:
    """The hash of a JSON document as PostgreSQL writes it, in lower-case hex."""
    return func.encode(func.sha256(func.convert_to(cast(body, Text), "UTF8")), "hex")


def made(op: Op, subject_id: UUID) -> tuple[str, str] | None:
    """At which processor a subject's request made what; None if none did so far."""
    row = db.session.execute(
        select(ProcessorRequest.processor, ProcessorRequest.remote_id).where(
            ProcessorRequest.op == op,
            ProcessorRequest.subject_id == subject_id,
            ProcessorRequest.state == "done",
        )
    ).one_or_none()
    return (row.processor, row.remote_id) if row else None


def found(op: Op, subject_id: UUID, remote_id: str) -> None:
    """The processor says by itself what a request made that waits for a person: it made that."""
    db.session.execute(_in_review(op, subject_id).values(state="done", remote_id=remote_id))


def look_up(op: Op, subject_id: UUID, remote_id: str) -> bool:
    """A person found what was made: the worker asks for it by its number, and sends nothing.

    False if no request for this subject waits for a person.
    """
    begun = db.session.execute(
        _in_review(op, subject_id)
        .values(state="unknown", remote_id=remote_id, next_try_at=clock.wall_now())
        .returning(ProcessorRequest.id)
    )
    return begun.first() is not None


def in_review(op: Op, subject_id: UUID) -> str | None:
    """At which processor a request for this subject waits for a person, if one does."""
    waits = ProcessorRequest.state == "needs_review"
    of_it = (ProcessorRequest.op == op, ProcessorRequest.subject_id == subject_id, waits)
    return db.session.scalar(select(ProcessorRequest.processor).where(*of_it))


def _in_review(op: Op, subject_id: UUID) -> Update:
    return update(ProcessorRequest).where(
        ProcessorRequest.op == op,
        ProcessorRequest.subject_id == subject_id,
        ProcessorRequest.state == "needs_review",
    )


def not_found(op: Op, subject_id: UUID) -> None:
    """A person looked into what waited for one: nothing was made, and it is not asked again."""
    db.session.execute(_in_review(op, subject_id).values(state="abandoned"))


def was_sent(op: Op, subject_id: UUID) -> bool:
    """Did any request for this subject leave us?"""
    sent = ProcessorRequest.first_sent_at.is_not(None)
    of_it = (ProcessorRequest.op == op, ProcessorRequest.subject_id == subject_id, sent)
    return db.session.scalar(select(ProcessorRequest.id).where(*of_it).limit(1)) is not None


def abandon(op: Op, subject_id: UUID) -> bool:
    """Call off a request that never left. False if there is none: then it may have left.

    This waits for nobody: a request that is being sent is committed as sent.
    """
    abandoned = db.session.execute(
        update(ProcessorRequest)
        .where(
            ProcessorRequest.op == op,
            ProcessorRequest.subject_id == subject_id,
            ProcessorRequest.state == "ready",
        )
        .values(state="abandoned", lease_until=None)
        .returning(ProcessorRequest.id)
    )
    return abandoned.first() is not None
