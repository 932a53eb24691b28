"""The end of an account that closes: the last of its money was paid, and so it is closed.

Its creator is told when it begins and when it ends. What keeps the last of it from leaving, the
gate says; whatever income comes later is paid by the same rule, below the threshold.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from marketplace import statuses
from marketplace.database.lock import lock_next
from marketplace.earnings.clawback import Clawback
from marketplace.errors import says
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.ledger.audit import CREATORS
from marketplace.notifications import notices
from marketplace.parties import closing
from marketplace.parties.closing import AccountClosing, ClosingStatus
from marketplace.payouts.payout import Payout
from marketplace.statuses import SYSTEM


def begin(creator_id: UUID, reason: str, actor: str, at: datetime) -> AccountClosing:
    """Close a creator's account, and tell them what follows.

    Raises:
        BadInput: it closes already.
    """
    begun = closing.begin(creator_id, reason, actor, at)
    notices.to_creator(
        creator_id,
        at,
        says("Your account is closing."),
        says(
            "You take on no new work. What you have earned matures as ever and is paid with the"
            " next runs, below the threshold too; then the account is closed. You can still log in"
            " and read everything."
        ),
        "/creator/payouts",
    )
    return begun


@cache
def _nothing_is_owed() -> ColumnElement[bool]:
    """SQL: is nothing owed to the creator whose account closes, in any currency?"""
    owed = []
    for kind in CREATORS:
        held = balances.stored(kind)
        mine = held.c.owner == balances.owner_of("creator", AccountClosing.creator_id)
        owed.append(select(held.c.owner).where(mine, held.c.balance_minor > 0).exists())
    return ~or_(*owed)


def close_due(at: datetime) -> bool:
    """Close one account to whose creator nothing is owed any more; False if there is none."""
    found = lock_next(
        AccountClosing,
        AccountClosing.status.in_((ClosingStatus.CLOSING, ClosingStatus.UNPAYABLE)),
        _nothing_is_owed(),
        order_by=AccountClosing.id,
    )
    if found is None:
        return False
    statuses.advance(found, "close", at, SYSTEM)
    notices.to_creator(
        found.creator_id,
        at,
        says("Your account is closed."),
        _what_became_of_it(found.creator_id),
        "/creator/payouts",
    )
    return True


def _what_became_of_it(creator_id: UUID) -> str:
    """What a creator is told whose account is closed: not all that was earned need be paid."""
    taken_back = select(Clawback.id).where(Clawback.creator_id == creator_id)
    repaid = select(Payout.id).where(Payout.creator_id == creator_id, Payout.recovered_minor > 0)
    if db.session.scalar(select(or_(taken_back.exists(), repaid.exists()))):
        return says(
            "Nothing is owed to you any more: what you had earned was paid, was taken back or"
            " repaid what you owed. Your statements show each of them; you can still log in and"
            " read everything."
        )
    return says("Everything you had earned was paid. You can still log in and read everything.")
