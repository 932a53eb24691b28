"""From what a shop tells to the sale and the books.

    take
      _sales       each order's row under its lock, born if we hear of it for the first time
      _learn       what the message says is written down; facts only ever add up
      _attribute   whose sale it is
      _settle      the status and the money follow from the facts

Whatever the order of the messages, the same facts end at the same status and the same commission.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import insert

from marketplace import statuses
from marketplace.commissions import rate
from marketplace.commissions.claims import Facts, decide_all
from marketplace.commissions.room import Room, covered
from marketplace.commissions.sale import Sale, SaleRefund, SaleStatus, gross
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_all
from marketplace.earnings.clawback import claw_back, platform_fee_while
from marketplace.earnings.earning import Earning, EarningKind, Owed, accrue
from marketplace.errors import InsufficientFunds
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.draft import AccountRef
from marketplace.statuses import SYSTEM
from marketplace.storefronts.order import News, Order, Refund
from marketplace.storefronts.storefront import Storefront

Told = tuple[Storefront, News]


def take(told: Sequence[Told], room: Room, at: datetime) -> None:
    """Write down what shops told us, and owe what follows from it, in one posting.

    A commission that is not covered waits, if it is told of alone.

    Raises:
        InsufficientFunds: one of several commissions is not covered; nothing is to be kept then.
    """
    # A row that is written twice has its foreign keys checked again, which locks its creator: a
    # clawback that takes the real lock then could meet another such. So nothing is written early.
    with db.session.no_autoflush:
        sales = _sales(told, at)
        undone: dict[UUID, str] = {}  # by sale: what took from it just now
        for storefront, news in told:
            sale = sales[storefront.id, news.order_ref]
            if source := _learn(sale, news, at):
                undone[sale.id] = source
        _attribute([sale for sale in sales.values() if sale.status == SaleStatus.RECORDED])
        due = [sale for sale in sales.values() if _settle(sale, undone, room, at)]
        if due:
            accrue_or_wait(due, room, at)


# ---- facts


def _sales(told: Sequence[Told], at: datetime) -> dict[tuple[UUID, str], Sale]:
    """The sale of each order, locked; several workers ask in one order of keys."""
    shops = {storefront.id: storefront for storefront, _ in told}
    keys = sorted({(storefront.id, news.order_ref) for storefront, news in told})
    fresh = set(db.session.scalars(_INSERT, [_born(shops[id], ref, at) for id, ref in keys]))
    key = tuple_(Sale.storefront_id, Sale.order_ref)
    sales = lock_all(Sale, key.in_(keys), order_by=Sale.id)
    for sale in sales:
        if sale.id in fresh:
            statuses.born(sale, at, SYSTEM)
    return {(sale.storefront_id, sale.order_ref): sale for sale in sales}


_INSERT = insert(Sale).on_conflict_do_nothing().returning(Sale.id)


def _born(shop: Storefront, order_ref: str, at: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "storefront_id": shop.id,
        "brand_id": shop.brand_id,
        "order_ref": order_ref,
        "currency": shop.currency,
        "status": SaleStatus.AWAITED,
        "status_at": at,
        "created_at": at,
    }


def _learn(sale: Sale, news: News, at: datetime) -> str | None:
    """Add what a message says to what we know; return what takes from the sale, if it does."""
    source = None
    if news.order is not None:
        if _learn_order(sale, news.order):
            source = f"sale_canceled:{sale.id.hex}"
        if sale.status == SaleStatus.AWAITED:
            statuses.advance(sale, "record", at, SYSTEM)
    for refund in news.refunds:
        if (fresh := _learn_refund(sale, refund)) is not None:
            source = source or f"sale_refund:{fresh.hex}"
    return source


def _learn_order(sale: Sale, order: Order) -> bool:
    """What the shop says of the order itself; True if it cancels it. A paid price stands."""
    canceled = order.canceled and not sale.is_canceled
    if sale.status in (SaleStatus.AWAITED, SaleStatus.RECORDED) and not sale.is_paid:
        sale.order_name = order.name
        sale.base_minor = max(order.base.minor, 0)
        sale.lines = [[it.title, it.quantity, it.paid.minor] for it in order.lines]
        sale.codes, sale.clicks = list(order.codes), list(order.clicks)
        sale.buyer, sale.placed_at, sale.is_test = order.buyer, order.placed_at, order.test
    sale.is_paid = sale.is_paid or order.paid
    sale.is_canceled = sale.is_canceled or order.canceled
    return canceled


def _learn_refund(sale: Sale, refund: Refund) -> UUID | None:
    """Count a refund once; return its id if we had not heard of it."""
    row = {
        "id": new_id(),
        "sale_id": sale.id,
        "refund_ref": refund.ref,
        "amount_minor": refund.amount.minor,
        "currency": refund.amount.currency,
        "refunded_at": refund.at,
    }
    fresh: UUID | None = db.session.scalar(
        insert(SaleRefund).values(row).on_conflict_do_nothing().returning(SaleRefund.id)
    )
    if fresh is not None:
        sale.refunded_minor += refund.amount.minor
    return fresh


# ---- what follows


def _attribute(sales: Sequence[Sale]) -> None:
    """Decide whose these sales are; it may still change until the buyer has paid."""
    decisions = decide_all([_facts(sale) for sale in sales])
    for sale, (decision, promo_code) in zip(sales, decisions, strict=True):
        sale.receipt = decision.as_receipt()
        sale.promo_code = promo_code
        sale.creator_id = promo_code.creator_id if promo_code else None
        sale.paid_from = promo_code.source_owner if promo_code else None


def _facts(sale: Sale) -> Facts:
    assert sale.placed_at is not None
    shown = (sale.brand_id, sale.codes, sale.clicks, sale.buyer, sale.currency)
    return Facts(*shown, sale.placed_at, sale.is_test)


def _settle(sale: Sale, undone: dict[UUID, str], room: Room, at: datetime) -> bool:
    """Bring status and money to what the facts say; True if a commission is to be accrued."""
    if sale.status in (SaleStatus.AWAITED, SaleStatus.UNATTRIBUTED, SaleStatus.NOTHING_DUE):
        return False
    if sale.promo_code is None:
        if sale.is_paid or sale.is_canceled:
            assert sale.receipt is not None
            statuses.advance(sale, "leave", at, SYSTEM, sale.receipt["rule"])
        return False
    was_accrued = sale.status == SaleStatus.ACCRUED
    _reckon(sale)
    if not (sale.is_paid or sale.is_canceled):
        return False
    if not sale.commission_minor:
        statuses.advance(sale, "reverse", at, SYSTEM, _why_nothing(sale))
    if was_accrued:
        _claw_back(sale, undone, room, at)
    return bool(sale.commission_minor) and not was_accrued


def _reckon(sale: Sale) -> None:
    """What the creator keeps of this sale now, and our platform fee on it."""
    assert sale.base is not None
    assert sale.promo_code is not None
    target = rate.commission(
        sale.base, sale.refunded, sale.promo_code.rate_bps, canceled=sale.is_canceled
    )
    net, platform_fee = sale.promo_code.terms.split(target)
    if sale.earning_id is not None:  # owed already: what the books leave of the fee they took
        platform_fee = platform_fee_while(db.session.get_one(Earning, sale.earning_id), net)
    sale.commission_minor, sale.platform_fee_minor = net.minor, platform_fee.minor


def _why_nothing(sale: Sale) -> str:
    if sale.is_canceled:
        return "order_canceled"
    return "order_refunded" if sale.refunded_minor else "nothing_paid"


def _claw_back(sale: Sale, undone: dict[UUID, str], room: Room, at: datetime) -> None:
    """Take back what the creator keeps no more; the money goes back to where it came from."""
    source_ref = undone.get(sale.id)
    if source_ref is None:
        return
    earning = db.session.get_one(Earning, sale.earning_id)
    claw_back(
        earning,
        sale.commission,
        reason="order_canceled" if sale.is_canceled else "order_refunded",
        source_ref=source_ref,
        back_to=_back_to(sale, room),
        actor=SYSTEM,
        at=at,
    )


def _back_to(sale: Sale, room: Room) -> AccountRef:
    """The campaign's reservation while it is open, else the brand's unreserved money."""
    assert sale.paid_from is not None
    if sale.paid_from.startswith("campaign:") and room(sale.paid_from) is not None:
        return postings.reserved(sale.paid_from)
    return postings.brand_available(f"brand:{sale.brand_id.hex}")


def accrue_or_wait(due: Sequence[Sale], room: Room, at: datetime) -> None:
    """Owe these commissions in one posting; one that is alone and not covered waits."""
    if not is_covered(due, room):
        if len(due) > 1:
            raise InsufficientFunds("a campaign does not cover its commissions")
        if statuses.allows(due[0], "lack"):
            statuses.advance(due[0], "lack", at, SYSTEM)
        return
    earnings = accrue([owed(sale) for sale in due], SYSTEM, at)
    for sale in due:
        statuses.advance(sale, "accrue", at, SYSTEM)
    book(due, earnings)


def is_covered(due: Sequence[Sale], room: Room) -> bool:
    """Have their campaigns free what these sales take?"""
    return covered(((str(sale.paid_from), gross(sale)) for sale in due), room)


def owed(sale: Sale) -> Owed:
    """What a sale owes its creator."""
    assert sale.promo_code is not None
    assert sale.creator_id is not None
    assert sale.paid_from is not None
    account = (
        postings.reserved if sale.paid_from.startswith("campaign:") else postings.brand_available
    )
    return Owed(
        EarningKind.COMMISSION,
        sale.creator_id,
        sale.commission if sale.promo_code.terms.fee_on_top else gross(sale),
        account(sale.paid_from),
        sale.source_ref,
        sale.promo_code.terms,
    )


def book(due: Sequence[Sale], earnings: Sequence[Earning]) -> None:
    """Each sale knows its earning."""
    for sale, earning in zip(due, earnings, strict=True):
        sale.earning_id = earning.id
