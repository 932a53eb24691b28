"""A payout that arrived after it had failed or was called off: rare, and the money has left us.

When it failed its amount was given back, and may be in another payout by now. So it is taken from
what its creator has available, and what is not there any more is their debt, which later payouts
recover. Nothing is sent or taken back at the processor.
"""

from __future__ import annotations

from datetime import datetime

from marketplace import statuses
from marketplace.ledger import balances, postings
from marketplace.ledger.draft import Draft
from marketplace.money import Money
from marketplace.payouts import notices
from marketplace.payouts.payout import Payout
from marketplace.statuses import SYSTEM


def arrived(payout: Payout, processor: str, transfer_ref: str, at: datetime) -> Draft:
    """Note that it arrived after all and tell its creator; return what to post for it.

    The caller has locked the payout. If its creator spends in between, the ledger refuses the
    posting, and what told us is handled again.
    """
    available = balances.balance(postings.creator_available(payout.creator_owner), payout.currency)
    taken = min(payout.amount, available)
    owing = payout.amount - taken
    payout.late_debt_minor, payout.transfer_ref = owing.minor, transfer_ref
    statuses.advance(payout, "arrive", at, SYSTEM, "the processor made it after all")
    notices.arrived_late(payout.creator_id, payout.amount, _or_none(owing), at)
    return postings.payout_arrived_late(
        processor, payout.creator_owner, taken, owing, payout.cause, at
    )


def _or_none(amount: Money) -> Money | None:
    return amount if amount else None
