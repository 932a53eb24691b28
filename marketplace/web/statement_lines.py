"""The lines of a creator's statement as people read them, on the page and in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask_babel import gettext
from sqlalchemy import select

from marketplace.earnings import statement as statements
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.income.importing import IncomeRow
from marketplace.ledger.statement import StatementLine
from marketplace.money import Money, zero
from marketplace.payouts.payout import Payout
from marketplace.web import clawbacks, earning_sources, trace
from marketplace.web import creator_words as words

LATE = "payout_arrived_late"  # a payout whose failure is undone: no debt was repaid


@dataclass(frozen=True)
class Line:
    """One line; of gross, platform fee and net, a clawback has the negatives.

    The balance is the one before, plus net and debt, less what was paid out.
    """

    entry: StatementLine
    source: str  # the kind of earning it is about; '' for a payout
    what: str
    reference: str
    gross: Money | None
    platform_fee: Money | None
    net: Money | None
    debt: Money | None  # what this added to the creator's debt; negative: what it repaid
    paid_out: Money | None  # negative: it came back
    balance: Money  # all that is owed after this line
    why: str = ""


def in_words(lines: Sequence[statements.Line]) -> list[Line]:
    """These lines, with what names their sources read for all of them at once."""
    references = _references([it.earning for it in lines if it.earning]) | _transfers(lines)
    exceptions = _exceptions(lines)
    return [
        _line(it, references.get(_about(it), ""), exceptions.get(_about(it), "")) for it in lines
    ]


def _about(line: statements.Line) -> UUID:
    return line.earning.id if line.earning else line.entry.cause.id


def _line(line: statements.Line, reference: str, why: str) -> Line:
    entry, earning, clawback = line.entry, line.earning, line.clawback
    what = trace.name(entry.kind)
    gross = fee = net = None
    if clawback is not None and earning is not None:
        gross, fee, net = -clawback.gross, -clawback.platform_fee, -clawback.net
        what = gettext("Clawed back: %(kind)s", kind=words.KINDS[earning.kind])
        why = clawbacks.reason(clawback.reason)
    elif earning is not None:
        gross, fee, net = earning.net + earning.platform_fee, earning.platform_fee, earning.net
        what = str(words.KINDS[earning.kind])
    elif line.debt and entry.kind != LATE:
        repaid = line.debt.minor < 0
        what = gettext("Debt repaid from a payout") if repaid else gettext("Debt back: no payout")
    paid_out = -(line.change - (net or zero(line.change.currency)) - line.debt)
    return Line(
        entry=entry,
        source=earning.kind if earning else "",
        what=what,
        reference=reference,
        gross=gross,
        platform_fee=fee,
        net=net,
        debt=line.debt or None,
        paid_out=paid_out or None,
        balance=line.balance,
        why=why,
    )


def _references(earnings: list[Earning]) -> dict[UUID, str]:
    """The imported reference, campaign, order or challenge of each earning, by the earning's id."""
    ids = [earning.id for earning in earnings]
    rows = select(IncomeRow.earning_id, IncomeRow.reference).where(IncomeRow.earning_id.in_(ids))
    imported = {id: reference for id, reference in db.session.execute(rows) if id}
    return earning_sources.titles(earnings) | imported


def _transfers(lines: Sequence[statements.Line]) -> dict[UUID, str]:
    """The processor's name of each payout's transfer, by the payout's id."""
    ids = [line.entry.cause.id for line in lines if line.entry.cause.type == "payout"]
    rows = db.session.execute(select(Payout.id, Payout.transfer_ref).where(Payout.id.in_(ids)))
    return {payout_id: reference or "" for payout_id, reference in rows}


def _exceptions(lines: Sequence[statements.Line]) -> dict[UUID, str]:
    """Why a payout was made below the threshold, by the payout's id."""
    ids = [line.entry.cause.id for line in lines if line.entry.cause.type == "payout"]
    rows = db.session.execute(select(Payout.id, Payout.lifted_for).where(Payout.id.in_(ids)))
    return {payout_id: str(words.LIFTS[why]) for payout_id, why in rows if why}
