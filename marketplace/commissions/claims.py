"""The codes and clicks that orders show, looked up for many orders at once, and the decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_

from marketplace.commissions.attribution import Claim, Decision, Seen, Shown, decide
from marketplace.commissions.click import Click
from marketplace.commissions.code import PromoCode
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.storefronts.order import buyer_hash

Found = tuple[PromoCode, Claim]


@dataclass(frozen=True)
class Facts:
    """What of an order decides whose sale it is."""

    brand_id: UUID
    codes: Sequence[str]
    clicks: Sequence[str]
    buyer: str | None
    currency: str
    placed_at: datetime
    is_test: bool


def decide_all(orders: Sequence[Facts]) -> Iterator[tuple[Decision, PromoCode | None]]:
    """Whose each of these orders is, and by which promo code."""
    codes, clicks = _codes(orders), _clicks(orders)
    by_id = {code.id: code for code, _ in codes.values()}
    by_id |= {code.id: code for code, _, _ in clicks.values()}
    for sale in orders:
        seen = [
            Seen("code", text, _claim(codes.get((sale.brand_id, text.lower()))))
            for text in sale.codes
        ]
        for token in sale.clicks:
            clicked = clicks.get((sale.brand_id, token))
            at = clicked[2] if clicked else None
            seen.append(Seen("link", token, clicked[1] if clicked else None, at))
        shown = Shown(tuple(seen), sale.buyer, sale.currency, sale.placed_at, sale.is_test)
        decision = decide(shown)
        payee = decision.payee
        yield decision, by_id[payee.promo_code_id] if payee else None


def _claim(found: Found | None) -> Claim | None:
    return found[1] if found else None


def _codes(sales: Sequence[Facts]) -> dict[tuple[UUID, str], Found]:
    wanted = {(sale.brand_id, code.lower()) for sale in sales for code in sale.codes}
    if not wanted:
        return {}
    lower = func.lower(PromoCode.code)
    rows = db.session.execute(
        select(PromoCode, Creator.handle, User.email)
        .join(Creator, Creator.id == PromoCode.creator_id)
        .join(User, User.id == Creator.user_id)
        .where(tuple_(PromoCode.brand_id, lower).in_(sorted(wanted)))
    )
    return {
        (code.brand_id, code.code.lower()): (code, _claim_of(code, handle, email))
        for code, handle, email in rows
    }


def _clicks(sales: Sequence[Facts]) -> dict[tuple[UUID, str], tuple[PromoCode, Claim, datetime]]:
    """A click on a link of another brand says nothing about this brand's orders."""
    wanted = {token for sale in sales for token in sale.clicks}
    if not wanted:
        return {}
    rows = db.session.execute(
        select(PromoCode, Creator.handle, User.email, Click.token, Click.at)
        .join(Click, Click.promo_code_id == PromoCode.id)
        .join(Creator, Creator.id == PromoCode.creator_id)
        .join(User, User.id == Creator.user_id)
        .where(Click.token.in_(sorted(wanted)))
    )
    return {
        (code.brand_id, token): (code, _claim_of(code, handle, email), at)
        for code, handle, email, token, at in rows
    }


def _claim_of(code: PromoCode, handle: str, email: str) -> Claim:
    return Claim(
        code.id,
        code.creator_id,
        handle,
        buyer_hash(email),
        code.currency,
        code.ended_at,
    )
