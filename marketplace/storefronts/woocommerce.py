"""WooCommerce's orders as we know them. PURE.

Source: WooCommerce REST API documentation, order properties. There is no topic for refunds: an
updated order lists them, each with what was given back in all, tax and shipping included.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from marketplace.money import Money, zero
from marketplace.storefronts import reading
from marketplace.storefronts.order import News, Order, OrderLine, Refund, buyer_hash
from marketplace.storefronts.reading import Unreadable

Body = Mapping[str, Any]

TOPICS = frozenset({"order.created", "order.updated"})

_PAID = frozenset({"processing", "completed", "refunded"})
# Not "failed": a buyer whose payment failed may try again.
_CANCELED = frozenset({"cancelled"})
# Under which the shop keeps the address on which the buyer arrived (since WooCommerce 8.5).
_ENTRY = "_wc_order_attribution_session_entry"


def read(topic: str, event_id: str, body: Body, currency: str) -> News:
    """What a message says; `currency` is the shop's.

    Raises:
        Unreadable: it lacks what such a message has, or is of another currency.
    """
    if body.get("currency") != currency:
        raise Unreadable(f"the order is in {reading.text(body.get('currency'))}, not {currency}")
    lines = tuple(_line(it, currency) for it in reading.objects(body.get("line_items")))
    base = reading.bounded(sum((line.paid for line in lines), zero(currency)))
    email = reading.text(reading.mapping(body.get("billing")).get("email"))
    order = Order(
        ref=reading.ref(body.get("id"), "the order"),
        name=f"#{reading.text(body.get('number')) or reading.text(body.get('id'))}",
        base=base,
        lines=lines,
        codes=_codes(body),
        clicks=_clicks(body),
        buyer=buyer_hash(email) if email else None,
        placed_at=reading.instant(body.get("date_created_gmt"), utc=True),
        paid=bool(body.get("date_paid_gmt")) or body.get("status") in _PAID,
        canceled=body.get("status") in _CANCELED,
        test=False,
    )
    return News(event_id, topic, order.ref, order, _refunds(body, base, order))


def _line(it: Body, currency: str) -> OrderLine:
    """`total` is what was paid after coupons; its tax stands apart."""
    quantity = it.get("quantity")
    return OrderLine(
        reading.text(it.get("name")),
        quantity if isinstance(quantity, int) and not isinstance(quantity, bool) else 0,
        reading.amount(it.get("total"), currency),
    )


def _codes(body: Body) -> tuple[str, ...]:
    coupons = reading.objects(body.get("coupon_lines"))
    return reading.distinct([reading.text(it.get("code")) for it in coupons])


def _clicks(body: Body) -> tuple[str, ...]:
    found = []
    for it in reading.objects(body.get("meta_data")):
        if it.get("key") == _ENTRY:
            found.append(reading.click_of(it.get("value")))
        elif it.get("key") == reading.CLICK_PARAMETER:
            found.append(reading.text(it.get("value")))
    return reading.distinct(found)


def _refunds(body: Body, base: Money, order: Order) -> tuple[Refund, ...]:
    """The goods' share of each refund, so that all of them together are the goods' share of all."""
    total = reading.amount(body.get("total"), base.currency)
    listed = reading.objects(body.get("refunds"))
    listed.sort(key=lambda it: (len(reading.text(it.get("id"))), reading.text(it.get("id"))))
    changed = body.get("date_modified_gmt")
    at = reading.instant(changed, utc=True) if changed else order.placed_at
    refunds, so_far = [], zero(base.currency)
    for it in listed:
        before = _part(base, so_far, total)
        so_far += _given(it, base.currency)
        share = _part(base, so_far, total) - before
        refunds.append(Refund(reading.ref(it.get("id"), "a refund"), share, at))
    return tuple(refunds)


def _given(it: Body, currency: str) -> Money:
    total = reading.amount(it.get("total"), currency)
    return Money(abs(total.minor), currency)


def _part(base: Money, given: Money, total: Money) -> Money:
    if total.minor <= 0:
        return zero(base.currency)
    exact = Decimal(base.minor) * min(given.minor, total.minor) / total.minor
    return Money(int(exact.to_integral_value(ROUND_HALF_EVEN)), base.currency)
