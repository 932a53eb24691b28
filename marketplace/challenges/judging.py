"""From the last day to the prizes: measure, rank, show, hear appeals, award.

    act_due     whatever time does next to a challenge
      close     the window is over: no more entries
      measure   the views of the window have come in: rank by them
      split     the brand named no winner in time: everybody valid gets the same
      award     the appeal window is over
    publish     the brand names the winners by its scores
    disqualify, reinstate   an entry; once results are shown they are computed anew
    cancel      by the brand, while nobody has entered

Every result is a version of the sheet that stands for `APPEAL`; a new version starts it again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from marketplace import statuses
from marketplace.challenges import entry as entries
from marketplace.challenges import prizes, sheet, telling
from marketplace.challenges.challenge import (
    APPEAL,
    FACTS_GRACE,
    FUNDED,
    SPLIT_AFTER,
    Challenge,
    ChallengeStatus,
    Kind,
    RankedBy,
)
from marketplace.challenges.entry import Entry
from marketplace.challenges.prizes import Placed, Scored
from marketplace.challenges.sheet import Method
from marketplace.database.lock import lock_next
from marketplace.earnings.earning import Earning, EarningKind, Owed, accrue
from marketplace.errors import BadInput, WrongState, says
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.ledger import postings
from marketplace.metrics import video
from marketplace.money import Money
from marketplace.statuses import SYSTEM

_JUDGED = (ChallengeStatus.OPEN, ChallengeStatus.JUDGING)  # when a brand may still disqualify


def cancel(challenge: Challenge, actor: str, reason: str, at: datetime) -> Money:
    """Call it off while nobody has entered; its money goes back to the brand. Caller has locked it.

    Raises:
        WrongState: it has an entry, or is over.
    """
    if entries.count(challenge):
        raise WrongState("challenge", challenge.status, "cancel")
    return _end(challenge, "cancel", actor, reason, at)


def publish(challenge: Challenge, actor: str, at: datetime) -> None:
    """Name the winners by the brand's scores; the caller has locked the challenge.

    Raises:
        WrongState: it is not being judged by scores.
        BadInput: a valid entry has no score, or there is none.
    """
    by_scores = challenge.ranked_by == RankedBy.SCORES
    if not by_scores or challenge.status != ChallengeStatus.JUDGING:
        raise WrongState("challenge", challenge.status, "publish")
    valid = entries.valid(challenge)
    if not valid:
        raise BadInput(says("There is no valid entry."))
    if any(entry.score is None for entry in valid):
        raise BadInput(says("Give every valid entry a score first."))
    _show(challenge, "rank", actor, "the brand named the winners", at)


def disqualify(
    challenge: Challenge,
    entry: Entry,
    reason: str,
    actor: str,
    at: datetime,
    *,
    by_operator: bool = False,
) -> None:
    """An entry no longer counts. The caller has locked the challenge, then the entry.

    Raises:
        WrongState: the prizes are awarded; or the results are shown and this is no operator.
    """
    if challenge.status not in (FUNDED if by_operator else _JUDGED):
        raise WrongState("challenge", challenge.status, "disqualify an entry of")
    entries.disqualify(entry, reason, actor, at)
    _recompute(challenge, actor, reason, at)


def reinstate(
    challenge: Challenge,
    entry: Entry,
    reason: str,
    actor: str,
    at: datetime,
    points: int | None = None,
) -> None:
    """An operator lets an entry count again. The caller has locked the challenge, then the entry.

    Args:
        points: the score of an entry that the brand has not given one, once results are shown.

    Raises:
        WrongState: the prizes are awarded, or the entry is valid.
        BadInput: results are shown, and it has no score.
    """
    if challenge.status not in FUNDED:
        raise WrongState("challenge", challenge.status, "reinstate an entry of")
    shown = challenge.status == ChallengeStatus.PROVISIONAL
    if shown and entry.score is None and _method(challenge) == Method.RANKED:
        if points is None or not 0 <= points <= entries.SCORE_MAX:
            most = entries.SCORE_MAX
            raise BadInput("score", {"score": says("it has none yet: 0 to %(most)s", most=most)})
        entry.score = points
    entries.reinstate(entry, reason, actor, at)
    _recompute(challenge, actor, reason, at)


def award(challenge: Challenge, actor: str, at: datetime) -> list[Earning]:
    """Owe the winners their prizes and give the rest back, once. The caller has locked it.

    Raises:
        WrongState: no results are shown, or they are awarded already.
        BadInput: the appeal window is open.
    """
    if challenge.status != ChallengeStatus.PROVISIONAL:
        raise WrongState("challenge", challenge.status, "award")
    stands = sheet.latest(challenge)
    assert stands is not None
    assert challenge.due_at is not None
    if at < challenge.due_at:
        raise BadInput(says("Creators may still appeal; it is awarded when that is over."))
    creators = {entry.id: entry.creator_id for entry in entries.valid(challenge)}
    if not creators:
        raise WrongState("challenge", challenge.status, "award")
    statuses.advance(challenge, "award", at, actor)
    challenge.due_at = None
    source = postings.reserved(challenge.ledger_owner)
    owed = [
        Owed(
            EarningKind.PRIZE,
            creators[row.entry_id],
            Money(row.prize_minor, challenge.currency),
            source,
            source_ref=f"prize:{challenge.id.hex}:{row.entry_id.hex}",
            terms=challenge.prize_terms,
        )
        for row in sheet.rows(stands)
        if row.prize_minor
    ]
    back = Money(stands.returned_minor, challenge.currency)
    brand, own, cause = challenge.brand.ledger_owner, challenge.ledger_owner, challenge.cause
    key = f"campaign_released:{challenge.id.hex}"
    also = [postings.campaign_released(brand, own, back, key, cause, at)] if back else []
    earned = accrue(owed, actor, at, also=also)
    telling.prizes(challenge, earned, at)
    return earned


def awarded_by(earning: Earning) -> Challenge | None:
    """The challenge or contest that a prize was awarded by; None for any other earning."""
    kind, _, ids = earning.source_ref.partition(":")
    if earning.kind != EarningKind.PRIZE or kind != "prize":
        return None
    return db.session.get(Challenge, UUID(hex=ids.partition(":")[0]))


# ---- what time does


def act_due(at: datetime) -> bool:
    """Do what is due next to one challenge; False if nothing is."""
    challenge = lock_next(Challenge, Challenge.due_at <= at, order_by=Challenge.due_at)
    if challenge is None:
        return False
    _ACTS[ChallengeStatus(challenge.status)](challenge, at)
    return True


def next_due() -> datetime | None:
    """When something falls due to any challenge."""
    return db.session.scalar(select(func.min(Challenge.due_at)))


def _not_funded(challenge: Challenge, at: datetime) -> None:
    _end(challenge, "cancel", SYSTEM, "not funded before its window was over", at)


def _close(challenge: Challenge, at: datetime) -> None:
    assert challenge.closes_at
    if not entries.count(challenge):
        _void(challenge, at)
        return
    by_views = challenge.ranked_by == RankedBy.VIEWS
    challenge.due_at = challenge.closes_at + (FACTS_GRACE if by_views else SPLIT_AFTER)
    statuses.advance(challenge, "close", at, SYSTEM, "the window is over")


def _judge(challenge: Challenge, at: datetime) -> None:
    # Even if every entry was ruled out: whoever entered may appeal before the money goes back.
    if challenge.ranked_by == RankedBy.VIEWS:
        _measure(challenge)
        _show(challenge, "rank", SYSTEM, "the views of the window were counted", at)
    else:
        _show(challenge, "split", SYSTEM, "no winner was named in time", at)


def _award(challenge: Challenge, at: datetime) -> None:
    if entries.valid(challenge):
        award(challenge, SYSTEM, at)
    else:
        _void(challenge, at)


_ACTS: dict[ChallengeStatus, Callable[[Challenge, datetime], None]] = {
    ChallengeStatus.AWAITING_FUNDS: _not_funded,
    ChallengeStatus.OPEN: _close,
    ChallengeStatus.JUDGING: _judge,
    ChallengeStatus.PROVISIONAL: _award,
}


def _measure(challenge: Challenge) -> None:
    """Count once what each entry's own post, valid or not, was viewed on the window's days."""
    assert challenge.opens_on
    assert challenge.closes_on
    all_of_them = entries.entries(challenge)
    keys = [entry.link_key for entry in all_of_them]
    views = video.totals(keys, challenge.opens_on, challenge.closes_on)
    whose = video.creators_of(keys)
    for entry in all_of_them:
        # Who a post belongs to may have become known only after it was entered.
        is_own = whose.get(entry.link_key) == entry.creator_id
        entry.score = views.get(entry.link_key, 0) if is_own else 0


# ---- results


def _show(challenge: Challenge, event: str, actor: str, because: str, at: datetime) -> None:
    """Compute a version of the sheet; it stands until somebody appeals."""
    method = _method(challenge, split=event == "split")
    placed = _placed(challenge, method)
    challenge.due_at = at + APPEAL
    statuses.advance(challenge, event, at, actor, because)
    sheet.write(challenge, method, placed, because, at)
    telling.results(challenge, placed, at)


def _recompute(challenge: Challenge, actor: str, because: str, at: datetime) -> None:
    """What is shown is computed anew; the version before it is kept."""
    if challenge.status != ChallengeStatus.PROVISIONAL:
        return
    db.session.flush()
    _show(challenge, "recompute", actor, because, at)


def _method(challenge: Challenge, *, split: bool = False) -> Method:
    """How the sheet is made; once there is one, each further version as the first."""
    first = sheet.latest(challenge)
    if first is not None:
        return Method(first.method)
    if split:
        return Method.SPLIT
    return Method.RANKED if challenge.kind == Kind.CONTEST else Method.POOLED


def _placed(challenge: Challenge, method: Method) -> list[Placed]:
    assert challenge.pool
    scored = [Scored(it.id, it.entered_at, it.score or 0) for it in entries.valid(challenge)]
    if method == Method.RANKED:
        return prizes.ranked(challenge.prizes, scored)
    share = prizes.pooled if method == Method.POOLED else prizes.split_equally
    return share(challenge.pool, scored)


def _void(challenge: Challenge, at: datetime) -> None:
    _end(challenge, "void", SYSTEM, "no valid entry", at)


def _end(challenge: Challenge, event: str, actor: str, reason: str, at: datetime) -> Money:
    """It is over without a prize: all of its money goes back to the brand."""
    statuses.advance(challenge, event, at, actor, reason)
    challenge.due_at = None
    owner = challenge.brand.ledger_owner
    return reservation.release(
        owner, challenge.ledger_owner, challenge.currency, challenge.cause, at
    )
