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
from marketplace.commissions.sale import Sale
from marketplace.earnings.clawback import Clawback, clawbacks_of, kept
from marketplace.earnings.earning import Earning
from marketplace.earnings.hold import EarningHold, holds_of
from marketplace.extensions import db
from marketplace.income.importing import IncomeImport, IncomeRow
from marketplace.ledger import balances
from marketplace.ledger.balances import Transaction
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun
from marketplace.web import creator_words as words
from marketplace.web import earning_sources, payout_lines, trace
from marketplace.web.creator import bp


@bp.get("/transactions/<uuid:transaction_id>")
@audience("creator")
def transaction(transaction_id: UUID) -> ResponseReturnValue:
    """What happened, why, and its debits and credits; also what else came of the same cause."""
    own = {access.current_creator().ledger_owner: ""}
    found = trace.found(transaction_id, own)
    related = balances.transactions_of(found.cause)
    evidence = _evidence(found.cause)
    if evidence["earning"]:
        related = _life_of(evidence["earning"])
    return render_template(
        "creator/transaction.html",
        transaction=found,
        sides=trace.sides(found, own),
        related=[it for it in related if trace.touches(it, own)],
        paid_by=payout_lines.paid_by(
            _causes_of(evidence["earning"]) if evidence["earning"] else [found.cause]
        ),
        **evidence,
    )


def _life_of(earning: Earning) -> list[Transaction]:
    """Everything that was posted because of an earning, a hold or a clawback of it, in order."""
    found = [it for cause in _causes_of(earning) for it in balances.transactions_of(cause)]
    return sorted(found, key=lambda it: (it.effective_at, it.id))


def _causes_of(earning: Earning) -> list[Cause]:
    causes = [earning.cause, *(it.cause for it in holds_of(earning))]
    return causes + [it.cause for it in clawbacks_of([earning])]


def _evidence(cause: Cause) -> dict[str, Any]:
    """What a transaction goes back to: an earning, perhaps by a clawback of it, or a payout."""
    clawback = db.session.get(Clawback, cause.id) if cause.type == "clawback" else None
    hold = db.session.get(EarningHold, cause.id) if cause.type == "earning_hold" else None
    undone = clawback or hold
    earning_id = undone.earning_id if undone else cause.id
    earning = db.session.get(Earning, earning_id) if cause.type != "payout" else None
    payout = db.session.get(Payout, cause.id) if cause.type == "payout" else None
    return _of_earning(earning) | _of_payout(payout) | {"clawback": clawback}


def _of_earning(earning: Earning | None) -> dict[str, Any]:
    if earning is None:
        return {
            "earning": None,
            "clawbacks": [],
            "holds": [],
            "row": None,
            "brought": None,
            "agreement": None,
            "challenge": None,
            "sale": None,
        }
    statement = (
        select(IncomeRow, IncomeImport)
        .join(IncomeImport, IncomeImport.id == IncomeRow.import_id)
        .where(IncomeRow.earning_id == earning.id)
    )
    row, brought = db.session.execute(statement).one_or_none() or (None, None)
    return {
        "earning": earning,
        "kept": kept(earning),
        "clawbacks": clawbacks_of([earning]),
        "holds": holds_of(earning),
        "gross": Money(earning.gross_minor, earning.currency),
        "platform_fee": earning.platform_fee,
        "row": row,
        "brought": brought,
        "agreement": earning_sources.agreements([earning]).get(earning.id),
        "challenge": judging.awarded_by(earning),
        "sale": db.session.scalars(select(Sale).filter_by(earning_id=earning.id)).one_or_none(),
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
