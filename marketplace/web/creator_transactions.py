"""Any line of a creator's money, back to what earned it or forth to where it went."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from marketplace import access
from marketplace.access import audience
from marketplace.challenges import judging
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.income.importing import IncomeImport, IncomeRow
from marketplace.ledger import balances
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun
from marketplace.web import creator_words as words
from marketplace.web import trace
from marketplace.web.creator import bp


@bp.get("/transactions/<uuid:transaction_id>")
@audience("creator")
def transaction(transaction_id: UUID) -> ResponseReturnValue:
    """What happened, why, and its debits and credits; also what else came of the same cause."""
    own = {access.current_creator().ledger_owner: ""}
    found = trace.found(transaction_id, own)
    related = balances.transactions_of(found.cause)
    return render_template(
        "creator/transaction.html",
        transaction=found,
        sides=trace.sides(found, own),
        related=[it for it in related if trace.touches(it, own)],
        **_evidence(found.cause),
    )


def _evidence(cause: Cause) -> dict[str, Any]:
    """What a transaction goes back to: an earning with its imported row, or a payout."""
    earning = db.session.get(Earning, cause.id) if cause.type == "earning" else None
    payout = db.session.get(Payout, cause.id) if cause.type == "payout" else None
    return _of_earning(earning) | _of_payout(payout)


def _of_earning(earning: Earning | None) -> dict[str, Any]:
    if earning is None:
        return {"earning": None, "row": None, "brought": None, "challenge": None}
    statement = (
        select(IncomeRow, IncomeImport)
        .join(IncomeImport, IncomeImport.id == IncomeRow.import_id)
        .where(IncomeRow.earning_id == earning.id)
    )
    row, brought = db.session.execute(statement).one_or_none() or (None, None)
    return {
        "earning": earning,
        "gross": Money(earning.gross_minor, earning.currency),
        "platform_fee": Money(earning.platform_fee_minor, earning.currency),
        "row": row,
        "brought": brought,
        "challenge": judging.awarded_by(earning),
    }


def _of_payout(payout: Payout | None) -> dict[str, Any]:
    if payout is None:
        return {"payout": None}
    return {"payout": payout} | evidence_of(payout)


def evidence_of(payout: Payout) -> dict[str, Any]:
    """The run that decided a payout, where it goes, and every move it made."""
    return {
        "run": db.session.get_one(PayoutRun, payout.run_id),
        "destination": db.session.get_one(Destination, payout.destination_id),
        "history": words.history(payout),
    }
