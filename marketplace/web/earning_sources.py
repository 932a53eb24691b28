"""What an earning goes back to, in a few words: campaign, order, challenge or contest."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.deliverable import Deliverable
from marketplace.challenges.challenge import Challenge
from marketplace.commissions.sale import Sale
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.draft import AccountRef, Cause


def named(earnings: Iterable[Earning]) -> dict[UUID, str]:
    """A name for the source of each earning, by the earning's id; what it came as if unknown."""
    rows = list(earnings)
    known = titles(rows)
    return {it.id: known.get(it.id) or it.source_ref.partition(":")[2] for it in rows}


def titles(earnings: Iterable[Earning]) -> dict[UUID, str]:
    """The campaign, order or challenge of each earning that comes of one, by the earning's id."""
    rows = list(earnings)
    agreed = {id: it.campaign.title for id, it in agreements(rows).items()}
    return agreed | _orders(rows) | _challenges(rows)


def _orders(earnings: list[Earning]) -> dict[UUID, str]:
    ids = [it.id for it in earnings if it.kind == EarningKind.COMMISSION]
    sales = select(Sale).where(Sale.earning_id.in_(ids))
    return {
        it.earning_id: it.order_name or it.order_ref
        for it in db.session.scalars(sales)
        if it.earning_id
    }


def _challenges(earnings: list[Earning]) -> dict[UUID, str]:
    prizes = {it.id: _id(it) for it in earnings if it.source_ref.startswith("prize:")}
    named = select(Challenge.id, Challenge.title).where(Challenge.id.in_(prizes.values()))
    title = {id: title for id, title in db.session.execute(named)}
    return {earning_id: title[id] for earning_id, id in prizes.items()}


def agreements(earnings: Iterable[Earning]) -> dict[UUID, Agreement]:
    """The agreement of each earning that pays for approved work, by the earning's id."""
    works = {_id(it): it.id for it in earnings if it.source_ref.startswith("deliverable:")}
    found = db.session.execute(
        select(Deliverable.id, Agreement)
        .join(Agreement, Agreement.id == Deliverable.agreement_id)
        .join(Agreement.campaign)
        .options(contains_eager(Agreement.campaign))
        .where(Deliverable.id.in_(works))
    )
    return {works[deliverable_id]: agreement for deliverable_id, agreement in found}


def payer(earning: Earning) -> AccountRef:
    """Where an earning goes back to that is undone: its brand's unreserved money, or its pool."""
    if earning.kind in postings.POOLS:
        return postings.POOLS[earning.kind]
    brand_id: UUID
    if earning.kind == EarningKind.COMMISSION:
        sold = select(Sale).where(Sale.earning_id == earning.id)
        brand_id = db.session.scalars(sold).one().brand_id
    elif earning.kind == EarningKind.PRIZE:
        brand_id = db.session.get_one(Challenge, _id(earning)).brand_id
    else:
        brand_id = agreements([earning])[earning.id].campaign.brand_id
    return postings.brand_available(f"brand:{brand_id.hex}")


def agreement_of(cause: Cause) -> Agreement | None:
    """The agreement behind a transaction: of approved work, or of work that was given up."""
    if cause.type == "agreement":
        return db.session.get(Agreement, cause.id)
    earning = db.session.get(Earning, cause.id) if cause.type == "earning" else None
    return agreements([earning]).get(earning.id) if earning else None


def _id(earning: Earning) -> UUID:
    """Of what a source reference names first, as in 'deliverable:<id>' and 'prize:<id>:<id>'."""
    return UUID(hex=earning.source_ref.split(":")[1])
