"""The receipt of a sale as its pages show it: whose it is and why, and how the commission came."""

from __future__ import annotations

from typing import Any

from marketplace.commissions import rate
from marketplace.commissions import sale as sales
from marketplace.commissions.sale import Sale
from marketplace.earnings.clawback import Clawback, clawbacks_of
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.storefronts.storefront import Storefront
from marketplace.web import clawbacks, sale_words


def shown(sale: Sale, own_handle: str | None = None) -> dict[str, Any]:
    """What a receipt page needs. `own_handle`: the creator who looks; None is the brand."""
    earning = db.session.get(Earning, sale.earning_id) if sale.earning_id else None
    left = None
    if sale.base is not None:
        left = rate.remaining(sale.base, sale.refunded, canceled=sale.is_canceled)
    return {
        "sale": sale,
        "shop": db.session.get_one(Storefront, sale.storefront_id),
        "payee": db.session.get(Creator, sale.creator_id) if sale.creator_id else None,
        "code": sale.promo_code,
        "rule": sale_words.rule(sale),
        "seen": sale_words.seen(sale, own_handle),
        "lines": [
            (title, count, Money(minor, sale.currency)) for title, count, minor in sale.lines
        ],
        "refunds": sales.refunds_of(sale),
        "left": left,
        "gross": sales.gross(sale),
        "earning": earning,
        "clawbacks": _clawbacks(earning),
        "clawed": clawbacks,
        "history": sale_words.history(sale),
    }


def _clawbacks(earning: Earning | None) -> list[Clawback]:
    return clawbacks_of([earning]) if earning else []
