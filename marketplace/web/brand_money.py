"""What a brand has and where it is: available, reserved, on its way; and the books behind it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from marketplace import access
from marketplace.access import audience
from marketplace.campaigns.agreement import Agreement
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from marketplace.funding.dispute import Dispute
from marketplace.funding.refund import Refund
from marketplace.ledger import balances
from marketplace.ledger.balances import Entry, Held
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import Cause
from marketplace.web import brand_standing, brand_targets, earning_sources, forms, paging, trace
from marketplace.web.brand import available, bp, reserved_in_all
from marketplace.web.brand_targets import Target
from marketplace.web.paging import Page

SHOWN = 8  # deposits, refunds and lines of each account on the page of money

# The brand's own accounts, by their name in addresses. What is reserved is a campaign's account.
_KINDS = {
    "available": AccountKind.BRAND_AVAILABLE,
    "refunds": AccountKind.REFUND_RESERVED,
    "debt": AccountKind.BRAND_DEBT,
}


@bp.get("/money")
@audience("brand")
def money() -> ResponseReturnValue:
    brand = access.current_brand()
    deposits = select(Deposit).where(Deposit.brand_id == brand.id).order_by(Deposit.id.desc())
    refunds = select(Refund).where(Refund.brand_id == brand.id).order_by(Refund.id.desc())
    shown = list(db.session.scalars(deposits.limit(SHOWN)))
    books = [
        (name, held, balances.entries(held.account, held.balance.currency, limit=SHOWN))
        for name, held in _accounts()
    ]
    return render_template(
        "brand/money.html",
        available=available(),
        reserved=brand_targets.reserved(),
        reserved_in_all=reserved_in_all(),
        returning=[held.balance for name, held in _accounts() if name == "refunds"],
        books=books,
        about=_about(entry for _, _, entries in books for entry in entries),
        deposits=shown,
        paid_for=brand_targets.paid_by(shown),
        refunds=list(db.session.scalars(refunds.limit(SHOWN))),
        brand=brand,
        disputes=brand_standing.disputes(),
        debt_form=forms.blank(),
    )


@bp.get("/money/<name>/<currency>")
@audience("brand")
def account(name: str, currency: str) -> ResponseReturnValue:
    """Every line of one account, newest first."""
    held = next(
        (it for known, it in _accounts() if (known, it.balance.currency) == (name, currency)), None
    )
    if held is None:
        raise NotFound("no such account")
    url = url_for("brand.account", name=name, currency=currency)
    page = _page(held, url)
    return render_template(
        "brand/account.html", name=name, held=held, page=page, about=_about(page.rows), url=url
    )


@bp.get("/transactions/<uuid:transaction_id>")
@audience("brand")
def transaction(transaction_id: UUID) -> ResponseReturnValue:
    """One transaction: what it was for, its debits and credits, and what else came of its cause."""
    own = _own()
    found = trace.found(transaction_id, own)
    related = balances.transactions_of(found.cause)
    return render_template(
        "brand/transaction.html",
        transaction=found,
        sides=trace.sides(found, own),
        related=[it for it in related if trace.touches(it, own)],
        **_evidence(found.cause),
    )


def _accounts() -> list[tuple[str, Held]]:
    """The brand's own accounts, available first."""
    held = balances.balances_of(access.current_brand().ledger_owner)
    return [(name, it) for name, kind in _KINDS.items() for it in held if it.account.kind == kind]


def _page(held: Held, url: str) -> Page[Entry]:
    """The lines of an account from '?before=<transaction>' on."""
    text = request.args.get("before")
    try:
        before = UUID(text) if text else None
    except ValueError:
        abort(400)
    found = balances.entries(held.account, held.balance.currency, before, paging.ROWS + 1)
    rows = found[: paging.ROWS]
    more = len(found) > len(rows)
    older_url = f"{url}?before={rows[-1].transaction_id.hex}" if more else None
    return Page(rows, older_url, is_first=before is None)


def _own() -> dict[str, str]:
    """The ledger owners that are the brand's: itself, and what it pays for by title."""
    return {access.current_brand().ledger_owner: ""} | brand_targets.owners()


def _about(entries: Iterable[Entry]) -> dict[UUID, Target]:
    """What each cause is about, by the cause's id."""
    ids = {entry.cause.id for entry in entries}
    deposits = db.session.scalars(select(Deposit).where(Deposit.id.in_(ids)))
    return brand_targets.of_ids(ids) | brand_targets.paid_by(deposits)


def _evidence(cause: Cause) -> dict[str, Target | Deposit | Refund | Dispute | Agreement | None]:
    """What a transaction goes back to: what was paid for, an agreement, a top-up or its end."""
    refund = db.session.get(Refund, cause.id) if cause.type == "refund" else None
    dispute = db.session.get(Dispute, cause.id) if cause.type == "dispute" else None
    gone_back = refund or dispute
    deposit_id = gone_back.deposit_id if gone_back else None
    deposit_id = cause.id if cause.type == "deposit" else deposit_id
    deposit = db.session.get(Deposit, deposit_id) if deposit_id else None
    agreement = earning_sources.agreement_of(cause)
    paid_for = agreement.campaign_id if agreement else cause.id
    found = brand_targets.paid_by([deposit]) if deposit else brand_targets.of_ids([paid_for])
    return {
        "agreement": agreement,
        "refund": refund,
        "dispute": dispute,
        "deposit": deposit,
        "target": next(iter(found.values()), None),
    }
