"""The pools: what the creator fund and gifts can pay, and how an operator fills them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import clock
from marketplace.access import audience, current_person
from marketplace.errors import BadInput, NotFound
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Deposit, DepositStatus, Purpose
from marketplace.ledger import balances, postings
from marketplace.ledger.balances import Entry
from marketplace.ledger.draft import AccountRef
from marketplace.money import Money
from marketplace.payouts.threshold import currencies
from marketplace.schemas.operations import FillPool
from marketplace.web import checkout, forms
from marketplace.web.operator import bp

ENTRIES_SHOWN = 6
_POOLS = {
    Purpose.FUND_POOL: postings.POOLS["fund"],
    Purpose.GIFT_POOL: postings.POOLS["gift"],
}


@bp.get("/pools")
@audience("operator")
def pools() -> ResponseReturnValue:
    """What each pool holds, and its latest entries."""
    under_way = db.session.scalars(
        select(Deposit)
        .where(
            Deposit.purpose.in_(_POOLS),
            Deposit.status.in_((DepositStatus.CREATED, DepositStatus.PENDING)),
        )
        .order_by(Deposit.id.desc())
    )
    return render_template(
        "operator/pools.html",
        pools=[(name, account, _held(account)) for name, account in _named()],
        under_way=list(under_way),
        pool_of=dict(_names()),
    )


def _held(account: AccountRef) -> list[tuple[Money, list[Entry]]]:
    """What a pool holds per currency, with the latest entries."""
    return [
        (held.balance, balances.entries(account, held.balance.currency, limit=ENTRIES_SHOWN))
        for held in balances.balances_of(account.owner)
        if held.account == account
    ]


def _names() -> list[tuple[Purpose, str]]:
    return [
        (Purpose.FUND_POOL, gettext("Creator fund")),
        (Purpose.GIFT_POOL, gettext("Gift pool")),
    ]


def _named() -> list[tuple[str, AccountRef]]:
    return [(name, _POOLS[purpose]) for purpose, name in _names()]


@bp.get("/pools/fill")
@audience("operator")
def fill() -> ResponseReturnValue:
    """Which pool, and how much?"""
    offered = ("pool", "currency", "amount")
    form = forms.blank(**{name: request.args.get(name, "")[:40] for name in offered})
    return render_template("operator/fill.html", form=form, **_choices())


@bp.post("/pools/fill")
@audience("operator")
def begin_fill() -> ResponseReturnValue:
    """Ask for a hosted checkout, once per form."""
    form = forms.sent(FillPool())
    with form.refusals():
        data = form.data
        if data["currency"] not in currencies(clock.now()):
            raise BadInput("currency", {"currency": gettext("Please choose one of the list.")})
        deposit = forms.once(Deposit, data["form_key"], lambda: _request(data))
        return redirect(url_for("operator.deposit", deposit_id=deposit.id, **checkout.ONWARD), 303)
    return form.again("operator/fill.html", **_choices())


def _request(data: dict[str, Any]) -> Deposit:
    person = current_person()
    purpose = Purpose(data["pool"])
    return deposits.request(
        purpose,
        data["amount"],
        requested_by=person.id,
        payer_email=person.email,
        form_key=data["form_key"],
        site_url=current_app.extensions["settings"].base_url + url_for("operator.home"),
        description=f"Top-up of the {purpose.replace('_', ' ')}",
        at=clock.now(),
    )


def _choices() -> dict[str, Any]:
    return {"pools": _names(), "currencies": [(it, it) for it in sorted(currencies(clock.now()))]}


@bp.get("/deposits/<uuid:deposit_id>")
@audience("operator")
def deposit(deposit_id: UUID) -> ResponseReturnValue:
    """Where the filling of a pool stands; the processor's pages lead back here."""
    found = db.session.get(Deposit, deposit_id)
    if found is None or found.purpose not in _POOLS:
        raise NotFound("no such deposit of a pool")
    return checkout.waiting_page(
        found,
        what=dict(_names())[Purpose(found.purpose)],
        back_url=url_for("operator.pools"),
        back_label=gettext("Pools"),
    )
