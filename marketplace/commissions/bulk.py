"""Many fresh orders at once: paid, never heard of before, nothing taken back of them yet.

They end as `booking.take` would have left them one by one, in a few statements for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, String, any_, literal, select

from marketplace import statuses
from marketplace.commissions import rate
from marketplace.commissions.attribution import Decision
from marketplace.commissions.booking import Told
from marketplace.commissions.claims import Facts, decide_all
from marketplace.commissions.code import PromoCode
from marketplace.commissions.room import Room, covered
from marketplace.commissions.sale import Sale, SaleStatus
from marketplace.database.copying import copy_rows
from marketplace.database.identifier import new_id
from marketplace.earnings.bulk import accrue_many
from marketplace.earnings.earning import EarningKind, Owed
from marketplace.errors import InsufficientFunds
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.money import Money, zero
from marketplace.statuses import SYSTEM, Move
from marketplace.storefronts.order import Order
from marketplace.storefronts.storefront import Storefront

_COLUMNS = (
    *("id", "storefront_id", "brand_id", "order_ref", "order_name", "currency", "base_minor"),
    *("refunded_minor", "lines", "codes", "clicks", "buyer", "placed_at", "is_paid"),
    *("is_canceled", "is_test", "created_at", "receipt", "promo_code_id", "creator_id"),
    *("commission_minor", "platform_fee_minor", "paid_from", "earning_id", "status", "status_at"),
)
_FIRST_MOVES: tuple[Move, ...] = (
    ("create", None, str(SaleStatus.AWAITED), ""),
    ("record", str(SaleStatus.AWAITED), str(SaleStatus.RECORDED), ""),
)


@dataclass(frozen=True)
class _Fresh:
    """One order, and what was made of it."""

    id: UUID
    shop: Storefront
    order: Order
    decision: Decision
    promo_code: PromoCode | None
    net: Money
    platform_fee: Money

    @property
    def paid_from(self) -> str:
        assert self.promo_code is not None
        return self.promo_code.source_owner

    @property
    def last_move(self) -> Move:
        """How it ends, from 'recorded'."""
        if self.promo_code is None:
            event, ends, why = "leave", SaleStatus.UNATTRIBUTED, self.decision.rule
        elif not self.net:
            event, ends, why = "reverse", SaleStatus.NOTHING_DUE, "nothing_paid"
        else:
            event, ends, why = "accrue", SaleStatus.ACCRUED, ""
        return event, str(SaleStatus.RECORDED), str(ends), why

    @property
    def status(self) -> str:
        return self.last_move[2]


def take_fresh(told: Sequence[Told], room: Room, at: datetime) -> bool:
    """Write down fresh orders and owe what follows; False, and nothing done, if any is not fresh.

    Raises:
        InsufficientFunds: a commission is not covered; nothing is to be kept then.
        psycopg.Error: somebody else was told of one of them at this moment.
    """
    orders = [(shop, news.order) for shop, news in told if news.order and not news.refunds]
    keys = {(shop.id, order.ref) for shop, order in orders}
    if len(keys) < len(told) or not all(it.paid and not it.canceled for _, it in orders):
        return False
    if any(_known(shop_id, refs) for shop_id, refs in _by_shop(keys).items()):
        return False
    facts = [
        Facts(*(shop.brand_id, it.codes, it.clicks, it.buyer, shop.currency, it.placed_at, it.test))
        for shop, it in orders
    ]
    decided = zip(orders, decide_all(facts), strict=True)
    fresh = [_fresh(shop, order, *decision) for (shop, order), decision in decided]
    earning = [it for it in fresh if it.status == SaleStatus.ACCRUED]
    accrue_many(
        [_owed(it) for it in earning],
        lambda ids: _write(fresh, earning, ids, room, at),
        SYSTEM,
        at,
    )
    return True


def _by_shop(keys: Iterable[tuple[UUID, str]]) -> dict[UUID, list[str]]:
    refs: dict[UUID, list[str]] = {}
    for shop_id, ref in keys:
        refs.setdefault(shop_id, []).append(ref)
    return refs


def _known(shop_id: UUID, refs: list[str]) -> bool:
    """Have we heard of any of these orders?"""
    among = Sale.order_ref == any_(literal(refs, ARRAY(String())))
    found = select(Sale.id).where(Sale.storefront_id == shop_id, among).limit(1)
    return db.session.scalar(found) is not None


def _fresh(
    shop: Storefront, order: Order, decision: Decision, promo_code: PromoCode | None
) -> _Fresh:
    nothing = zero(shop.currency)
    net = platform_fee = nothing
    if promo_code is not None:
        due = rate.commission(order.base, nothing, promo_code.rate_bps, canceled=False)
        net, platform_fee = promo_code.terms.split(due)
    return _Fresh(new_id(), shop, order, decision, promo_code, net, platform_fee)


def _owed(it: _Fresh) -> Owed:
    assert it.promo_code is not None
    terms = it.promo_code.terms
    return Owed(
        EarningKind.COMMISSION,
        it.promo_code.creator_id,
        it.net if terms.fee_on_top else it.net + it.platform_fee,
        postings.reserved(it.promo_code.source_owner),
        f"sale:{it.id.hex}",
        terms,
    )


def _write(
    fresh: Sequence[_Fresh],
    earning: Sequence[_Fresh],
    earning_ids: Sequence[UUID],
    room: Room,
    at: datetime,
) -> None:
    earnings = dict(zip((it.id for it in earning), earning_ids, strict=True))
    rows = [_row(it, earnings.get(it.id), at) for it in fresh]
    copy_rows(Sale.__tablename__, _COLUMNS, rows)
    ended: dict[Move, list[UUID]] = {}
    for it in fresh:
        ended.setdefault(it.last_move, []).append(it.id)
    for last, ids in ended.items():
        statuses.write_many(Sale.__tablename__, ids, [*_FIRST_MOVES, last], SYSTEM, at)
    # After the orders themselves, as `booking` does: two who take the same ones meet there.
    wanted = [(it.paid_from, it.net + it.platform_fee) for it in earning]
    if not covered(wanted, room):
        raise InsufficientFunds("a campaign does not cover its commissions")


def _row(it: _Fresh, earning_id: UUID | None, at: datetime) -> tuple[Any, ...]:
    order, code = it.order, it.promo_code
    lines = [[line.title, line.quantity, line.paid.minor] for line in order.lines]
    return (
        *(it.id, it.shop.id, it.shop.brand_id, order.ref, order.name, it.shop.currency),
        *(max(order.base.minor, 0), 0, Jsonb(lines), list(order.codes), list(order.clicks)),
        *(order.buyer, order.placed_at, True, False, order.test, at),
        Jsonb(it.decision.as_receipt()),
        *((code.id, code.creator_id) if code else (None, None)),
        *(it.net.minor, it.platform_fee.minor, code.source_owner if code else None),
        *(earning_id, it.status, at),
    )
