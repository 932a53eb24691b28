"""A shop, a creator who sells for it, and what the shop tells, made by domain calls."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace import clock
from marketplace.campaigns import ending
from marketplace.campaigns.campaign import Campaign
from marketplace.commissions import booking
from marketplace.commissions import code as codes
from marketplace.commissions.code import PromoCode
from marketplace.commissions.sale import Sale
from marketplace.database.identifier import new_id
from marketplace.earnings.clawback import kept
from marketplace.earnings.earning import Earning
from marketplace.earnings.terms import Terms, terms_of
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.storefronts import storefront as storefronts
from marketplace.storefronts.order import News, Order, OrderLine, Refund, buyer_hash
from marketplace.storefronts.storefront import Storefront
from tests.make import BrandTeam, CreatorSelf, make_brand, make_campaign, make_creator
from tests.within import locked

PLACED = datetime.fromisoformat("2026-11-01T17:33:23+00:00")
SECRET = "hush"
_numbers = itertools.count(1)


@dataclass
class Shop:
    """A brand's shop with money set aside for the sales of one creator."""

    team: BrandTeam
    creator: CreatorSelf
    storefront: Storefront
    code: PromoCode

    @property
    def owner(self) -> str:
        return self.code.source_owner


def give(team: BrandTeam, minor: int) -> None:
    """Unreserved money for a brand, paid in as brands do."""
    campaign = make_campaign(team, status="open", flat_fee_minor=minor, places=1)
    ending.cancel(locked(Campaign, campaign.id), "system", "not needed", clock.now())
    db.session.commit()


def reserve(team: BrandTeam, owner: str, minor: int) -> None:
    """Money set aside for the sales of one campaign."""
    give(team, minor)
    amount, cause = Money(minor, "USD"), Cause("campaign", UUID(hex=owner.partition(":")[2]))
    reservation.reserve(team.brand.ledger_owner, owner, amount, cause, clock.now())
    db.session.commit()


def sell_for(
    team: BrandTeam,
    creator: CreatorSelf,
    *,
    owner: str | None = None,
    rate_bps: int = 1_500,
    terms: Terms | None = None,
    currency: str = "USD",
) -> PromoCode:
    """A code of this creator for this brand."""
    code = codes.issue(
        new_id(),
        creator.creator.id,
        team.brand.id,
        owner or f"campaign:{new_id().hex}",
        rate_bps,
        terms or terms_of("commission", clock.now()),
        currency,
        clock.now(),
    )
    db.session.commit()
    return code


def make_storefront(
    team: BrandTeam, kind: str = "shopify", currency: str = "USD", domain: str | None = None
) -> Storefront:
    """A shop whose secret is set."""
    shop = storefronts.add(
        team.brand.id,
        kind,
        domain or f"shop{next(_numbers)}.example",
        currency,
        form_key=new_id(),
        at=clock.now(),
    )
    shop.secret = SECRET
    db.session.commit()
    return shop


def make_shop(
    reserved_minor: int = 100_000, *, rate_bps: int = 1_500, kind: str = "shopify"
) -> Shop:
    """A shop, its creator, and reserved money."""
    team, creator = make_brand(), make_creator()
    code = sell_for(team, creator, rate_bps=rate_bps)
    if reserved_minor:
        reserve(team, code.source_owner, reserved_minor)
    return Shop(team, creator, make_storefront(team, kind), code)


def make_campaign_shop(reserved_minor: int = 100_000, *, kind: str = "shopify") -> Shop:
    """A shop, its creator, and an open campaign that pays for sales alone."""
    team, creator = make_brand(), make_creator()
    campaign = make_campaign(
        team,
        status="open",
        flat_fee_minor=None,
        commission_bps=1_500,
        places=1,
        budget_minor=reserved_minor,
    )
    code = sell_for(team, creator, owner=campaign.ledger_owner)
    return Shop(team, creator, make_storefront(team, kind), code)


def order(base: str = "49.90", ref: str = "1042", **changes: Any) -> News:
    """A shop's message about an order that is paid; `changes` are the order's."""
    amount = Money(int(base.replace(".", "")), "USD")
    told: dict[str, Any] = {
        "ref": ref,
        "name": f"#{ref}",
        "base": amount,
        "lines": (OrderLine("Serum", 1, amount),),
        "codes": (),
        "clicks": (),
        "buyer": buyer_hash("buyer@example.com"),
        "placed_at": PLACED,
        "paid": True,
        "canceled": False,
        "test": False,
    }
    return News(f"e{next(_numbers)}", "orders/paid", ref, Order(**(told | changes)), ())


def refund(amount: str, ref: str, order_ref: str = "1042") -> News:
    """A shop's message about money given back."""
    minor = int(amount.replace(".", ""))
    given = Refund(ref, Money(minor, "USD"), PLACED + timedelta(days=2))
    return News(f"e{next(_numbers)}", "refunds/create", order_ref, None, (given,))


def free(owner: str) -> Money:
    """What is reserved for these sales: no work of agreements is committed here."""
    return reservation.reserved(owner, "USD")


def tell(shop: Shop, *news: News, still_open: bool = True, at: datetime | None = None) -> Sale:
    """Take messages one after the other, each committed; return the sale of the last."""
    for one in news:
        room = free if still_open else (lambda owner: None)
        booking.take([(shop.storefront, one)], room, at or clock.now())
        db.session.commit()
    found = db.session.query(Sale).filter_by(storefront_id=shop.storefront.id)
    return found.filter_by(order_ref=news[-1].order_ref).one()


def keeps(sale: Sale) -> int:
    """What the creator keeps of a sale, in the books."""
    if sale.earning_id is None:
        return 0
    return kept(db.session.get_one(Earning, sale.earning_id)).minor


def reserved(shop: Shop) -> int:
    """What is still set aside."""
    return reservation.reserved(shop.owner, "USD").minor
