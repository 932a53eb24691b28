"""Disputed payments: what to do about each until when; and the brands that owe or are suspended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from marketplace import clock
from marketplace.access import audience
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from marketplace.funding.dispute import Dispute
from marketplace.ledger import balances
from marketplace.ledger.chart import AccountKind
from marketplace.money import Money
from marketplace.parties.brand import Brand
from marketplace.web import dispute_words, paging
from marketplace.web.operator import bp


@bp.get("/disputes")
@audience("operator")
def disputes() -> ResponseReturnValue:
    """What is not answered yet first, the nearest date before the others; then the rest."""
    is_urgent = Dispute.status.in_(("inquiry", "needs_response"))
    urgent = select(Dispute).where(is_urgent).order_by(Dispute.answer_by, Dispute.id)
    page = paging.newest_first(select(Dispute).where(~is_urgent), Dispute.id)
    to_answer = list(db.session.scalars(urgent))
    shown = [*to_answer, *page.rows]
    return render_template(
        "operator/disputes.html",
        to_answer=to_answer,
        page=page,
        brands=_by_id(Brand, {it.brand_id for it in shown if it.brand_id}),
        deposits=_by_id(Deposit, {it.deposit_id for it in shown}),
        debts=_debts(),
        dispute_words=dispute_words,
        now=clock.now(),
    )


def _by_id(model: Any, ids: Iterable[UUID]) -> dict[UUID, Any]:
    return {it.id: it for it in db.session.scalars(select(model).where(model.id.in_(ids)))}


def _debts() -> list[tuple[Brand, Money]]:
    """What brands owe, the largest first."""
    held = balances.stored(AccountKind.BRAND_DEBT)
    rows = db.session.execute(
        select(Brand, held.c.currency, held.c.balance_minor)
        .join(held, held.c.owner == balances.owner_of("brand", Brand.id))
        .where(held.c.balance_minor > 0)
        .order_by(held.c.balance_minor.desc())
    )
    return [(brand, Money(int(minor), currency)) for brand, currency, minor in rows]
