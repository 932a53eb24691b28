"""What a payout pays, line by line; it is the sum of its lines, or the database refuses it.

What a creator's available balance is made of has an order: that of the books. A payout pays all of
what came to it and went from it since the payout before:

    carried     what the payout before left there
    ...         each posting since: an earning that matured or is no longer contested; less what was
                contested or clawed back; a payout that was given back
    recovered   less what repays debt
    left        less what stays: finer than the processor can pay, or come while it was decided

So each posting is a line of one payout, and an earning leads to the payout that paid it and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import (
    CTE,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Select,
    Uuid,
    and_,
    column,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.extensions import Base, db
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import Cause
from marketplace.ledger.moves import moves

# Not in the books under this name: what the balance holds before the first line and after the last,
# and what of it goes to the debt.
SAID = ("carried", "recovered", "left")


class PayoutLine(Base):
    """One part of a payout, written once. An amount that makes the payout smaller is negative."""

    __tablename__ = "payout_line"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
        CheckConstraint(
            "(transaction_id IS NULL) = (kind IN ('carried', 'recovered', 'left'))",
            name="moved_or_said",
        ),
    )

    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payout.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, 3, ... as it happened
    kind: Mapped[str]  # of the posting, such as 'earning_matured', or one of SAID
    transaction_id: Mapped[UUID | None] = mapped_column(unique=True)  # pays it once
    cause_type: Mapped[str]  # the posting's; of what was carried: the payout that left it
    cause_id: Mapped[UUID] = mapped_column(index=True)
    amount_minor: Mapped[int]


def write(payout_ids: Sequence[UUID]) -> None:
    """Write the lines of payouts that were just reserved in the books, all in one statement.

    Raises:
        IntegrityError: a payout is not the sum of its lines.
    """
    names = [it.name for it in PayoutLine.__table__.columns]
    db.session.execute(insert(PayoutLine).from_select(names, _lines(payout_ids)))


def _lines(payout_ids: Sequence[UUID]) -> Select[*tuple[object, ...]]:
    span = _spans(payout_ids)
    own, said = span.c, literal("payout")
    since = moves(AccountKind.CREATOR_AVAILABLE, "since")
    between = and_(
        since.c.owner == own.owner,
        since.c.currency == own.currency,
        since.c.version > own.since,
        since.c.version < own.version,
    )
    moved = since.c
    parts = union_all(
        select(
            own.payout_id,
            literal(0).label("place"),
            literal("carried").label("kind"),
            null().cast(Uuid).label("transaction_id"),
            said.label("cause_type"),
            own.before_id.label("cause_id"),
            own.carried_minor.label("amount_minor"),
        ).where(own.carried_minor != 0),
        select(
            *(own.payout_id, moved.version, moved.kind, moved.transaction_id),
            *(moved.cause_type, moved.cause_id, moved.change_minor),
        ).select_from(span.join(since, between)),
        select(
            *(own.payout_id, own.version, literal("recovered"), null().cast(Uuid)),
            *(said, own.payout_id, -own.recovered_minor),
        ).where(own.recovered_minor != 0),
        select(
            *(own.payout_id, own.version + 1, literal("left"), null().cast(Uuid)),
            *(said, own.payout_id, -own.left_minor),
        ).where(own.left_minor != 0),
    ).subquery("part")
    part = parts.c
    number = func.row_number().over(partition_by=part.payout_id, order_by=part.place)
    return select(
        *(part.payout_id, number, part.kind, part.transaction_id),
        *(part.cause_type, part.cause_id, part.amount_minor),
    )


def _spans(payout_ids: Sequence[UUID]) -> CTE:
    """Of each payout: between which versions of the available balance its lines are."""
    payout = table("payout", column("id", Uuid), column("recovered_minor"))
    taken = moves(AccountKind.CREATOR_AVAILABLE, "taken")
    before = moves(AccountKind.CREATOR_AVAILABLE, "before")
    last = (
        select(before.c.version, before.c.cause_id, before.c.balance_minor)
        .where(
            before.c.owner == taken.c.owner,
            before.c.currency == taken.c.currency,
            before.c.version < taken.c.version,
            _reserves(before.c.kind),
        )
        .order_by(before.c.version.desc())
        .limit(1)
        .lateral("last")
    )
    return (
        select(
            payout.c.id.label("payout_id"),
            payout.c.recovered_minor,
            taken.c.owner,
            taken.c.currency,
            taken.c.version,
            taken.c.balance_minor.label("left_minor"),
            func.coalesce(last.c.version, 0).label("since"),
            last.c.cause_id.label("before_id"),
            last.c.balance_minor.label("carried_minor"),
        )
        .select_from(payout)
        .join(
            taken,
            and_(
                taken.c.cause_type == "payout",
                taken.c.cause_id == payout.c.id,
                _reserves(taken.c.kind),
            ),
        )
        .outerjoin(last, ~false())
        .where(payout.c.id == func.any(list(payout_ids)))
        .cte("span")
    )


def _reserves(kind: ColumnElement[str]) -> ColumnElement[bool]:
    return kind == "payout_reserved"


# ---- from a payout to what it pays, and back


def lines_of(payout_id: UUID) -> Select[PayoutLine]:
    """The lines of a payout; order them by their number."""
    return select(PayoutLine).where(PayoutLine.payout_id == payout_id)


def lines_with(causes: Iterable[Cause]) -> list[PayoutLine]:
    """Every payout's line that these causes made, such as an earning, its holds and clawbacks."""
    named = [and_(PayoutLine.cause_id == it.id, PayoutLine.cause_type == it.type) for it in causes]
    statement = select(PayoutLine).where(or_(false(), *named), PayoutLine.kind.not_in(SAID))
    return list(db.session.scalars(statement.order_by(PayoutLine.payout_id, PayoutLine.number)))
