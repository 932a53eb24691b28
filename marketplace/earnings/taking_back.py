"""An operator takes an earning back, or a part of it, wherever its money is by now.

A hold (`hold.py`) reaches only what was not paid out. What turns out later, such as a dispute that
is lost, ends here: what is still there is taken, the rest is the creator's debt.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from marketplace.database.lock import lock
from marketplace.earnings.clawback import Clawback, claw_back, kept
from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.errors import BadInput, NotFound, says
from marketplace.extensions import db
from marketplace.ledger.draft import AccountRef
from marketplace.money import Money
from marketplace.notifications import notices
from marketplace.parties.creator import Creator


def take_back(
    earning_id: UUID,
    amount: Money,
    *,
    reason: str,
    evidence: str,
    form_key: UUID,
    back_to: AccountRef,
    actor: str,
    at: datetime,
) -> Clawback:
    """Take `amount`, net, of an earning; our platform fee of it goes back too. Once per form.

    Args:
        reason: one of `hold.REASONS`.
        evidence: what was seen, in words that the creator reads too.

    Raises:
        NotFound: there is no such earning.
        BadInput: more than the creator keeps of it, or it is contested: that is decided first.
    """
    found = db.session.get(Earning, earning_id)
    if found is None:
        raise NotFound("no such earning")
    lock(Creator, found.creator_id)
    earning = lock(Earning, earning_id)
    assert earning is not None
    source_ref = f"operator:{form_key.hex}"
    first = db.session.scalars(select(Clawback).filter_by(source_ref=source_ref)).one_or_none()
    if first is not None:
        return first
    clawback = claw_back(
        earning,
        _keep(earning, amount),
        reason=reason,
        evidence=evidence,
        source_ref=source_ref,
        back_to=back_to,
        actor=actor,
        at=at,
    )
    assert clawback is not None, "more is kept than is to be kept"
    _tell(clawback, evidence)
    return clawback


def _keep(earning: Earning, amount: Money) -> Money:
    if earning.status == EarningStatus.CONTESTED:
        raise BadInput("take back", {"amount": says("It is contested: decide that first.")})
    left = kept(earning)
    if amount.currency != left.currency or amount > left:
        refusal = says("At most %(left)s: the creator keeps no more of it.", left=left)
        raise BadInput("take back", {"amount": refusal})
    return left - amount


def _tell(clawback: Clawback, evidence: str) -> None:
    subject = says("%(amount)s of your earnings was taken back.", amount=clawback.net)
    body = says(
        "The reason: %(evidence)s If you think that this is wrong, write to us: it is looked at"
        " again.",
        evidence=_sentence(evidence),
    )
    if clawback.debt_minor:
        body = says(
            "The reason: %(evidence)s %(owing)s of it was not there any more, and you owe that:"
            " later payouts repay it, each by a quarter at most. If you think that this is wrong,"
            " write to us: it is looked at again.",
            evidence=_sentence(evidence),
            owing=clawback.debt,
        )
    notices.to_creator(clawback.creator_id, clawback.at, subject, body, "/creator")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
