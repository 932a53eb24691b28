"""A payout that came back: the processor reversed it in full, or nobody claimed it.

returned    the money is available again; nothing more goes to that destination by itself
confirm     its creator has seen it, and says that the destination is in order
"""

from __future__ import annotations

from datetime import datetime

from marketplace import statuses
from marketplace.errors import WrongState
from marketplace.extensions import db
from marketplace.ledger import dispute_postings, journal, postings
from marketplace.ledger.draft import Draft
from marketplace.money import zero
from marketplace.payouts import notices
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.settling import settle
from marketplace.processors.base import Snapshot
from marketplace.statuses import SYSTEM


def returned(payout: Payout, transfer: Snapshot, at: datetime) -> None:
    """The transfer came back in full: the amount is available again. The caller locked the payout.

    What the payout had recovered of debt stays recovered. The processor's fee is ours again as far
    as it came back too. A payout of which we had not heard yet that it was paid is paid and
    returned at once.

    Raises:
        Mismatch: the transfer is not the payout's, or the payout has ended otherwise.
    """
    drafts = settle(payout, transfer, at)
    if payout.status == PayoutStatus.RETURNED:
        return
    payout.failure = "; ".join(transfer.requirements) or None
    statuses.advance(payout, "return", at, SYSTEM, payout.failure or "")
    notices.came_back(payout.creator_id, payout.amount, at)
    processor = db.session.get_one(Destination, payout.destination_id).processor
    drafts.append(
        postings.payout_returned(processor, payout.creator_owner, payout.amount, payout.cause, at)
    )
    drafts += _fees_back(payout, processor, transfer, at)
    journal.post_many(drafts)


def _fees_back(payout: Payout, processor: str, transfer: Snapshot, at: datetime) -> list[Draft]:
    """What the processor gave back of its fee, each time under the movement that brought it."""
    return [
        dispute_postings.processor_fee_returned(processor, -it.fee, it.remote_id, payout.cause, at)
        for it in transfer.movements
        if it.fee < zero(it.fee.currency)
    ]


def confirm(payout: Payout, actor: str, at: datetime) -> None:
    """The creator has seen that it came back: the next run may pay to the same destination.

    The caller has locked the payout. A second click changes nothing.

    Raises:
        WrongState: it did not come back.
    """
    if payout.status != PayoutStatus.RETURNED:
        raise WrongState("payout", payout.status, "confirm")
    if payout.return_seen_at is None:
        payout.return_seen_at, payout.return_seen_by = at, actor
