"""What a shop tells us of an order, in one form whichever software the shop runs. PURE."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from marketplace.money import Money


@dataclass(frozen=True)
class OrderLine:
    """One line of goods, and what was paid for it: net of discounts, tax and shipping."""

    title: str
    quantity: int
    paid: Money


@dataclass(frozen=True)
class Order:
    """An order as its shop tells it, in the shop's own currency.

    `base` is the price paid for the goods, net of discounts, tax and shipping: what a commission is
    a share of. `codes` and `clicks` are what may say whose sale it is, in the shop's order.
    `buyer` is the hash of the buyer's mail address, None if the shop does not tell it.
    """

    ref: str
    name: str  # as people know it, such as '#1042'
    base: Money
    lines: tuple[OrderLine, ...]
    codes: tuple[str, ...]
    clicks: tuple[str, ...]
    buyer: str | None
    placed_at: datetime
    paid: bool
    canceled: bool
    test: bool


@dataclass(frozen=True)
class Refund:
    """Money that a shop gave back; `amount` is the part of it that was paid for the goods."""

    ref: str
    amount: Money
    at: datetime


@dataclass(frozen=True)
class News:
    """What one message says of one order: the order itself, refunds, or both."""

    event_id: str
    topic: str
    order_ref: str
    order: Order | None
    refunds: tuple[Refund, ...]


def buyer_hash(email: str) -> str:
    """A mail address as we keep it of a buyer: enough to see that two are the same."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()
