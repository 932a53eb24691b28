"""What a processor says of itself: its events, what moved our money there, and what lies there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from marketplace.money import Money

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, newest first. `next` asks for the page after it; None = the last."""

    rows: Sequence[T]
    next: str | None = None
    unreadable: Sequence[str] = ()  # the names there of what we cannot read; the others go on


@dataclass(frozen=True)
class Movement:
    """One line of the processor's own account of our money: Stripe's balance transaction.

    `type` is 'charge', 'refund', 'refund_failure', 'transfer', 'transfer_refund', 'dispute',
    'dispute_reversal', 'payout' (to our own bank), or the processor's own word where it is none of
    these.
    """

    remote_id: str
    type: str
    amount: Money  # negative: away from us
    fee: Money  # what the processor kept of it besides
    created_at: datetime  # on the processor's clock
    source: str | None  # the charge, refund or transfer that moved it
    object_kind: str | None  # what to fetch to learn what became of it; None = nothing of ours
    object_id: str | None


@dataclass(frozen=True)
class Moved:
    """One movement of our balance there: below zero if it was taken, and the fee beside it."""

    ref: str  # the processor's own balance transaction
    amount: Money
    fee: Money


@dataclass(frozen=True)
class Cash:
    """What a processor says of our own money there, in one currency."""

    available: Money  # can be paid out now
    pending: Money  # ours, and not yet to be paid out

    @property
    def total(self) -> Money:
        return self.available + self.pending
