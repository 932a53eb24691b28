"""What shops tell us of their orders: proven, read, and turned into one call of the domain.

Unlike a processor's event a shop's message carries what happened: nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from marketplace.campaigns import commitments
from marketplace.campaigns.campaign import Campaign
from marketplace.commissions import booking, bulk, unfunded
from marketplace.commissions.booking import Told
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.processors import registry
from marketplace.processors.base import Ref
from marketplace.storefronts import reading, signature
from marketplace.storefronts.storefront import Storefront
from marketplace.webhooks.event import WebhookEvent


def verify(shop: Storefront, raw: bytes, headers: Mapping[str, str]) -> Ref:
    """Prove that the shop sent these bytes; return what they are about.

    An id counts within its shop alone: no other can take it away.

    Raises:
        BadSignature: the shop did not sign them.
        Unreadable: they are no message of such a shop.
    """
    software = shop.software
    assert shop.secret is not None, "a shop without a secret is not believed"
    signature.check(raw, headers[software.signature_header], shop.secret)
    body = reading.body_of(raw)
    delivery = reading.ref(headers[software.id_header], "the delivery")
    topic = reading.ref(headers[software.topic_header], "the topic")
    about = reading.text(body.get("order_id")) or reading.text(body.get("id"))
    return Ref(
        event_id=f"{shop.id.hex}:{delivery}",
        event_type=topic,
        livemode=registry.livemode(),
        kind="order" if topic in software.topics else None,
        remote_id=about or None,
        account=shop.id.hex,
    )


def read(events: Sequence[WebhookEvent]) -> list[Told]:
    """What stored messages say, each with its shop.

    Raises:
        Unreadable: one lacks what such a message has.
    """
    shops = {account: _shop(account) for account in {event.account for event in events}}
    told = []
    for event in events:
        shop = shops[event.account]
        body = reading.body_of(event.raw)
        news = shop.software.read(event.event_type, event.event_id, body, shop.currency)
        told.append((shop, news))
    return told


def _shop(account: str | None) -> Storefront:
    return db.session.get_one(Storefront, UUID(hex=account))


def apply(told: Sequence[Told], at: datetime) -> None:
    """Follow what shops told us.

    Raises:
        InsufficientFunds: of several commissions one is not covered: take them one by one.
    """
    # One alone may have to wait for money, which only `booking` knows how to do.
    if len(told) == 1 or not bulk.take_fresh(told, room, at):
        booking.take(told, room, at)


def fund_next(at: datetime) -> bool:
    """Accrue a sale that lacked money and no longer does; False if there is none."""
    return unfunded.fund_next(room, at)


def room(owner: str) -> Money | None:
    """What this campaign has free, and will have until we commit; None if it is over.

    The flat fees of agreements, and of places not taken yet, are not free.
    """
    lock(Campaign, UUID(hex=owner.removeprefix("campaign:")))
    return commitments.free_of(owner)
