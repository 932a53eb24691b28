"""The books: the trial balance, any account's entries, any transaction, and who moved what."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from marketplace.access import audience
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.ledger import audit, balances
from marketplace.ledger.balances import Transaction
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import AccountRef, Cause
from marketplace.money import Money, zero
from marketplace.statuses import StatusChange
from marketplace.web import clawbacks, paging
from marketplace.web import operator_names as names
from marketplace.web import operator_words as words
from marketplace.web.operator import bp

ENTRIES_SHOWN = 50
ACCOUNTS_MAX = 100
_WORDS_LENGTH_MAX = 100


@bp.get("/ledger")
@audience("operator")
def ledger() -> ResponseReturnValue:
    """The trial balance; both sides of a currency sum to the same."""
    trial = audit.trial_balance()
    sums = {currency: _sides(lines) for currency, lines in trial.items()}
    return render_template("operator/ledger.html", trial=trial, sums=sums, **_search_choices())


def _sides(lines: list[audit.TrialLine]) -> tuple[Money, Money]:
    start = zero(lines[0].debit.currency)
    return sum((it.debit for it in lines), start), sum((it.credit for it in lines), start)


def _search_choices() -> dict[str, Any]:
    kinds = [(kind.value, str(words.ACCOUNT_KINDS[kind])) for kind in AccountKind]
    return {"kinds": kinds, "asked": {}}


@bp.get("/ledger/accounts")
@audience("operator")
def accounts() -> ResponseReturnValue:
    """The accounts of whoever is meant by some words, or of one kind or currency."""
    asked = {name: request.args.get(name, "").strip() for name in ("owner", "kind", "currency")}
    if any(len(value) > _WORDS_LENGTH_MAX for value in asked.values()):
        abort(400)
    found = audit.accounts(
        names.owners_called(asked["owner"]) if asked["owner"] else None,
        asked["kind"] or None,
        asked["currency"].upper() or None,
        ACCOUNTS_MAX + 1,
    )
    return render_template(
        "operator/accounts.html",
        found=found[:ACCOUNTS_MAX],
        more=len(found) > ACCOUNTS_MAX,
        parties=names.parties({held.account.owner for held in found}),
        **_search_choices() | {"asked": asked},
    )


@bp.get("/ledger/account")
@audience("operator")
def account() -> ResponseReturnValue:
    """One account's entries, newest first, with what it held after each."""
    ref, currency = _account_asked_for()
    before = _uuid(request.args["before"]) if "before" in request.args else None
    entries = balances.entries(ref, currency, before, ENTRIES_SHOWN + 1)
    if not entries and before is None:
        raise NotFound("no such account")
    shown = entries[:ENTRIES_SHOWN]
    return render_template(
        "operator/account.html",
        account=ref,
        currency=currency,
        balance=balances.balance(ref, currency),
        party=names.parties([ref.owner])[ref.owner],
        entries=shown,
        older=shown[-1].transaction_id if len(entries) > ENTRIES_SHOWN else None,
        is_first=before is None,
    )


def _account_asked_for() -> tuple[AccountRef, str]:
    owner, currency = request.args.get("owner", ""), request.args.get("currency", "")
    kind = request.args.get("kind", "")
    if kind not in list(AccountKind) or not re.fullmatch("[A-Z]{3}", currency):
        raise NotFound("no such account")
    return AccountRef(owner, AccountKind(kind)), currency


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        abort(400)


@bp.get("/ledger/transactions/<uuid:transaction_id>")
@audience("operator")
def transaction(transaction_id: UUID) -> ResponseReturnValue:
    """One transaction: debits and credits, why, and what else the same cause posted."""
    found = balances.trace(transaction_id)
    if found is None:
        raise NotFound("no such transaction")
    siblings = balances.transactions_of(found.cause)
    return render_template(
        "operator/transaction.html",
        transaction=found,
        siblings=[other for other in siblings if other.id != found.id],
        parties=names.parties({line.account.owner for line in found.lines}),
        totals=_totals(found),
    )


def _totals(transaction: Transaction) -> list[Money]:
    """What moved, per currency: the sum of the debits, which is that of the credits."""
    totals: dict[str, Money] = {}
    for line in transaction.lines:
        if line.amount.minor > 0:
            currency = line.amount.currency
            totals[currency] = totals.get(currency, zero(currency)) + line.amount
    return list(totals.values())


@bp.get("/ledger/things/<type>/<uuid:thing_id>")
@audience("operator")
def thing(type: str, thing_id: UUID) -> ResponseReturnValue:
    """What happened to an earning, deposit, campaign ..., and what was posted because of it."""
    if type not in words.THINGS:
        raise NotFound("no such kind of thing")
    of_thing = StatusChange.thing == type, StatusChange.thing_id == thing_id
    moves = list(
        db.session.scalars(select(StatusChange).where(*of_thing).order_by(StatusChange.id))
    )
    postings = balances.transactions_of(Cause(type, thing_id))
    if not moves and not postings:
        raise NotFound("no such thing")
    return render_template(
        "operator/thing.html",
        type=type,
        thing_id=thing_id,
        moves=moves,
        actors=names.actors(move.actor for move in moves),
        postings=postings,
        clawbacks=clawbacks.about(type, thing_id),
    )


@bp.get("/ledger/changes")
@audience("operator")
def changes() -> ResponseReturnValue:
    """Every move of every thing, newest first; `?thing=` and `?actor=` show those of one."""
    kind, actor = request.args.get("thing", ""), request.args.get("actor", "")
    statement = select(StatusChange)
    if len(actor) > _WORDS_LENGTH_MAX:
        abort(400)
    if actor:
        statement = statement.where(StatusChange.actor == actor)
    if kind in words.THINGS:
        statement = statement.where(StatusChange.thing == kind)
    page = paging.newest_first(statement, StatusChange.id)
    return render_template(
        "operator/changes.html",
        page=page,
        kind=kind if kind in words.THINGS else None,
        actor=actor or None,
        actors=names.actors(move.actor for move in page.rows),
    )
