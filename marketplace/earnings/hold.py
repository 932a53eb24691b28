"""A hold on one earning: its cause is contested, so what is kept of it can neither leave nor go.

    pending ───┐                 ┌─resume──▶ pending     (not matured yet)
               ├─▶ contested ────┼─release─▶ available
    available ─┘                 └─reverse─▶ reversed    (clawed back: the contest stands)

Who holds says why and until when they decide. Without a decision by then the hold ends by itself,
in the creator's favour. What else the creator has goes on being paid.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock, lock_next
from marketplace.earnings.clawback import Clawback, claw_back, kept
from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.errors import BadInput, NotFound, WrongState, says
from marketplace.extensions import Base, db
from marketplace.ledger import balances, journal, postings
from marketplace.ledger.draft import AccountRef, Cause
from marketplace.money import Money, zero
from marketplace.notifications import notices
from marketplace.parties.creator import Creator
from marketplace.statuses import SYSTEM

# How long a decision may take, from the day of the hold.
DECIDE_DAYS_MAX = 30

# Why an earning may be contested; a decision against the creator keeps the word as its reason.
REASONS = (
    *("order_canceled", "payment_failed", "chargeback", "duplicate", "tracking_error"),
    *("ineligible", "disqualified", "terms_violation", "fraud"),
)


class EarningHold(Base):
    """One contest of an earning, as it began. Written once; the earning's moves say how it ends."""

    __tablename__ = "earning_hold"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    earning_id: Mapped[UUID] = mapped_column(ForeignKey("earning.id"), index=True)
    amount_minor: Mapped[int]  # what the creator kept of it then
    currency: Mapped[str]
    reason: Mapped[str]  # one of REASONS
    evidence: Mapped[str]  # what was seen, in words that the creator reads too
    review_at: Mapped[datetime]
    actor: Mapped[str]
    at: Mapped[datetime]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def cause(self) -> Cause:
        return Cause("earning_hold", self.id)


def contest(
    earning_id: UUID, *, reason: str, evidence: str, days: int, actor: str, at: datetime
) -> EarningHold:
    """Hold what the creator keeps of an earning until it is decided, `days` days at most.

    Locks the creator, then the earning: nobody spends in between what is held here.

    Raises:
        WrongState: it is contested already, or reversed.
        BadInput: nothing of it is kept, or it was paid out already.
    """
    earning = _locked(earning_id, and_creator=True)
    if not statuses.allows(earning, "contest"):
        raise WrongState("earning", earning.status, "contest")
    amount, held_from = kept(earning), _account_of(earning)
    if not amount:
        raise BadInput("contest", {"reason": says("Nothing of it is left to hold.")})
    left = balances.balance(held_from, amount.currency)
    if left < amount:
        raise BadInput(
            "contest",
            {
                "reason": says(
                    "It was paid out, or is on its way: only %(left)s is left.", left=left
                )
            },
        )
    earning.review_at = at + timedelta(days=days)
    statuses.advance(earning, "contest", at, actor, evidence)
    hold = EarningHold(
        id=new_id(),
        earning_id=earning.id,
        amount_minor=amount.minor,
        currency=amount.currency,
        reason=reason,
        evidence=evidence,
        review_at=earning.review_at,
        actor=actor,
        at=at,
    )
    db.session.add(hold)
    db.session.flush()
    journal.post(postings.earning_contested(held_from, amount, hold.cause, at))
    subject = says("%(amount)s of your earnings is contested.", amount=amount)
    notices.to_creator(earning.creator_id, at, subject, evidence, "/creator")
    return hold


def release(earning_id: UUID, *, actor: str, reason: str, at: datetime) -> None:
    """The contest is over and the earning stands: it is available, or matures when it is due.

    Raises:
        WrongState: it is not contested.
    """
    _release(_locked(earning_id), actor, reason, at)


def uphold(
    earning_id: UUID, *, back_to: AccountRef, actor: str, reason: str, at: datetime
) -> Clawback:
    """The contest stands: all that was held goes back to where it came from, the fee with it.

    Raises:
        WrongState: it is not contested.
    """
    earning = _locked(earning_id, and_creator=True)
    hold = current(earning)
    if hold is None:
        raise WrongState("earning", earning.status, "uphold")
    clawback = claw_back(
        earning,
        zero(earning.currency),
        reason=hold.reason,
        source_ref=f"hold:{hold.id.hex}",
        back_to=back_to,
        actor=actor,
        at=at,
    )
    assert clawback is not None, "what is contested is kept"
    subject = says("%(amount)s of your earnings was taken back.", amount=clawback.net)
    notices.to_creator(earning.creator_id, at, subject, reason, "/creator")
    return clawback


def release_due(at: datetime) -> bool:
    """End one hold that nobody decided in time; False if there is none."""
    earning = lock_next(
        Earning,
        Earning.status == EarningStatus.CONTESTED,
        Earning.review_at <= at,
        order_by=Earning.review_at,
    )
    if earning is None:
        return False
    _release(earning, SYSTEM, says("Nobody decided in time: the earning stands."), at)
    return True


def next_review() -> datetime | None:
    """When the next hold ends by itself."""
    contested = Earning.status == EarningStatus.CONTESTED
    return db.session.scalar(select(func.min(Earning.review_at)).where(contested))


def current(earning: Earning) -> EarningHold | None:
    """The hold on this earning, while it is contested."""
    if earning.status != EarningStatus.CONTESTED:
        return None
    return holds_of(earning)[-1]


def holds_of(earning: Earning) -> list[EarningHold]:
    """Every contest of this earning, oldest first."""
    of_earning = select(EarningHold).where(EarningHold.earning_id == earning.id)
    return list(db.session.scalars(of_earning.order_by(EarningHold.id)))


def contested_of(creator_id: UUID, currency: str) -> list[Earning]:
    """The contested earnings of a creator, the first to be decided first."""
    earnings = db.session.scalars(
        select(Earning)
        .where(
            Earning.creator_id == creator_id,
            Earning.currency == currency,
            Earning.status == EarningStatus.CONTESTED,
        )
        .order_by(Earning.review_at)
    )
    return list(earnings)


def _release(earning: Earning, actor: str, reason: str, at: datetime) -> None:
    """The caller has locked the earning; what only adds needs no lock on its creator."""
    hold, amount = current(earning), kept(earning)
    matured = earning.matures_at <= at
    statuses.advance(earning, "release" if matured else "resume", at, actor, reason)
    earning.review_at = None
    assert hold is not None, "only a contested earning is released"
    db.session.flush()
    back_to = _account_of(earning)
    journal.post(postings.earning_released(back_to, amount, hold.cause, at))
    subject = says("%(amount)s of your earnings is no longer contested.", amount=amount)
    notices.to_creator(earning.creator_id, at, subject, reason, "/creator")


def _account_of(earning: Earning) -> AccountRef:
    """Where what is kept of an earning lies that is not contested."""
    pending = earning.status == EarningStatus.PENDING
    account = postings.creator_pending if pending else postings.creator_available
    return account(earning.creator_owner)


def _locked(earning_id: UUID, *, and_creator: bool = False) -> Earning:
    found = db.session.get(Earning, earning_id)
    if found is None:
        raise NotFound("no such earning")
    if and_creator:
        lock(Creator, found.creator_id)
    locked = lock(Earning, earning_id)
    assert locked is not None
    return locked
