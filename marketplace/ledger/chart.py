"""The chart of accounts. Pure. The database holds a copy; a check compares the two."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AccountKind(StrEnum):
    """What an account's balance means."""

    PROCESSOR_CLEARING = "processor_clearing"  # our money at a processor
    PROCESSOR_FEES = "processor_fees"  # what a processor charged us
    PLATFORM_FEES = "platform_fees"  # our revenue
    BRAND_AVAILABLE = "brand_available"  # a brand's money that is reserved for nothing
    RESERVED = "reserved"  # a brand's money reserved for one campaign
    REFUND_RESERVED = "refund_reserved"  # on its way back to a brand
    FUND_POOL = "fund_pool"  # what the creator fund can pay
    GIFT_POOL = "gift_pool"  # what gifts can pay
    CREATOR_PENDING = "creator_pending"  # earned, not matured
    CREATOR_AVAILABLE = "creator_available"  # owed to the creator now
    CREATOR_CONTESTED = "creator_contested"  # earned, held until its contest is decided
    PAYOUT_RESERVED = "payout_reserved"  # in a payout that is not paid yet
    BRAND_DEBT = "brand_debt"  # taken back by a card's bank, no longer there: a brand owes it
    CREATOR_DEBT = "creator_debt"  # clawed back, but no longer there to take: a creator owes it


@dataclass(frozen=True, slots=True)
class KindRule:
    """How accounts of one kind behave.

    Attributes:
        side: +1 if debits raise what people see, -1 if credits do.
        stores_balance: does the account's row hold its balance? If not it is summed when read, and
            any number of postings may touch it at once.
        floor_minor: the lowest balance, as people see it; None = no floor.
    """

    side: int
    stores_balance: bool
    floor_minor: int | None


# Ours, touched by nearly every posting. A row lock on each would queue all of them.
_SUMMED_DEBIT = KindRule(side=1, stores_balance=False, floor_minor=None)
_SUMMED_CREDIT = KindRule(side=-1, stores_balance=False, floor_minor=None)
# Somebody else's money: never below zero.
_OWED = KindRule(side=-1, stores_balance=True, floor_minor=0)
# What somebody owes us: nobody pays back more than that.
_OWING = KindRule(side=1, stores_balance=True, floor_minor=0)

CHART: dict[AccountKind, KindRule] = {
    AccountKind.PROCESSOR_CLEARING: _SUMMED_DEBIT,
    AccountKind.PROCESSOR_FEES: _SUMMED_DEBIT,
    AccountKind.PLATFORM_FEES: _SUMMED_CREDIT,
    AccountKind.BRAND_AVAILABLE: _OWED,
    AccountKind.RESERVED: _OWED,
    AccountKind.REFUND_RESERVED: _OWED,
    AccountKind.FUND_POOL: _OWED,
    AccountKind.GIFT_POOL: _OWED,
    AccountKind.CREATOR_PENDING: _OWED,
    AccountKind.CREATOR_AVAILABLE: _OWED,
    AccountKind.CREATOR_CONTESTED: _OWED,
    AccountKind.PAYOUT_RESERVED: _OWED,
    AccountKind.BRAND_DEBT: _OWING,
    AccountKind.CREATOR_DEBT: _OWING,
}
