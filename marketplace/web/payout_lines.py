"""What a payout pays, line by line in words, and from an earning forth to what paid it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace.earnings.clawback import Clawback
from marketplace.earnings.earning import Earning
from marketplace.earnings.hold import EarningHold
from marketplace.extensions import db
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.payouts.line import PayoutLine, lines_of, lines_with
from marketplace.payouts.payout import Payout
from marketplace.web import clawbacks, creator_words, earning_sources, trace

SHOWN = 50

_SAID: dict[str, Any] = {
    "carried": _("Left over by the payout before"),
    "recovered": _("Repays debt"),
    "left": _("Stays in the balance for a later payout"),
}


@dataclass(frozen=True)
class Line:
    """One line as people read it; it makes the payout smaller if its amount is negative."""

    number: int
    what: str
    about: str
    amount: Money
    transaction_id: UUID | None
    payout_id: UUID | None  # of what was carried: the payout that left it


@dataclass(frozen=True)
class Page:
    """Some lines of a payout; `after` is the number of the last one if there are more."""

    lines: list[Line]
    after: int | None


def page(payout: Payout, after: int = 0) -> Page:
    """The lines of a payout with a number above `after`."""
    statement = lines_of(payout.id).where(PayoutLine.number > after).order_by(PayoutLine.number)
    rows = list(db.session.scalars(statement.limit(SHOWN + 1)))
    shown = rows[:SHOWN]
    causes = _causes(shown)
    sources = earning_sources.named(it for it in causes.values() if isinstance(it, Earning))
    lines = [_line(row, payout.currency, causes.get(row.cause_id), sources) for row in shown]
    return Page(lines, shown[-1].number if len(rows) > SHOWN else None)


def paid_by(causes: Iterable[Cause]) -> list[Payout]:
    """Every payout that paid what these causes made; one that was given back leads to the next."""
    found: dict[UUID, Payout] = {}
    asked = list(causes)
    while asked:
        ids = {it.payout_id for it in lines_with(asked)} - found.keys()
        payouts = db.session.scalars(select(Payout).where(Payout.id.in_(ids)).order_by(Payout.id))
        found |= {it.id: it for it in payouts}
        asked = [found[id].cause for id in ids]
    return sorted(found.values(), key=lambda it: it.id)


def _line(
    row: PayoutLine, currency: str, cause: Earning | Clawback | None, sources: dict[UUID, str]
) -> Line:
    what, about = str(_SAID.get(row.kind) or trace.name(row.kind)), ""
    if isinstance(cause, Clawback):
        about = clawbacks.reason(cause.reason)
    elif cause is not None:
        kind = creator_words.KINDS[cause.kind]
        what = str(kind) if row.kind == "earning_matured" else f"{what}: {kind}"
        about = sources.get(cause.id, "")
    return Line(
        number=row.number,
        what=what,
        about=about,
        amount=Money(row.amount_minor, currency),
        transaction_id=row.transaction_id,
        payout_id=row.cause_id if row.kind == "carried" else None,
    )


def _causes(rows: Iterable[PayoutLine]) -> dict[UUID, Earning | Clawback]:
    """The earning or clawback that each cause is; of a hold, the earning that it is of."""
    ids: dict[str, list[UUID]] = {}
    for row in rows:
        ids.setdefault(row.cause_type, []).append(row.cause_id)
    found: dict[UUID, Earning | Clawback] = {}
    earnings = select(Earning).where(Earning.id.in_(ids.get("earning", [])))
    found |= {it.id: it for it in db.session.scalars(earnings)}
    undone = select(Clawback).where(Clawback.id.in_(ids.get("clawback", [])))
    found |= {it.id: it for it in db.session.scalars(undone)}
    held = (
        select(EarningHold.id, Earning)
        .join(Earning, Earning.id == EarningHold.earning_id)
        .where(EarningHold.id.in_(ids.get("earning_hold", [])))
    )
    return found | {hold_id: earning for hold_id, earning in db.session.execute(held)}
