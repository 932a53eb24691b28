"""Shopify's orders and refunds as we know them. PURE.

Sources: shopify.dev, Admin REST resources Order and Refund, webhook topics. What counts is money of
the shop (`shop_money`), not what the buyer's page showed (`presentment_money`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketplace.money import Money, zero
from marketplace.storefronts import reading
from marketplace.storefronts.order import News, Order, OrderLine, Refund, buyer_hash
from marketplace.storefronts.reading import Unreadable

Body = Mapping[str, Any]

ORDERS = frozenset({"orders/create", "orders/paid", "orders/updated", "orders/cancelled"})
REFUNDS = frozenset({"refunds/create"})
TOPICS = ORDERS | REFUNDS

# By `financial_status`: the whole price was paid at some time.
_PAID = frozenset({"paid", "partially_refunded", "refunded"})


def read(topic: str, event_id: str, body: Body, currency: str) -> News:
    """What a message says; `currency` is the shop's.

    Raises:
        Unreadable: it lacks what such a message has, or is of another currency.
    """
    if topic in REFUNDS:
        order_ref = reading.ref(body.get("order_id"), "the refunded order")
        return News(event_id, topic, order_ref, None, (_refund(body, currency),))
    order = _order(topic, body, currency)
    refunds = tuple(_refund(it, currency) for it in reading.objects(body.get("refunds")))
    return News(event_id, topic, order.ref, order, refunds)


def _order(topic: str, body: Body, currency: str) -> Order:
    if body.get("currency") != currency:
        raise Unreadable(f"the order is in {reading.text(body.get('currency'))}, not {currency}")
    customer = reading.mapping(body.get("customer"))
    email = reading.text(body.get("email")) or reading.text(customer.get("email"))
    return Order(
        ref=reading.ref(body.get("id"), "the order"),
        name=reading.text(body.get("name")),
        base=reading.bounded(_base(body, currency)),
        lines=_lines(body, currency),
        codes=_codes(body),
        clicks=_clicks(body),
        buyer=buyer_hash(email) if email else None,
        placed_at=reading.instant(body.get("created_at")),
        paid=topic == "orders/paid" or body.get("financial_status") in _PAID,
        canceled=topic == "orders/cancelled" or bool(body.get("cancelled_at")),
        test=body.get("test") is True,
    )


def _shop_money(thing: Body, name: str, currency: str) -> Money:
    """An amount in the shop's currency: `<name>_set.shop_money` where it fits, else `<name>`.

    Older messages have no sets; a plain amount is in the shop's currency.
    """
    shop = reading.mapping(reading.mapping(thing.get(f"{name}_set")).get("shop_money"))
    if shop.get("currency_code") == currency:
        return reading.amount(shop.get("amount"), currency)
    return reading.amount(thing.get(name), currency)


def _base(body: Body, currency: str) -> Money:
    """The subtotal is net of discounts and shipping; tax is in it where prices include tax."""
    subtotal = _shop_money(body, "subtotal_price", currency)
    if body.get("taxes_included") is not True:
        return subtotal
    tax = zero(currency)
    for line in reading.objects(body.get("line_items")):
        tax += _tax(line, currency)
    return max(subtotal - tax, zero(currency), key=lambda it: it.minor)


def _tax(line: Body, currency: str) -> Money:
    tax = zero(currency)
    for it in reading.objects(line.get("tax_lines")):
        tax += _shop_money(it, "price", currency)
    return tax


def _lines(body: Body, currency: str) -> tuple[OrderLine, ...]:
    """What was bought, for people to read; none if the lines are told in another currency only."""
    lines = []
    for it in reading.objects(body.get("line_items")):
        shop = reading.mapping(reading.mapping(it.get("price_set")).get("shop_money"))
        if shop.get("currency_code", currency) != currency:
            return ()
        quantity = it.get("quantity")
        count = quantity if isinstance(quantity, int) and 0 <= quantity <= 10**6 else 0
        paid = Money(_shop_money(it, "price", currency).minor * count, currency)
        for cut in reading.objects(it.get("discount_allocations")):
            paid -= _shop_money(cut, "amount", currency)
        if body.get("taxes_included") is True:
            paid -= _tax(it, currency)
        lines.append(OrderLine(reading.text(it.get("title")), count, paid))
    return tuple(lines)


def _codes(body: Body) -> tuple[str, ...]:
    codes = reading.objects(body.get("discount_codes"))
    return reading.distinct([reading.text(it.get("code")) for it in codes])


def _clicks(body: Body) -> tuple[str, ...]:
    notes = reading.objects(body.get("note_attributes"))
    noted = [
        reading.text(it.get("value")) for it in notes if it.get("name") == reading.CLICK_PARAMETER
    ]
    return reading.distinct([reading.click_of(body.get("landing_site")), *noted])


def _refund(body: Body, currency: str) -> Refund:
    """The goods of a refund; without any, what was given back as goodwill, net of tax."""
    given = zero(currency)
    for it in reading.objects(body.get("refund_line_items")):
        given += _refunded_line(it, currency)
    for it in reading.objects(body.get("order_adjustments")):
        # An adjustment takes from the order: -5.00 was given back. Shipping is not of the goods.
        if it.get("kind") == "refund_discrepancy":
            given -= _shop_money(it, "amount", currency)
    return Refund(
        ref=reading.ref(body.get("id"), "the refund"),
        amount=reading.bounded(max(given, zero(currency), key=lambda it: it.minor)),
        at=reading.instant(body.get("created_at")),
    )


def _refunded_line(it: Body, currency: str) -> Money:
    if "subtotal" in it:
        return _shop_money(it, "subtotal", currency)
    line, quantity = reading.mapping(it.get("line_item")), it.get("quantity")
    count = quantity if isinstance(quantity, int) and 0 <= quantity <= 10**6 else 0
    return Money(_shop_money(line, "price", currency).minor * count, currency)
